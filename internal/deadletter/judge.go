package deadletter

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
)

// Try tells what would become of a raw record now: the reason and detail for
// which it would be a dead letter, or no reason for an event. It does not keep the
// record.
type Try func(*event.Record) (event.Reason, string)

// Judge says of a letter whether it can go back, and as what.
type Judge struct {
	Try Try
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

// of decides about one letter. A letter that is a record goes as it is; one that
// holds several (an envelope that was read as another source's) goes as what the
// collector would have made of it, if any of that is an event now.
func (j *Judge) of(l *Letter) verdict {
	cause := Cause{Source: l.Source, Stage: l.Stage, Reason: l.Reason}
	source := cmp.Or(j.As, l.Source)
	if cause.Why = j.refuses(l, source); cause.Why != "" {
		return verdict{cause: cause}
	}
	whole := event.Record{Source: source, Value: l.Value, Origin: l.Origin}
	now, why := j.Try(&whole)
	if now == "" {
		return verdict{records: []event.Record{whole}}
	}
	if parts, ok := j.parts(l, source); ok {
		return parts
	}
	if j.Force {
		return verdict{records: []event.Record{whole}}
	}
	cause.Now, cause.Why, cause.LooksLike = now, why, looksLike(l.Value, source)
	return verdict{cause: cause}
}

// refuses is why a letter cannot be replayed whatever its mapper does now.
func (j *Judge) refuses(l *Letter, source string) string {
	_, known := sources.Lookup(source)
	switch {
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
	}
	return ""
}

// parts splits a letter as the collector of the source would. ok is false where
// that gives no event, or nothing but the letter itself.
func (j *Judge) parts(l *Letter, source string) (v verdict, ok bool) {
	src, _ := sources.Lookup(source)
	for _, p := range split(l.Value, src.Format, int(j.RecordLimit)) {
		origin := l.Origin
		origin.Position += p.Offset
		if p.Reason != "" {
			p.Offset = origin.Position
			v.rejects = append(v.rejects, p.DeadLetter(source, origin))
			continue
		}
		if p.Size == l.Size {
			return v, false
		}
		rec := event.Record{Source: source, Value: p.Value, Origin: origin}
		v.records = append(v.records, rec)
		if !ok {
			now, _ := j.Try(&rec)
			ok = now == ""
		}
	}
	return v, ok
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
func looksLike(value []byte, source string) string {
	found, ok := normalize.Detect(value)
	if !ok {
		if pieces := split(value, sources.Detecting(), len(value)); len(pieces) > 0 {
			found, _ = normalize.Detect(pieces[0].Value)
		}
	}
	if found == source {
		return ""
	}
	return found
}
