package pipeline

import (
	"slices"
	"testing"
)

// Of several revocations in one transaction kgo passes on the first; the group's
// assignment tells of the others.
func TestSyncedAssignment(t *testing.T) {
	p := func(id int32) partition { return partition{"raw", id} }
	s := &session{assigned: map[partition]bool{p(0): true, p(1): true, p(2): true}}
	s.onRevoked(t.Context(), nil, map[string][]int32{"raw": {0}})
	s.onSynced(map[partition]bool{p(1): true}) // 2 has gone, and no callback says so
	if got := s.partitions(); len(got) != 1 || got[0] != p(1) {
		t.Errorf("this process has %v, want only 1", got)
	}
	if !slices.Contains(s.moved, p(0)) || !slices.Contains(s.moved, p(2)) || slices.Contains(s.moved, p(1)) || !s.revoked {
		t.Errorf("moved are %v, want 0 and 2", s.moved)
	}
}
