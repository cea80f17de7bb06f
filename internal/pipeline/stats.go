package pipeline

import (
	"maps"
	"sync"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/internal/telemetry"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/sinks/lake"
)

// Counts is what became of the records of one source, by this process, since it
// started. All counts are of what is durable. Once detect has caught up with
// collect: Read = Normalized + Duplicates + DeadLettered.
type Counts struct {
	Read         int64 `json:"read"` // records and pieces that are none, by collect
	Normalized   int64 `json:"normalized"`
	Duplicates   int64 `json:"duplicates"`
	DeadLettered int64 `json:"dead_lettered"`
	Alerted      int64 `json:"alerted"` // alerts, without roll-ups
	// Values of the normalised records: credentials, and what the configuration drops
	// and hashes.
	Redacted int64 `json:"redacted,omitempty"`
	Dropped  int64 `json:"dropped,omitempty"`
	Hashed   int64 `json:"hashed,omitempty"`
}

// Snapshot is a moment of Stats.
type Snapshot struct {
	Sources   map[string]Counts          `json:"sources"`
	Progress  map[string]ingest.Progress `json:"progress"`  // by collector
	Delivered map[string]int64           `json:"delivered"` // by destination
	Skipped   map[string]int64           `json:"skipped"`   // left out by its route
	RollUps   int64                      `json:"roll_ups"`
	Files     int64                      `json:"files"`
	Rows      int64                      `json:"rows"`
	Bytes     int64                      `json:"bytes"`        // of the files
	Letters   map[string]int64           `json:"dead_letters"` // by "source: reason"
}

// Stats counts what the roles of one process did, for the summary at the end and
// for metrics. Safe for concurrent use.
type Stats struct {
	// Telemetry is what is seen from outside while the roles run.
	Telemetry *telemetry.Telemetry

	mu   sync.Mutex
	snap Snapshot
}

// NewStats gives empty Stats.
func NewStats() *Stats {
	return &Stats{Telemetry: telemetry.New(), snap: Snapshot{
		Sources:   map[string]Counts{},
		Progress:  map[string]ingest.Progress{},
		Delivered: map[string]int64{},
		Skipped:   map[string]int64{},
		Letters:   map[string]int64{},
	}}
}

// Snapshot copies the counts.
func (s *Stats) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	snap := s.snap
	snap.Sources = maps.Clone(s.snap.Sources)
	snap.Progress = maps.Clone(s.snap.Progress)
	snap.Delivered = maps.Clone(s.snap.Delivered)
	snap.Skipped = maps.Clone(s.snap.Skipped)
	snap.Letters = maps.Clone(s.snap.Letters)
	return snap
}

// add adds to the counts of each source.
func (s *Stats) add(counts map[string]Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for source, c := range counts {
		t := s.snap.Sources[source]
		t.Read += c.Read
		t.Normalized += c.Normalized
		t.Duplicates += c.Duplicates
		t.DeadLettered += c.DeadLettered
		t.Alerted += c.Alerted
		t.Redacted += c.Redacted
		t.Dropped += c.Dropped
		t.Hashed += c.Hashed
		s.snap.Sources[source] = t
		s.Telemetry.ReadRecords.WithLabelValues(source).Add(float64(c.Read))
		s.Telemetry.Events.WithLabelValues(source).Add(float64(c.Normalized))
		s.Telemetry.Duplicates.WithLabelValues(source).Add(float64(c.Duplicates))
		s.Telemetry.Alerts.WithLabelValues(source).Add(float64(c.Alerted))
		s.redacted(source, &c)
	}
}

// redacted counts values by what was done to them, where anything was.
func (s *Stats) redacted(source string, c *Counts) {
	for action, n := range map[string]int64{"redacted": c.Redacted, "dropped": c.Dropped, "hashed": c.Hashed} {
		if n > 0 {
			s.Telemetry.Redactions.WithLabelValues(source, action).Add(float64(n))
		}
	}
}

func (s *Stats) collected(source, collector string, b ingest.Batch) {
	dead, bytes := int64(len(b.DeadLetters)), 0
	letters := map[letterKind]int64{}
	for i := range b.DeadLetters {
		letters[kindOf(&b.DeadLetters[i])]++
	}
	for i := range b.Records {
		bytes += len(b.Records[i].Value)
	}
	s.deadLettered(letters)
	s.add(map[string]Counts{source: {Read: int64(len(b.Records)) + dead, DeadLettered: dead}})
	s.Telemetry.ReadBytes.WithLabelValues(source).Add(float64(bytes))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snap.Progress[collector] = b.Progress
}

// letterKind is what dead letters are counted by.
type letterKind struct {
	stage  event.Stage
	source string // empty behind detect
	reason event.Reason
}

func kindOf(d *event.DeadLetter) letterKind { return letterKind{d.Stage, d.Source, d.Reason} }

// String is how Snapshot.Letters counts it.
func (l letterKind) String() string {
	if l.source == "" {
		return string(l.stage) + ": " + string(l.reason)
	}
	return l.source + ": " + string(l.reason)
}

func (s *Stats) deadLettered(letters map[letterKind]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l, n := range letters {
		s.snap.Letters[l.String()] += n
		s.Telemetry.DeadLetters.WithLabelValues(string(l.stage), l.source, string(l.reason)).Add(float64(n))
	}
}

func (s *Stats) rolledUp(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snap.RollUps += int64(n)
	s.Telemetry.Rollups.Add(float64(n))
}

// delivered counts what became of one try to deliver.
func (s *Stats) delivered(destination string, taken, again, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snap.Delivered[destination] += int64(taken)
	s.Telemetry.Deliveries.WithLabelValues(destination).Add(float64(taken))
	s.Telemetry.DeliveryRetries.WithLabelValues(destination).Add(float64(again))
	s.Telemetry.DeliveryRefusals.WithLabelValues(destination).Add(float64(refused))
}

// skipped counts alerts that are not for a destination.
func (s *Stats) skipped(destination string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snap.Skipped[destination] += int64(n)
	s.Telemetry.DeliverySkips.WithLabelValues(destination).Add(float64(n))
}

func (s *Stats) stored(table lake.Table, r lake.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, name := s.Telemetry, table.String()
	t.LakeCommits.WithLabelValues(name).Inc()
	for _, f := range r.Files {
		if f.Created {
			s.snap.Files++
			s.snap.Rows += int64(f.Rows)
			s.snap.Bytes += f.Bytes
			t.LakeFiles.WithLabelValues(name).Inc()
			t.LakeRows.WithLabelValues(name).Add(float64(f.Rows))
			t.LakeBytes.WithLabelValues(name).Add(float64(f.Bytes))
		}
	}
}
