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
	"github.com/weir-security/weir/normalize/redact"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Handler takes what a Reader finds. What the functions are given is theirs until
// they return; their errors end the reading, but for a *normalize.Error of Event, which
// rejects the record.
type Handler struct {
	Event  func(rec *event.Record, ev *ocsf.Event) error
	Reject func(d *event.DeadLetter) error
}

// Options is what a Reader is made of.
type Options struct {
	// Sources are those that records can be of; nil for the built-in ones.
	Sources *sources.Table
	// Source is the one that all records are of; with Auto or nothing each record
	// tells what it is.
	Source string
	// Redact is what is done to records before they are mapped; nil for nothing.
	Redact *redact.Policy
}

// Auto is the word for a source that is to be found.
const Auto = "auto"

// Reader maps the records of one stream after the other. One goroutine uses it.
type Reader struct {
	// Counts is what was found so far: of every record either an event or a reject.
	Counts Counts
	// Last is that of the last stream alone.
	Last Counts

	handler  Handler
	fixed    bool // the user named the source
	source   string
	dialect  string
	sources  *sources.Table
	detector *sources.Detector
	mappers  *Mappers
	rec      event.Record // the one that is read
	ev       ocsf.Event   // what it is mapped to
}

// New returns a reader.
func New(o Options, h Handler) *Reader {
	if o.Sources == nil {
		o.Sources = sources.Builtin()
	}
	if o.Source == Auto {
		o.Source = ""
	}
	return &Reader{
		Counts:   newCounts(),
		handler:  h,
		fixed:    o.Source != "",
		source:   o.Source,
		sources:  o.Sources,
		detector: sources.NewDetector(o.Sources),
		mappers:  NewMappers(o.Sources, o.Redact),
	}
}

// format is what the splitter is told: the source's, or all there is to tell.
func (r *Reader) format() envelope.Format {
	if s, ok := r.sources.Lookup(r.source); ok && r.fixed {
		return s.Format
	}
	return r.sources.Detecting()
}

// Read reads one stream to its end; in may be compressed. object is the origin
// of its records. What cannot be read as records is rejected; an error is one of
// in, of the handler, or of ctx.
func (r *Reader) Read(ctx context.Context, object string, in io.Reader) error {
	r.Last = newCounts()
	defer func() { r.Counts.add(&r.Last) }()
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
	r.Last.Bytes += p.Size
	origin := event.Origin{Object: object, Position: p.Offset, Envelope: p.Envelope}
	if p.Reason != "" {
		d := p.DeadLetter(r.source, origin)
		return r.reject(&d)
	}
	rec := &r.rec
	*rec = event.Record{Source: r.source, Value: p.Value, Origin: origin}
	err := r.mapAny(rec)
	if err == nil {
		err = r.handler.Event(rec, &r.ev)
		if !refused(err) {
			r.count(rec)
			return err
		}
	}
	d := deadLetter(rec, err)
	return r.reject(&d)
}

// refused tells whether a handler rejects the record.
func refused(err error) bool {
	var why *normalize.Error
	return err != nil && errors.As(err, &why)
}

// count counts an event.
func (r *Reader) count(rec *event.Record) {
	kind := Kind{rec.Source, r.dialect}
	if kind.Dialect != "" && rec.Origin.Envelope != "" {
		kind.Dialect += " through CloudWatch Logs"
	}
	r.Last.Events[kind]++
	r.Last.Redactions.Add(r.mappers.redacted)
}

func (r *Reader) reject(d *event.DeadLetter) error {
	r.Last.Rejects[d.Reason]++
	return r.handler.Reject(d)
}

// mapAny maps a record, and where the source was not named finds it: by the
// record's shape, or if no source knows that, the mapper of the record before it is
// asked.
func (r *Reader) mapAny(rec *event.Record) error {
	if r.fixed {
		return r.mappers.Map(rec, &r.ev)
	}
	var found string
	found, r.dialect = r.detector.Detect(rec.Value)
	switch {
	case found != "":
		rec.Source, r.source = found, found
	case rec.Source == "":
		return &normalize.Error{Reason: event.ReasonWrongSource, Detail: "no known source has records of this shape; if one should, name it with --source"}
	}
	return r.mappers.Map(rec, &r.ev)
}

// deadLetter is the record with why it became no event.
func deadLetter(rec *event.Record, err error) event.DeadLetter {
	value := rec.Bytes()
	sum := sha256.Sum256(value)
	d := event.DeadLetter{
		Source: rec.Source, Stage: event.StageNormalize, Reason: event.ReasonSyntax, Detail: err.Error(),
		Origin: rec.Origin, Value: value, Size: int64(len(value)), SHA256: hex.EncodeToString(sum[:]),
	}
	var refused *normalize.Error
	if errors.As(err, &refused) {
		d.Reason, d.Detail = refused.Reason, refused.Text()
	}
	return d
}
