package object

import (
	"context"
	"io"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/schemas/event"
)

// A chunk ends at this many records or bytes.
const (
	chunkRecords = 5000
	chunkBytes   = 4 << 20
	arenaSpare   = 64 << 10 // for the record that fills it
)

// Input is what is known of the records in objects.
type Input struct {
	Collector, Source string
	Format            envelope.Format
	Limits            envelope.Limits
}

// Place is where the reading of an object begins.
type Place struct {
	Ref Ref
	// Object is the name of the object in the origin of its records.
	Object string
	// From is in the decompressed stream; Compressed says that there is a difference.
	From       envelope.Position
	Compressed bool
	// Growing objects may get longer: what is incomplete at their end waits.
	Growing bool
}

// Chunk is a part of an object. It is valid until the next one is read.
type Chunk struct {
	Records     []event.Record
	DeadLetters []event.DeadLetter
	// Position is where another reader goes on behind the chunk.
	Position envelope.Position
	// Last says that nothing follows for now, and Pending that a growing object ends in
	// something incomplete.
	Last, Pending bool

	bytes int
	arena []byte
}

// Reader reads one object after the other, in chunks. It is used by one goroutine and
// keeps its memory.
type Reader struct {
	Input Input
	From  Opener

	split  envelope.Splitter
	chunk  Chunk
	stream *stream
	plain  *envelope.Decompressor
	place  Place
	bytes  int64
}

// Open begins to read an object.
func (r *Reader) Open(ctx context.Context, p Place) error {
	r.Close()
	offset := p.From.Start
	if p.Compressed {
		offset = 0
	}
	s, err := newStream(ctx, r.From, p.Ref, offset, &r.bytes)
	if err != nil {
		return err
	}
	r.stream, r.place = s, p
	in := io.Reader(s)
	if offset == 0 {
		if r.plain, err = envelope.Decompress(s); err != nil {
			r.Close()
			return err
		}
		in = r.plain
		if r.plain.Compression != "" {
			r.place.Compressed, r.place.Growing = true, false
		}
		// What is wrong with the skipped part is wrong in the next read too.
		if _, err := io.CopyN(io.Discard, in, p.From.Start); err != nil && ctx.Err() != nil {
			r.Close()
			return err
		}
	}
	r.split.Reset(in, envelope.Options{Format: r.Input.Format, Limits: r.Input.Limits, From: p.From, Growing: r.place.Growing})
	return nil
}

// Next reads on. The error is one of the store or of the context; then what was read
// before it is not part of any chunk.
func (r *Reader) Next() (*Chunk, error) {
	c := &r.chunk
	c.reset()
	for len(c.Records)+len(c.DeadLetters) < chunkRecords && c.bytes < chunkBytes {
		p, err := r.split.Next()
		if err == io.EOF {
			c.Last, c.Pending = true, r.split.Pending()
			break
		}
		if err != nil {
			return nil, err
		}
		r.add(p)
	}
	c.Position = r.split.Position()
	return c, nil
}

func (r *Reader) add(p envelope.Piece) {
	c := &r.chunk
	p.Value = c.keep(p.Value)
	origin := event.Origin{Collector: r.Input.Collector, Object: r.place.Object, Position: p.Offset, Envelope: p.Envelope}
	if p.Reason != "" {
		c.DeadLetters = append(c.DeadLetters, p.DeadLetter(r.Input.Source, origin))
		return
	}
	c.Records = append(c.Records, event.Record{Source: r.Input.Source, Value: p.Value, Origin: origin})
}

// Ref is the object that is read, with the ETag that the store gave it.
func (r *Reader) Ref() Ref { return r.stream.ref }

// Compressed reports whether the object is.
func (r *Reader) Compressed() bool { return r.place.Compressed }

// TakeBytes returns how many stored bytes were read since it was called last.
func (r *Reader) TakeBytes() int64 {
	n := r.bytes
	r.bytes = 0
	return n
}

// Close ends the reading of the current object.
func (r *Reader) Close() {
	if r.plain != nil {
		r.plain.Close()
		r.plain = nil
	}
	if r.stream != nil {
		r.stream.close()
	}
}

func (c *Chunk) reset() {
	clear(c.Records)
	clear(c.DeadLetters)
	*c = Chunk{Records: c.Records[:0], DeadLetters: c.DeadLetters[:0], arena: c.arena[:0]}
}

// keep copies p into the chunk's memory. A full arena is left to the pieces in it.
func (c *Chunk) keep(p []byte) []byte {
	c.bytes += len(p)
	if cap(c.arena)-len(c.arena) < len(p) {
		c.arena = make([]byte, 0, max(chunkBytes+arenaSpare, len(p)))
	}
	n := len(c.arena)
	c.arena = append(c.arena, p...)
	return c.arena[n:len(c.arena):len(c.arena)]
}
