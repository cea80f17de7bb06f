package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weir-security/weir/internal/broker"
)

// leaveTimeout bounds how long the end of a role waits for its group.
const leaveTimeout = 5 * time.Second

// leave closes the client of a role and, if the role ended in order, gives its
// partitions to the other members at once. A client that is a static member does
// not say that it goes, so that a restart within the session timeout costs no
// rebalance; but who was drained need not come back. One that was killed or failed
// says nothing: its partitions wait for it until the session times out.
//
// It returns cause, or what went wrong if nothing had before.
func (s *shared) leave(cl *kgo.Client, role Role, group string, closeClient func(), cause error) error {
	member, _ := cl.GroupMetadata()
	s.members.note(group, cl) // it may have joined anew since it last committed
	closeClient()             // first: a client that is told that it left would join again
	if cause != nil || member == "" {
		return cause
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout) // a drain may have used up the other
	defer cancel()
	instance := s.memberID(role)
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = group, member
	// With the member's id, not only the instance's: a successor under the same
	// instance stays.
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID, m.InstanceID = member, &instance
	req.Members = append(req.Members, m)
	resp, err := req.RequestWith(ctx, s.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err == nil && len(resp.Members) == 1 {
		err = kerr.ErrorForCode(resp.Members[0].ErrorCode)
	}
	switch {
	case err == nil, errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.FencedInstanceID), errors.Is(err, kerr.GroupIDNotFound):
		return nil // gone already, or another has its place
	}
	return fmt.Errorf("leave group %s: %w", group, err)
}

// errGivenUp says that a partition may belong to somebody else by now.
var errGivenUp = errors.New("given up")

// explainCommit is the error of an offset commit: errGivenUp if the group knows
// this process no more, or not in this generation.
func explainCommit(err error) error {
	switch {
	case errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.UnknownMemberID),
		errors.Is(err, kerr.StaleMemberEpoch), errors.Is(err, kerr.FencedMemberEpoch),
		errors.Is(err, kerr.RebalanceInProgress):
		return fmt.Errorf("%w: %w", errGivenUp, err)
	}
	return fmt.Errorf("commit offset: %w", err)
}

// members are the consumer groups that this process was a member of, with the ids
// that it had last.
type members struct {
	mu     sync.Mutex
	groups map[string]string // member id by group
}

// note keeps the group and id of a client that is a member.
func (m *members) note(group string, cl *kgo.Client) {
	id, generation := cl.GroupMetadata()
	if id == "" || generation <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.groups == nil {
		m.groups = map[string]string{}
	}
	m.groups[group] = id
}

func (m *members) all() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.groups)
}

// replaced reports whether another process has taken the place of this one, under the
// same instance: in a group, or as the one that collects, which has no group. Member
// ids alone do not tell: a client that a broker has forgotten joins under a new one, and
// may end before it hears of it. Nor do client ids: who takes the place of a static
// member may be shown with that one's.
func (p *pipeline) replaced(ctx context.Context) bool {
	if later, err := p.fencedSince(ctx); err == nil && later {
		return true
	}
	for group, id := range p.members.all() {
		described, err := p.adm.DescribeGroups(ctx, group)
		if err != nil {
			continue
		}
		for _, m := range described[group].Members {
			if m.InstanceID != nil && p.ownInstance(*m.InstanceID) && m.ClientID != p.shared.clientID && m.MemberID != id {
				return true
			}
		}
	}
	return false
}

// ownInstance tells whether a group instance id is one of this instance.
func (s *shared) ownInstance(id string) bool {
	return slices.ContainsFunc(Roles, func(r Role) bool { return s.memberID(r) == id })
}

// lowered reports whether topics take smaller batches than when this process asked.
func (s *shared) lowered(ctx context.Context) bool {
	limit, err := broker.MessageLimit(ctx, kadm.NewClient(s.client), s.limited)
	return err == nil && limit < s.opts.MaxMessage
}
