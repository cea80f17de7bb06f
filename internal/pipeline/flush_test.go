package pipeline

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/weir-security/weir/sinks/lake"
)

func TestOverMemory(t *testing.T) {
	buffers := func() map[partition]*buffer {
		open := map[partition]*buffer{}
		for id, size := range []int64{10_000, 50_000, 20_000, 40_000, 30_000} {
			open[partition{"events", int32(id)}] = &buffer{next: 1, bytes: size - rowOverhead, rows: make([]lake.Row, 1)}
		}
		return open
	}
	tests := []struct {
		name  string
		limit int64
		set   func(map[partition]*buffer)
		want  []int32
	}{
		{"all fit", 150_000, nil, nil},
		{"one byte too many", 149_999, nil, []int32{1}},
		{"two have to go", 99_999, nil, []int32{1, 3}},
		{"none may stay", 1, nil, []int32{0, 1, 2, 3, 4}},
		{"a promised one has to wait", 99_999, func(open map[partition]*buffer) { open[partition{"events", 1}].intent = 9 }, []int32{3, 4}},
		{"a stopped one is not written", 99_999, func(open map[partition]*buffer) { open[partition{"events", 1}].broken = errors.New("stopped") }, []int32{3, 4}},
	}
	for _, tt := range tests {
		open := buffers()
		if tt.set != nil {
			tt.set(open)
		}
		var got []int32
		for p := range maps.Keys(overMemory(open, tt.limit)) {
			got = append(got, p.id)
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: partitions %v end, want %v", tt.name, got, tt.want)
		}
	}
}

// TestWorst prefers an error that waiting does not help: behind one that passes it
// would be seen late.
func TestWorst(t *testing.T) {
	full := &lakeError{lake.Transient(errors.New("the disk is full"))}
	lasting := errors.New("access denied")
	for _, errs := range [][]error{{full, lasting}, {lasting, full}, {full, lasting, full}} {
		failed := make(chan error, len(errs))
		for _, err := range errs {
			failed <- err
		}
		close(failed)
		if err := worst(failed); !errors.Is(err, lasting) {
			t.Errorf("of %v: %v", errs, err)
		}
	}
	failed := make(chan error)
	close(failed)
	if err := worst(failed); err != nil {
		t.Error(err)
	}
}
