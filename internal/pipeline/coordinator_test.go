package pipeline

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

// TestAskCoordinator asks again while a broker is away, and no more than once whom the
// group has put out, who is refused, or who is told to stop.
func TestAskCoordinator(t *testing.T) {
	away := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, c := range []struct {
		name    string
		ctx     context.Context
		answers []error
		asked   int
		want    error
	}{
		{"there", t.Context(), []error{nil}, 1, nil},
		{"away for a while", t.Context(), []error{away, kerr.NotCoordinator, nil}, 3, nil},
		{"put out", t.Context(), []error{explainCommit(kerr.UnknownMemberID), nil}, 1, errGivenUp},
		{"refused", t.Context(), []error{away, kerr.GroupAuthorizationFailed, nil}, 2, kerr.GroupAuthorizationFailed},
		{"told to stop", stopped, []error{away, nil}, 1, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			_, err := askCoordinator(c.ctx, func() (answer struct{}, err error) {
				asked++
				return answer, c.answers[asked-1]
			})
			if asked != c.asked || !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("asked %d times, %v; want %d times, %v", asked, err, c.asked, c.want)
			}
		})
	}
}
