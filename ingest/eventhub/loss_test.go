package eventhub

import (
	"strings"
	"testing"

	"github.com/weir-security/weir/schemas/event"
)

// lossLetter wants exactly one dead letter, which tells of missing messages.
func (k *collected) lossLetter(t *testing.T, object, detail string) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.letters) != 1 {
		t.Fatalf("%d dead letters: %+v", len(k.letters), k.letters)
	}
	l := k.letters[0]
	if l.Reason != event.ReasonTruncated || l.Stage != event.StageCollect || len(l.Value) != 0 || l.SHA256 == "" ||
		!strings.HasSuffix(l.Origin.Object, object) || !strings.Contains(l.Detail, detail) {
		t.Errorf("dead letter %+v", l)
	}
}

func (k *collected) want(t *testing.T, records ...string) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.records) != len(records) {
		t.Errorf("%d records, want %d", len(k.records), len(records))
	}
	have := map[string]bool{}
	for _, r := range k.records {
		have[string(r.Value)] = true
	}
	for _, r := range records {
		if !have[r] {
			t.Errorf("missing: %s", r)
		}
	}
}

// What retention has deleted before it was read is a dead letter, and the rest goes on.
func TestExpired(t *testing.T) {
	for _, c := range []struct {
		name    string
		before  int64
		lost    bool
		records []int // that are read in the second run
	}{
		{"what was read", 3, false, []int{3, 4, 5, 6}},
		{"all that was read but the last", 2, false, []int{3, 4, 5, 6}},
		{"what was not read", 5, true, []int{5, 6}},
		{"everything", 7, true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHub(t)
			k := new(collected)
			for n := range 3 {
				h.send(t, 1, message(record(n)))
			}
			k.once(t, h.config())
			k.want(t, record(0), record(1), record(2))
			for n := 3; n < 7; n++ {
				h.send(t, 1, message(record(n)))
			}
			h.send(t, 2, message(record(9)))
			h.expire(t, 1, c.before)
			k.records = nil
			for range 2 { // the second run finds nothing more, and no other loss
				k.once(t, h.config())
			}
			want := []string{record(9)}
			for _, n := range c.records {
				want = append(want, record(n))
			}
			k.want(t, want...)
			if c.lost {
				k.lossLetter(t, "/1/3", "were deleted by the hub's retention")
			} else if len(k.letters) > 0 {
				t.Errorf("dead letters %+v", k.letters)
			}
			h.send(t, 1, message(record(10)))
			k.records, k.letters = nil, nil
			k.once(t, h.config())
			k.want(t, record(10))
		})
	}
}

// A hub that was deleted and made again is told from the old one, whether it has fewer
// messages, as many or more.
func TestRemade(t *testing.T) {
	for name, messages := range map[string]int{"empty": 0, "shorter": 2, "as long": 3, "longer": 6} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			k := new(collected)
			for n := range 3 {
				h.send(t, 1, message(record(n)))
			}
			k.once(t, h.config())
			h.remake(t)
			var want []string
			for n := range messages {
				h.send(t, 1, message(record(100+n)))
				want = append(want, record(100+n))
			}
			k.records = nil
			k.once(t, h.config())
			k.once(t, h.config())
			k.want(t, want...)
			k.lossLetter(t, "/1/3", "the hub was deleted and made again")
		})
	}
}
