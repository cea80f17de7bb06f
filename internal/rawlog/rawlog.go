// Package rawlog reads raw logs without Kafka, from streams straight to OCSF
// events: what normalize, replay and the tests of rules do. It is the pipeline's
// collect and normalize in one goroutine, with the same splitter, mappers and
// origins, so that an event has the uid that it has live.
package rawlog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Handler takes what a Reader finds. What the functions are given is theirs until
// they return; their errors end the reading.
type Handler struct {
	Event  func(rec *event.Record, ev *ocsf.Event) error
	Reject func(d *event.DeadLetter) error
}

// Reader maps the records of one stream after the other. One goroutine uses it.
type Reader struct {
	// Counts is what was found so far, by source: of every record either an event
	// or a reject.
	Counts Counts

	handler Handler
	fixed   bool // the user named the source
	source  string
	mappers Mappers
	ev      ocsf.Event
}

// Counts is a number of events and rejects.
type Counts struct {
	Events  map[string]int64       // by source
	Rejects map[event.Reason]int64 // by reason
	Bytes   int64                  // of records and rejects, decompressed
}

// Total returns the number of all events and of all rejects.
func (c Counts) Total() (events, rejects int64) {
	for _, n := range c.Events {
		events += n
	}
	for _, n := range c.Rejects {
		rejects += n
	}
	return events, rejects
}

// New returns a reader of logs of the named source, or, with an empty name, of
// any: then each stream's records tell what they are.
func New(source string, h Handler) *Reader {
	return &Reader{
		Counts:  Counts{Events: map[string]int64{}, Rejects: map[event.Reason]int64{}},
		handler: h,
		fixed:   source != "",
		source:  source,
		mappers: Mappers{},
	}
}

// format is what the splitter is told: the source's, or all there is to tell.
func (r *Reader) format() envelope.Format {
	if s, ok := sources.Lookup(r.source); ok && r.fixed {
		return s.Format
	}
	return sources.Detecting()
}

// Read reads one stream to its end; in may be compressed. object is the origin
// of its records. What cannot be read as records is rejected; an error is one of
// in, of the handler, or of ctx.
func (r *Reader) Read(ctx context.Context, object string, in io.Reader) error {
	if !r.fixed {
		r.source = ""
	}
	plain, err := envelope.Decompress(in)
	if err != nil {
		return fmt.Errorf("read %s: %w", object, err)
	}
	defer plain.Close()
	split := envelope.New(plain, envelope.Options{Format: r.format()})
	for {
		piece, err := split.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", object, err)
		}
		if err := r.piece(object, &piece); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func (r *Reader) piece(object string, p *envelope.Piece) error {
	r.Counts.Bytes += p.Size
	origin := event.Origin{Object: object, Position: p.Offset}
	if p.Reason != "" {
		d := p.DeadLetter(r.source, origin)
		return r.reject(&d)
	}
	rec := event.Record{Source: r.source, Value: p.Value, Origin: origin}
	err := r.mapAny(&rec)
	if err == nil {
		r.Counts.Events[rec.Source]++
		return r.handler.Event(&rec, &r.ev)
	}
	d := deadLetter(&rec, err)
	return r.reject(&d)
}

func (r *Reader) reject(d *event.DeadLetter) error {
	r.Counts.Rejects[d.Reason]++
	return r.handler.Reject(d)
}

// mapAny maps a record, and where the source was not named finds it: a record is
// of the source of the one before it unless that source's mapper refuses it.
func (r *Reader) mapAny(rec *event.Record) error {
	var err error = &normalize.Error{Reason: event.ReasonWrongSource, Detail: "no known source has records of this shape; if one should, name it with --source"}
	if rec.Source != "" {
		if err = r.mappers.Map(rec, &r.ev); err == nil || r.fixed {
			return err
		}
	}
	found, _ := sources.Detect(rec.Value)
	if found == "" || found == rec.Source {
		return err
	}
	rec.Source, r.source = found, found
	return r.mappers.Map(rec, &r.ev)
}

// deadLetter is the record with why it became no event.
func deadLetter(rec *event.Record, err error) event.DeadLetter {
	sum := sha256.Sum256(rec.Value)
	d := event.DeadLetter{
		Source: rec.Source, Stage: event.StageNormalize, Reason: event.ReasonSyntax, Detail: err.Error(),
		Origin: rec.Origin, Value: rec.Value, Size: int64(len(rec.Value)), SHA256: hex.EncodeToString(sum[:]),
	}
	var refused *normalize.Error
	if errors.As(err, &refused) {
		d.Reason, d.Detail = refused.Reason, refused.Text()
	}
	return d
}
