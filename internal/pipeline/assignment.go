package pipeline

import "github.com/twmb/franz-go/pkg/kgo"

// balancer is a group balancer that tells what its member is given.
type balancer struct {
	kgo.GroupBalancer
	synced func(map[partition]bool)
}

// ParseSyncAssignment implements kgo.GroupBalancer: a client calls it with its
// whole assignment each time that the group has settled one.
func (b balancer) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	given, err := b.GroupBalancer.ParseSyncAssignment(assignment)
	if err == nil {
		now := map[partition]bool{}
		eachPartition(given, func(p partition) { now[p] = true })
		b.synced(now)
	}
	return given, err
}
