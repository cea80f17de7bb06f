package deadletter

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/schemas/event"
)

// Try tells what would become of a raw record now: the reason and detail for
// which it would be a dead letter, or no reason for an event. It does not keep the
// record.
type Try func(*event.Record) (event.Reason, string)

// Judge says of a letter whether it can go back, and as what.
type Judge struct {
	Try Try
	// Sources are those that letters can go to.
	Sources *sources.Table
	// Used are the names of those that detect reads; nil is all of them.
	Used []string
	// As is the source that letters go to, in place of their own.
	As string
	// Force lets letters go that would fail again.
	Force bool
	// RecordLimit is the most bytes of a raw record.
	RecordLimit int64
}

// Cause is why letters stay where they are.
type Cause struct {
	Source string       `json:"source"`
	Stage  event.Stage  `json:"stage"`
	Reason event.Reason `json:"reason"` // of the letters
	// Now is the reason for which they would fail again, empty for letters that
	// cannot be replayed at all.
	Now event.Reason `json:"now,omitempty"`
	// Why is for a person: for those that would fail again, the detail of the first.
	Why string `json:"why"`
	// LooksLike is a source whose records have the shape of the first one.
	LooksLike string `json:"looks_like,omitempty"`
}

// verdict is what a letter becomes: records, and rejects among them, or a cause.
type verdict struct {
	records []event.Record
	rejects []event.DeadLetter
	cause   Cause
}

func (v *verdict) goes() bool { return len(v.records) > 0 }

// of decides about one letter. One that was a record of its source goes as it is.
// Anything else (what the collector gave up, what was read as another source's)
// goes as what the collector would make of it now, if any of that is an event:
// the rest of it becomes letters of its own.
func (j *Judge) of(l *Letter) verdict {
	cause := Cause{Source: l.Source, Stage: l.Stage, Reason: l.Reason}
	source := cmp.Or(j.As, l.Source)
	if cause.Why = j.refuses(l, source); cause.Why != "" {
		return verdict{cause: cause}
	}
	v := verdict{records: []event.Record{{Source: source, Value: l.Value, Origin: l.Origin}}}
	if l.Stage == event.StageCollect || source != l.Source {
		v = j.collect(l, source)
	}
	for i := range v.records {
		now, why := j.Try(&v.records[i])
		if now == "" {
			return v
		}
		if i == 0 {
			cause.Now, cause.Why = now, why
		}
	}
	switch {
	case j.Force:
		return verdict{records: []event.Record{{Source: source, Value: l.Value, Origin: l.Origin}}}
	case len(v.records) == 0 && len(v.rejects) > 0:
		cause.Now, cause.Why = v.rejects[0].Reason, v.rejects[0].Detail
	case len(v.records) == 0:
		cause.Now, cause.Why = event.ReasonSyntax, "it holds no record"
	}
	cause.LooksLike = j.looksLike(l.Value, source)
	return verdict{cause: cause}
}

// refuses is why a letter cannot be replayed whatever its mapper does now.
func (j *Judge) refuses(l *Letter, source string) string {
	_, known := j.Sources.Lookup(source)
	switch {
	case l.Stage == event.StageCorrelate:
		return "it is an alert that Kafka did not take for its size: raise max.message.bytes of the alerts topic; weir dlq show --raw prints it"
	case l.Stage == event.StageDeliver:
		return "it is an alert that a destination refused; other destinations and the lake have it: send it by hand, weir dlq show --raw prints it"
	case l.Stage == event.StageStore:
		return "it is an event that the lake could not hold; other readers of the topic have it: report it, with weir dlq show"
	case l.Reason == event.ReasonTruncated:
		return "its end is missing: have the object delivered again, whole"
	case !l.Whole():
		return "only its beginning was kept: raise limits.record and have the object delivered again"
	case l.Size > j.RecordLimit:
		return fmt.Sprintf("it is larger than limits.record (%d bytes): raise that", j.RecordLimit)
	case !known:
		return fmt.Sprintf("there is no source %q: name one with --as", source)
	case j.Used != nil && !slices.Contains(j.Used, source):
		return fmt.Sprintf("nobody would read it: no collector has the source %s; name it under sources in the configuration, `sources: {%[1]s: {}}`", source)
	}
	return ""
}

// collect splits a letter as the collector of the source would.
func (j *Judge) collect(l *Letter, source string) (v verdict) {
	src, _ := j.Sources.Lookup(source)
	for _, p := range split(l.Value, src.Format, int(j.RecordLimit)) {
		p.Offset += l.Origin.Position
		origin := l.Origin
		origin.Position, origin.Envelope = p.Offset, p.Envelope
		if p.Reason == "" {
			v.records = append(v.records, event.Record{Source: source, Value: p.Value, Origin: origin})
		} else {
			v.rejects = append(v.rejects, p.DeadLetter(source, origin))
		}
	}
	return v
}

// split returns the pieces of a value, which keep their bytes.
func split(value []byte, format envelope.Format, limit int) []envelope.Piece {
	s := envelope.New(bytes.NewReader(value), envelope.Options{Format: format, Limits: envelope.Limits{Record: limit}})
	var pieces []envelope.Piece
	for {
		p, err := s.Next()
		if err != nil { // the end: memory has no other error
			return pieces
		}
		p.Value = slices.Clone(p.Value)
		pieces = append(pieces, p)
	}
}

// looksLike is the source, other than the given one, that the first record of a
// value has the shape of.
func (j *Judge) looksLike(value []byte, source string) string {
	found, _ := j.Sources.Detect(value)
	if found == "" {
		if pieces := split(value, j.Sources.Detecting(), len(value)); len(pieces) > 0 {
			found, _ = j.Sources.Detect(pieces[0].Value)
		}
	}
	if found == source {
		return ""
	}
	return found
}
