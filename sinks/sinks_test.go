package sinks

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOutcome(t *testing.T) {
	errAnswer := errors.New("400: mapping conflict")
	partial := &PartialError{Failures: []Failure{{Index: 1, Err: errors.New("429")}, {Index: 2, Permanent: true, Err: errAnswer}}}
	tests := []struct {
		name    string
		err     error
		retry   []int
		refused int
	}{
		{"delivered", nil, nil, 0},
		{"nothing known", errors.New("connection refused"), []int{0, 1, 2}, 0},
		{"alert by alert", partial, []int{1}, 1},
		{"alert by alert, wrapped", fmt.Errorf("bulk: %w", partial), []int{1}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			retry, refused := Outcome(3, tt.err)
			if diff := cmp.Diff(tt.retry, retry); diff != "" {
				t.Errorf("retry (-want +got):\n%s", diff)
			}
			if len(refused) != tt.refused {
				t.Errorf("refused %v, want %d", refused, tt.refused)
			}
		})
	}
	if !errors.Is(partial, errAnswer) {
		t.Error("errors.Is does not see an answer")
	}
	if got, want := partial.Error(), "2 alerts not delivered, 1 of them refused for good: alert 1: 429"; got != want {
		t.Errorf("have %q, want %q", got, want)
	}
}
