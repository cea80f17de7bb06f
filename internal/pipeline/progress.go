package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
)

// target is where a role may end with --once: the end offsets of its input,
// taken after the role before it has committed its last transaction. Until it is
// set, a role goes on.
type target struct {
	ends  atomic.Pointer[map[string]broker.Ends]
	unset context.Context // done once ends is set
	wake  context.CancelFunc
}

func newTarget() *target {
	t := &target{}
	t.unset, t.wake = context.WithCancel(context.Background())
	return t
}

func (t *target) set(ends map[string]broker.Ends) {
	t.ends.Store(&ends)
	t.wake()
}

// patience is how long a role may wait for input: briefly once there is an end
// in sight. The context ends with parent, and early when the target is set.
func (t *target) patience(parent context.Context) (context.Context, time.Duration, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	if t.ends.Load() != nil {
		return ctx, batchWait, cancel
	}
	stop := context.AfterFunc(t.unset, cancel)
	return ctx, tick, func() { stop(); cancel() }
}

// progress is how far a consumer group has come, by what this process committed.
type progress struct {
	adm   *kadm.Client
	group string
	next  map[partition]int64 // all below is done
}

func newProgress(adm *kadm.Client, group string) *progress {
	return &progress{adm: adm, group: group, next: map[partition]int64{}}
}

// advance notes records, markers included, as done.
func (p *progress) advance(records []*kgo.Record) {
	for _, r := range records {
		p.set(partition{r.Topic, r.Partition}, r.Offset+1)
	}
}

func (p *progress) set(at partition, next int64) { p.next[at] = max(p.next[at], next) }

func (p *progress) forget(at partition) { delete(p.next, at) }

// reached reports whether everything below the target is done.
func (p *progress) reached(ctx context.Context, t *target) (bool, error) {
	ends := t.ends.Load()
	if ends == nil {
		return false, nil
	}
	for topic, partitions := range *ends {
		for id, r := range partitions {
			at := partition{topic, id}
			if r.From >= r.To || p.next[at] >= r.To {
				continue
			}
			if _, known := p.next[at]; known {
				return false, nil
			}
			// Nothing came from it yet: an earlier run may have done it all.
			if err := p.load(ctx); err != nil {
				return false, err
			}
			if p.next[at] < r.To {
				return false, nil
			}
		}
	}
	return true, nil
}

// load takes the committed offsets of the group.
func (p *progress) load(ctx context.Context) error {
	offsets, err := committedOffsets(ctx, p.adm, p.group)
	if err != nil {
		return err
	}
	offsets.Each(func(o kadm.OffsetResponse) { p.set(partition{o.Topic, o.Partition}, o.At) })
	return nil
}

// coordinatorMoves is how long a group's coordinator is asked while it goes over to
// another broker.
const coordinatorMoves = 30 * time.Second

// askCoordinator asks a group's coordinator, and again while that is away: kgo gives up
// once it cannot dial the broker that it knows as such.
func askCoordinator[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	return backoff.Retry(ctx, func() (T, error) {
		answer, err := ask()
		if err != nil && !broker.Passing(err) {
			err = backoff.Permanent(err)
		}
		return answer, err
	}, backoff.WithBackOff(newBackOff(100*time.Millisecond, time.Second)), backoff.WithMaxElapsedTime(coordinatorMoves))
}

// committedOffsets are those of a group; none if there is no such group yet: the
// first member may be on its way into it.
func committedOffsets(ctx context.Context, adm *kadm.Client, group string) (kadm.OffsetResponses, error) {
	return askCoordinator(ctx, func() (kadm.OffsetResponses, error) { return committedNow(ctx, adm, group) })
}

// committedNow is committedOffsets of one answer.
func committedNow(ctx context.Context, adm *kadm.Client, group string) (kadm.OffsetResponses, error) {
	offsets, err := adm.FetchOffsets(ctx, group)
	if err == nil {
		err = offsets.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("fetch offsets of group %s: %w", group, err)
	}
	return offsets, nil
}
