package detections

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
)

// process is a correlator as the pipeline runs it: in transactions, some of which are
// aborted, in processes that come and go.
type process struct {
	t   *testing.T
	log []logRecord
	c   *Correlator
	// What is committed.
	next       int64
	checkpoint Checkpoint
	terms      []Term
}

func newProcess(t *testing.T, log []logRecord) *process {
	p := &process{t: t, log: log}
	p.restore()
	return p
}

// restore makes the correlator of what is committed.
func (p *process) restore() {
	p.t.Helper()
	p.c = NewCorrelator(CorrelatorOptions{Lookup: lookup, Experimental: true, Resume: p.checkpoint, Committed: p.next, Terms: p.terms})
	for i := p.checkpoint.From; i < p.next; i++ {
		if events := feed(p.t, p.c, p.log[i], i); len(events) != 0 {
			p.t.Fatalf("replay of offset %d gave %d alerts", i, len(events))
		}
	}
}

// feed gives the next n records, and what comes out.
func (p *process) feed(n int64) (out []*ocsf.Event) {
	for i := p.next; i < p.next+n; i++ {
		out = append(out, feed(p.t, p.c, p.log[i], i)...)
	}
	return out
}

// commit ends a transaction of n records.
func (p *process) commit(n int64) {
	p.t.Helper()
	p.next += n
	var err error
	if p.checkpoint, err = ParseCheckpoint(p.c.Checkpoint(p.next).String()); err != nil {
		p.t.Fatal(err)
	}
	if p.checkpoint.From > p.checkpoint.Needed || p.checkpoint.Needed > p.next {
		p.t.Fatalf("checkpoint %v at %d", p.checkpoint, p.next)
	}
	for _, term := range p.c.TakeTerms() {
		p.terms = append(p.terms, written(p.t, term))
	}
}

// written is a term as its record says it.
func written(t *testing.T, term Term) Term {
	t.Helper()
	back, err := ParseTerm(term.Key(), term.Encode())
	if err != nil || back != term {
		t.Fatalf("%+v is read back as %+v, %v", term, back, err)
	}
	return back
}

// TestCorrelatorProperty: whatever the order of arrival within the lateness, and
// wherever transactions are aborted and processes restarted, the alerts and roll-ups
// are those of the plain reading of the semantics.
func TestCorrelatorProperty(t *testing.T) {
	found := map[string]int{}
	for seed := range uint64(80) {
		r := rand.New(rand.NewPCG(seed, 1))
		log := randomLog(r, 20+r.IntN(1000))
		want := reference(signalsOf(log))

		var got outcome
		p := newProcess(t, log)
		for p.next < int64(len(log)) {
			n := min(1+r.Int64N(120), int64(len(log))-p.next)
			out := p.feed(n)
			for _, ev := range out {
				found[ev.FindingInfo.Analytic.UID()]++
			}
			if r.IntN(5) == 0 { // aborted
				p.restore()
				continue
			}
			got.take(out)
			p.commit(n)
			switch r.IntN(6) {
			case 0:
				p.restore()
			case 1: // a new log of terms
				p.terms = p.c.AllTerms()
			}
		}
		got.take(p.c.Finish())
		if late := p.c.Stats().Late; late != 0 {
			t.Fatalf("seed %d: %d signals were late", seed, late)
		}
		got.sort()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: (-want +got)\n%s", seed, diff)
		}
	}
	for _, rule := range testManifest().Rules {
		if found[rule.ID] == 0 {
			t.Errorf("rule %s found nothing", rule.ID)
		}
	}
}

// TestOrderOfArrival: without a watermark any order gives the same.
func TestOrderOfArrival(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 3))
		signals := signalsOf(randomLog(r, 20+r.IntN(500)))
		want := reference(signals)
		r.Shuffle(len(signals), func(i, j int) { signals[i], signals[j] = signals[j], signals[i] })
		c := NewCorrelator(CorrelatorOptions{Lookup: lookup, Experimental: true})
		var got outcome
		for i, s := range signals {
			got.take(feed(t, c, logRecord{signal: s}, int64(i)))
		}
		got.take(c.Finish())
		got.sort()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: (-want +got)\n%s", seed, diff)
		}
	}
}

// TestRestartChangesNothing: with signals that are late, heartbeats that are rare
// and partitions that come, go idle and go, a correlator that is restarted again
// and again gives, at every offset, what an uninterrupted one gives.
func TestRestartChangesNothing(t *testing.T) {
	late := int64(0)
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 2))
		log := roughLog(r, 1500)
		steady, restless := newProcess(t, log), newProcess(t, log)
		for i, rec := range log {
			if r.IntN(100) == 0 {
				watermark := restless.c.mark.now
				if restless.restore(); restless.c.mark.now != watermark {
					t.Fatalf("watermark after restart at %d: %d, want %d", i, restless.c.mark.now, watermark)
				}
			}
			want, got := jsonOf(feed(t, steady.c, rec, int64(i))), jsonOf(restless.feed(1))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d: at offset %d of %d (-steady +restarted)\n%s", seed, i, len(log), diff)
			}
			restless.commit(1)
		}
		late += steady.c.Stats().Late
	}
	if late == 0 {
		t.Error("no signal was late")
	}
}
