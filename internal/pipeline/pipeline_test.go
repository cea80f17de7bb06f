package pipeline

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// undisturbed is the books of a world through which nothing went wrong.
func undisturbed(t *testing.T) books {
	t.Helper()
	w := newWorld(t.TempDir())
	w.writeLogs(t)
	if err := w.run(t.Context(), Options{Once: true}); err != nil {
		t.Fatal(err)
	}
	return w.audit(t)
}

// TestOnce takes the input through all roles, and then again.
func TestOnce(t *testing.T) {
	w := newWorld(t.TempDir())
	w.writeLogs(t)
	stats := NewStats()
	if err := w.run(t.Context(), Options{Once: true, Stats: stats}); err != nil {
		t.Fatal(err)
	}
	first := w.audit(t)
	checkBooks(t, first)

	snap := stats.Snapshot()
	c := snap.Sources["aws.cloudtrail"]
	if c.Read != worldRecords || c.Read != c.Normalized+c.DeadLettered+c.Duplicates {
		t.Errorf("counts do not add up: %+v", c)
	}
	if int(snap.Rows) != total(first.EventRows)+total(first.AlertRows) {
		t.Errorf("summary says %d rows, the lake has %d and %d", snap.Rows, total(first.EventRows), total(first.AlertRows))
	}
	if len(first.Alerts) < 30 {
		t.Errorf("only %d alerts: the rules of this test should find more", len(first.Alerts))
	}

	if err := w.run(t.Context(), Options{Once: true}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, w.audit(t)); diff != "" {
		t.Errorf("a second run changed something (-first +second):\n%s", diff)
	}
}

// TestKilledAtEachStep kills the process at each step of each role, in the
// middle of its work, and lets a new one finish.
func TestKilledAtEachStep(t *testing.T) {
	want := undisturbed(t)
	for _, fault := range Faults {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newWorld(fastDir(t))
			w.writeLogs(t)
			kill(t, w, fault, 2)
			if err := w.run(t.Context(), Options{Once: true, Workers: 2, batchRecords: victimBatch}); err != nil {
				t.Fatal(err)
			}
			got := w.audit(t)
			checkBooks(t, got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("after kill -9 at %s (-undisturbed +killed):\n%s", fault, diff)
			}
		})
	}
}

// checkBooks checks what must hold of any world.
func checkBooks(t *testing.T, b books) {
	t.Helper()
	if sum := total(b.Events) + b.Dead; b.Raw+worldBroken != sum {
		t.Errorf("%d raw records and %d broken lines, but %d events and %d dead letters", b.Raw, worldBroken, total(b.Events), b.Dead)
	}
	checkOnce(t, b)
}

// checkOnce checks that everything is there once, and in the lake and at the
// destination as in the topics.
func checkOnce(t *testing.T, b books) {
	t.Helper()
	for name, counts := range map[string]map[string]int{
		"events": b.Events, "alerts": b.Alerts, "event rows": b.EventRows, "alert rows": b.AlertRows, "delivered alerts": b.Delivered,
	} {
		if len(counts) == 0 {
			t.Errorf("there are no %s", name)
		}
		for id, n := range counts {
			if n != 1 {
				t.Errorf("%s is %d times in %s", id, n, name)
			}
		}
	}
	for _, pair := range []struct {
		name      string
		want, got map[string]int
	}{{"rows of events", b.Events, b.EventRows}, {"rows of alerts", b.Alerts, b.AlertRows}, {"delivered alerts", b.Alerts, b.Delivered}} {
		if diff := cmp.Diff(pair.want, pair.got); diff != "" {
			t.Errorf("%s differ from the topic (-topic +%s):\n%s", pair.name, pair.name, diff)
		}
	}
}

func total(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}
