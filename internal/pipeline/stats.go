package pipeline

import (
	"maps"
	"sync"

	"github.com/weir-security/weir/ingest"
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
}

// Snapshot is a moment of Stats.
type Snapshot struct {
	Sources   map[string]Counts          `json:"sources"`
	Progress  map[string]ingest.Progress `json:"progress"` // by collector
	Delivered map[string]int64           `json:"delivered"`
	RollUps   int64                      `json:"roll_ups"`
	Files     int64                      `json:"files"`
	Rows      int64                      `json:"rows"`
	Bytes     int64                      `json:"bytes"`        // of the files
	Letters   map[string]int64           `json:"dead_letters"` // by "source: reason"
}

// Stats counts what the roles of one process did. Safe for concurrent use.
type Stats struct {
	mu   sync.Mutex
	snap Snapshot
}

// NewStats gives empty Stats.
func NewStats() *Stats {
	return &Stats{snap: Snapshot{
		Sources:   map[string]Counts{},
		Progress:  map[string]ingest.Progress{},
		Delivered: map[string]int64{},
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
		s.snap.Sources[source] = t
	}
}

func (s *Stats) collected(source, collector string, b ingest.Batch) {
	dead := int64(len(b.DeadLetters))
	letters := map[string]int64{}
	for i := range b.DeadLetters {
		letters[letterKey(source, b.DeadLetters[i].Reason)]++
	}
	s.deadLettered(letters)
	s.add(map[string]Counts{source: {Read: int64(len(b.Records)) + dead, DeadLettered: dead}})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snap.Progress[collector] = b.Progress
}

// letterKey is how Snapshot.Letters counts dead letters.
func letterKey(source string, reason event.Reason) string { return source + ": " + string(reason) }

func (s *Stats) deadLettered(letters map[string]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, n := range letters {
		s.snap.Letters[key] += n
	}
}

func (s *Stats) rolledUp(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snap.RollUps += int64(n)
}

func (s *Stats) delivered(destination string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snap.Delivered[destination] += int64(n)
}

func (s *Stats) stored(r lake.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range r.Files {
		if f.Created {
			s.snap.Files++
			s.snap.Rows += int64(f.Rows)
			s.snap.Bytes += f.Bytes
		}
	}
}
