package object

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/ingest"
)

var errKilled = errors.New("killed")

func old(n int) time.Time { return time.Now().Add(-time.Duration(n) * time.Hour) }

// fill puts n objects into the store and returns their records.
func fill(m *memory, n int, at func(i int) time.Time) map[string]int {
	want := map[string]int{}
	for i := range n {
		key := fmt.Sprintf("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/%02d/%04d.json", 1+i%20, i)
		body, records := ndjson(fmt.Sprint(i), 0, 1+i%7)
		m.put(key, body, at(i))
		for _, r := range records {
			want["s3://logs/"+key+" "+r] = 1
		}
	}
	return want
}

func allSlots() []int {
	slots := make([]int, ingest.Slots)
	for i := range slots {
		slots[i] = i
	}
	return slots
}

// A listing that is killed at any put, again and again, holds each record once.
func TestKilledAtEachPut(t *testing.T) {
	for _, reverse := range []bool{false, true} {
		t.Run(fmt.Sprintf("reverse=%t", reverse), func(t *testing.T) {
			m, d := newMemory(), newDurable()
			want := fill(m, 200, func(i int) time.Time { return old(i % 5) }) // some not settled
			m.reverse = reverse
			next := 1
			d.fail = func(n int) error {
				if n == next {
					return errKilled
				}
				return nil
			}
			l := testListing(m, nil)
			for run := 0; ; run++ {
				err := l.Run(t.Context(), d.stored(), d.put)
				if err == nil {
					break
				}
				if !errors.Is(err, errKilled) || run > 500 {
					t.Fatalf("run %d: %v", run, err)
				}
				next = d.puts + 1 + run%6
			}
			if !reverse { // else the objects of the first pass before its order was known are read again
				d.check(t, want)
			}
			d.fail = func(int) error { return nil }
			opened := m.opened
			if err := l.Run(t.Context(), d.stored(), d.put); err != nil {
				t.Fatal(err)
			}
			if m.opened != opened {
				t.Errorf("%d objects were opened again with nothing new", m.opened-opened)
			}
			for r := range want {
				if d.records[r] == 0 {
					t.Errorf("%s is missing", r)
				}
			}
		})
	}
}

// Objects that appear before what has been read, and that are written again, are read;
// what is settled leaves no cursor of its own.
func TestLateObjects(t *testing.T) {
	m, d := newMemory(), newDurable()
	want := fill(m, 50, func(int) time.Time { return old(3) })
	l := testListing(m, nil)
	run := func() {
		t.Helper()
		if err := l.Run(t.Context(), d.stored(), d.put); err != nil {
			t.Fatal(err)
		}
		d.check(t, want)
	}
	run()
	for key := range d.stored() {
		if strings.HasPrefix(key, objectPrefix) {
			t.Errorf("the cursor %s is left", key)
		}
	}
	body, records := ndjson("late", 0, 3)
	m.put("AWSLogs/000000000000/first.json", body, time.Now())
	for _, r := range records {
		want["s3://logs/AWSLogs/000000000000/first.json "+r] = 1
	}
	run()
	run()
}

// A large object goes on behind the last chunk that was durable, plain or not.
func TestLargeObjectMakesProgress(t *testing.T) {
	for _, name := range []string{"plain", "gzip", "envelope"} {
		t.Run(name, func(t *testing.T) {
			m, d := newMemory(), newDurable()
			body, records := ndjson("large", 0, 4*chunkRecords)
			key := "large." + name
			switch name {
			case "gzip":
				body = gzipped(t, body)
			case "envelope":
				body = `{"Records":[` + strings.Join(records, ",") + `]}`
			}
			m.put(key, body, old(3))
			want := map[string]int{}
			for _, r := range records {
				want["s3://logs/"+key+" "+r] = 1
			}
			runs := 0
			for ; ; runs++ {
				started := d.puts
				d.fail = func(n int) error { // each run gets one chunk through
					if n > started+1 {
						return errKilled
					}
					return nil
				}
				err := testListing(m, nil).Run(t.Context(), d.stored(), d.put)
				if err == nil {
					break
				}
				if !errors.Is(err, errKilled) || runs > 20 {
					t.Fatalf("run %d: %v", runs, err)
				}
			}
			if runs < 3 {
				t.Errorf("only %d runs were killed", runs)
			}
			d.check(t, want)
		})
	}
}

// Trouble of the store: connections break, requests fail, some objects are refused for a
// while, one is deleted.
func TestTroubleOfTheStore(t *testing.T) {
	streamPause = time.Millisecond
	rng := rand.New(rand.NewPCG(7, 7))
	m, d := newMemory(), newDurable()
	want := fill(m, 120, func(i int) time.Time { return old(i % 4) })
	refused := true
	m.cut = func(string) int { return 1 + rng.IntN(40) }
	m.trouble = func(what, key string) error {
		switch {
		case what == "open" && refused && strings.HasSuffix(key, "7.json"):
			return fmt.Errorf("get: %w", ErrRefused)
		case what == "open" && rng.IntN(20) == 0:
			return errors.New("503 SlowDown")
		}
		return nil
	}
	var problems []string
	l := testListing(m, func(c *Config) { c.Report = func(p string) { problems = append(problems, p) } })
	if err := l.Run(t.Context(), d.stored(), d.put); err != nil {
		t.Fatal(err)
	}
	if len(problems) == 0 || !strings.Contains(problems[0], "cannot be read") {
		t.Errorf("the problems are %q", problems)
	}
	refused = false
	m.mu.Lock()
	delete(m.objects, "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/08/0007.json")
	m.mu.Unlock()
	for range 20 {
		if err := l.Run(t.Context(), d.stored(), d.put); err != nil {
			t.Fatal(err)
		}
	}
	lost := 0
	for r := range want {
		if strings.Contains(r, "/0007.json") {
			delete(want, r)
			lost++
		}
	}
	d.check(t, want)
	if lost != 1 || len(d.dead) != 1 || !strings.Contains(d.dead[0], "0007.json") {
		t.Errorf("dead letters %q", d.dead)
	}
	if p := problems[len(problems)-1]; p != "" {
		t.Errorf("the last report is %q", p)
	}
}

// Growing objects are read as they grow, in any steps, with slots that go from one
// process to another in the middle; each record is there once.
func TestGrowing(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { growAndShare(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func growAndShare(t *testing.T, rng *rand.Rand) {
	m, d := newMemory(), newDurable()
	want := map[string]int{}
	block := rng.IntN(2) == 0 // written anew as {"Records": []}, else appended to
	full := map[string][]string{}
	for i := range 12 {
		_, records := ndjson(fmt.Sprint(i), 0, 30)
		key := fmt.Sprintf("resourceId=/X/y=2026/m=11/d=22/h=%02d/m=00/PT1H.json", i)
		full[key] = records
		for _, r := range records {
			want["s3://logs/"+key+" "+r] = 1
		}
	}
	grown := map[string]int{}
	begin := time.Now().Add(-30 * time.Minute)
	grow := func(key string, all bool) {
		text := ""
		if block {
			n := min(grown[key]+rng.IntN(10), 30)
			if all {
				n = 30
			}
			grown[key] = n
			text = `{"Records":[` + strings.Join(full[key][:n], ",\n") + `]}`
		} else {
			whole := strings.Join(full[key], "\n") + "\n"
			n := min(grown[key]+rng.IntN(len(whole)/3), len(whole))
			if all {
				n = len(whole)
			}
			grown[key] = n
			text = whole[:n]
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.objects[key] = stored{body: []byte(text), at: begin, created: begin, grows: !block && len(full[key][0])%2 == 0}
	}
	l := testListing(m, func(c *Config) { c.Growing = true })
	for step := range 25 {
		for key := range full {
			if rng.IntN(2) == 0 || step == 24 {
				grow(key, step == 24)
			}
		}
		cutAt := d.puts + rng.IntN(12)
		d.fail = func(n int) error {
			if step < 24 && n == cutAt {
				return errKilled
			}
			return nil
		}
		slots := allSlots()
		rng.Shuffle(len(slots), func(i, j int) { slots[i], slots[j] = slots[j], slots[i] })
		at := rng.IntN(len(slots))
		for _, part := range [][]int{slots[:at], slots[at:]} {
			if len(part) == 0 {
				continue
			}
			if err := l.RunSlots(t.Context(), part, d.stored(), d.put); err != nil && !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
		}
	}
	d.check(t, want)
	if len(d.dead) > 0 {
		t.Errorf("dead letters %q", d.dead)
	}
}

// An incomplete record at the end waits while the object may grow, and is a dead letter
// when it no longer does.
func TestUnfinishedRecord(t *testing.T) {
	m, d := newMemory(), newDurable()
	m.put("y=2026/m=11/d=22/h=05/m=00/PT1H.json", "{\"id\":1}\n{\"id\":", time.Now())
	l := testListing(m, func(c *Config) { c.Growing = true })
	if err := l.Run(t.Context(), d.stored(), d.put); err != nil {
		t.Fatal(err)
	}
	if len(d.records) != 1 || len(d.dead) != 0 {
		t.Fatalf("%v, dead letters %q", d.records, d.dead)
	}
	m.put("y=2026/m=11/d=22/h=05/m=00/PT1H.json", "{\"id\":1}\n{\"id\":", old(2)) // its hour ended
	for range 2 {
		if err := l.Run(t.Context(), d.stored(), d.put); err != nil {
			t.Fatal(err)
		}
		if len(d.records) != 1 || len(d.dead) != 1 {
			t.Fatalf("%v, dead letters %q", d.records, d.dead)
		}
	}
	for key := range d.stored() {
		if strings.HasPrefix(key, objectPrefix) {
			t.Errorf("the cursor %s is left", key)
		}
	}
}

// A drain ends a run without an error, between two chunks.
func TestDrain(t *testing.T) {
	m, d := newMemory(), newDurable()
	want := fill(m, 300, func(int) time.Time { return old(3) })
	for len(d.records) < len(want) {
		ctx, drain := context.WithCancel(t.Context())
		l := testListing(m, func(c *Config) {
			c.Once = false
			c.Report = func(string) { drain() } // the pass is over
		})
		after := d.puts + 3
		d.fail = func(n int) error {
			if n >= after {
				drain()
			}
			return nil
		}
		if err := l.Run(ctx, d.stored(), d.put); err != nil {
			t.Fatal(err)
		}
		drain()
	}
	d.check(t, want)
}

func TestEverySlotGetsObjects(t *testing.T) {
	m := newMemory()
	fill(m, 200, func(int) time.Time { return old(3) })
	var slots []int
	for key := range m.objects {
		slots = append(slots, ingest.Slot(key))
	}
	slices.Sort(slots)
	if n := len(slices.Compact(slots)); n != ingest.Slots {
		t.Errorf("200 objects are in %d slots", n)
	}
}

// Many objects that are refused for good do not keep others from being read, and a filter
// gives them up.
func TestManyRefused(t *testing.T) {
	m, d := newMemory(), newDurable()
	want := fill(m, 200, func(int) time.Time { return old(3) })
	m.trouble = func(what, key string) error {
		if what == "open" && key < "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/13/" {
			return fmt.Errorf("get: %w", ErrRefused)
		}
		return nil
	}
	run := func(change func(*Config)) error { return testListing(m, change).Run(t.Context(), d.stored(), d.put) }
	if err := run(nil); err == nil || !strings.Contains(err.Error(), "in a row cannot be read") {
		t.Errorf("the error is %v", err)
	}
	for range 3 {
		_ = run(nil) // says the same until it is past them
	}
	for r := range want {
		if strings.Contains(r, "/2026/11/0") || strings.Contains(r, "/2026/11/10") || strings.Contains(r, "/2026/11/11") || strings.Contains(r, "/2026/11/12") {
			delete(want, r)
		}
	}
	d.check(t, want)
	if err := run(func(c *Config) { c.Filter.Include = []string{"*/11/13/*"} }); err != nil {
		t.Fatal(err)
	}
	for key := range d.stored() {
		if strings.HasPrefix(key, objectPrefix) {
			t.Errorf("the cursor %s is left", key)
		}
	}
}
