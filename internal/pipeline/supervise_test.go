package pipeline

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// A reason that comes along with "context canceled" is not taken for an order to stop.
func TestOnlyCanceled(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{context.Canceled, true},
		{fmt.Errorf("role store: %w", context.Canceled), true},
		{errors.Join(context.Canceled, fmt.Errorf("fetch: %w", context.Canceled)), true},
		{broken, false},
		{context.DeadlineExceeded, false},
		{fmt.Errorf("role store: %w", errors.Join(context.Canceled, broken)), false},
		{fmt.Errorf("%w: %w", broken, context.Canceled), false},
	} {
		if got := onlyCanceled(tt.err); got != tt.want {
			t.Errorf("onlyCanceled(%v) is %v", tt.err, got)
		}
	}
}
