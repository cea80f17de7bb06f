package detections

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/weir-security/weir/schemas/ocsf"
)

// BenchmarkCorrelator takes encoded signals of 100,000 groups through a correlator,
// in order of time but for some seconds, with a heartbeat for each 1,000: what
// correlate does with them but for Kafka. It tells the memory of a retained signal. Run
// it with -benchtime 300000x: with fewer signals the groups are empty.
func BenchmarkCorrelator(b *testing.B) {
	const groups, minute = 100_000, 60_000
	for _, rule := range []ManifestRule{
		{Block: BlockNone, Suppress: 10 * minute},
		{Block: BlockCount, Count: 20, Within: 5 * minute, Suppress: 5 * minute},
		{Block: BlockDistinct, Count: 10, Within: 5 * minute, Suppress: 5 * minute},
		{Block: BlockSum, Over: 1 << 30, Within: 5 * minute, Suppress: 5 * minute},
		{Block: BlockSequence, Steps: 3, Ordered: true, Within: 5 * minute, Suppress: 5 * minute},
		{Block: BlockAbsence, Within: minute, Suppress: 5 * minute},
		{Block: BlockFirstSeen, For: 30 * 24 * 60 * minute, Learn: 60 * minute},
	} {
		for _, hot := range []bool{false, true} {
			name := string(rule.Block)
			if name == "" {
				name = "suppressed"
			}
			if hot {
				name += "/hot" // most signals are of ten groups
			}
			b.Run(name, func(b *testing.B) { benchmarkCorrelator(b, rule, groups, hot) })
		}
	}
}

func benchmarkCorrelator(b *testing.B, rule ManifestRule, groups int, hot bool) {
	rule.ID, rule.Version, rule.Title, rule.Status, rule.Severity, rule.Group = "r", "v", "r", StatusStable, 3, []string{"user"}
	m := &Manifest{Format: manifestFormat, Digest: "d", Rules: []ManifestRule{rule}}
	m.index()
	r := rand.New(rand.NewPCG(1, 1))
	evidence := evidenceOf(sampleEvent(), new(ocsf.Event), new([]byte), "")
	const perSecond = 2000
	records := make([][]byte, b.N)
	for i := range records {
		group := r.IntN(groups)
		if hot && r.IntN(10) > 0 {
			group = r.IntN(10)
		}
		s := &Signal{Rule: "r", Identity: "r", Version: "v", Digest: "d", Severity: 3, Source: "aws.cloudtrail",
			Time: 1_700_000_000_000 + int64(i)*1000/perSecond - r.Int64N(5000), UID: fmt.Sprintf("5a1c0d5e-aaaa-4f3e-8a77-%012d", i),
			Group: fmt.Sprintf(`["user-%d"]`, group), Title: "StopLogging by somebody", Evidence: evidence}
		switch rule.Block {
		case BlockDistinct, BlockFirstSeen:
			s.Value = fmt.Sprintf(`"operation-%d"`, r.IntN(8))
		case BlockSum:
			s.Sum = r.Int64N(1000)
		case BlockSequence:
			s.Step = r.IntN(2) // the last step is missing
			if r.IntN(500) == 0 {
				s.Step = 2
			}
		case BlockAbsence:
			s.Step = r.IntN(2)
		}
		records[i] = s.AppendJSON(nil)
	}
	c := NewCorrelator(CorrelatorOptions{Lookup: func(string) (*Manifest, error) { return m, nil }})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range records {
		s, _, err := ParseSignal(records[i])
		if err == nil {
			_, err = c.Signal(s, int64(i))
		}
		if err != nil {
			b.Fatal(err)
		}
		if i%1000 == 0 {
			c.Heartbeat(&Heartbeat{Partition: "raw/0", MaxTime: s.Time, Lateness: 10_000, Sent: s.Time}, int64(i))
			c.TakeTerms()
		}
	}
	b.StopTimer()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if _, signals, terms := c.Size(); signals+terms > 0 {
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(signals+terms), "B/kept")
		b.ReportMetric(float64(signals), "signals")
	}
	runtime.KeepAlive(c)
	runtime.KeepAlive(records)
}
