package object

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/schemas/event"
)

// reader reads the objects that it is handed until there are no more.
func (r *listingRun) reader(ctx context.Context, work <-chan job) error {
	in := &Reader{Input: r.Input, From: r.Store}
	defer in.Close()
	for j := range work {
		err := r.readObject(ctx, in, &j)
		r.bytes.Add(in.TakeBytes())
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errPut):
			return err
		case errors.Is(err, ErrGone):
			err = r.gone(ctx, &j)
		case err != nil:
			err = r.unreadable(ctx, &j, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readObject reads an object from its cursor to its end.
func (r *listingRun) readObject(ctx context.Context, in *Reader, j *job) error {
	from, err := r.begins(ctx, j)
	if err != nil {
		return err
	}
	place := Place{
		Ref:        Ref{Bucket: r.Bucket, Key: j.Key, ETag: j.ETag},
		Object:     r.Origin(j.Key),
		From:       from.Position,
		Compressed: from.Compressed,
		Growing:    r.Growing && !j.settled,
	}
	if err := in.Open(ctx, place); err != nil {
		return err
	}
	for {
		c, err := in.Next()
		if err != nil {
			return err
		}
		cur := Cursor{
			ETag: in.Ref().ETag, Position: c.Position, Compressed: in.Compressed(),
			At: unix(j.At), Created: unix(j.Created), Done: c.Last, Pending: c.Pending,
		}
		if !j.settled && !j.Append && r.Growing && !cur.Compressed {
			if cur.Mark, err = r.mark(ctx, in.Ref(), cur.Next); err != nil {
				return err
			}
		}
		if err := r.put(ctx, r.part(j, c, cur)); err != nil {
			return err
		}
		if c.Last {
			return nil
		}
	}
}

// begins is where the reading of an object begins: behind what its cursor has, if it
// still is what the cursor was made of.
func (r *listingRun) begins(ctx context.Context, j *job) (Cursor, error) {
	c := j.cur
	switch {
	case !j.known:
		return Cursor{}, nil
	case c.ETag == j.ETag:
		return c, nil
	case !r.Growing || c.Compressed || c.Next > j.Size:
		return Cursor{}, nil
	case j.Append && c.Created == unix(j.Created):
		return c, nil
	case c.Mark == "":
		return Cursor{}, nil
	}
	now, err := r.mark(ctx, Ref{Bucket: r.Bucket, Key: j.Key, ETag: j.ETag}, c.Next)
	if err != nil {
		return Cursor{}, err
	}
	if now != c.Mark {
		r.Log.Warn("an object was written anew; it is read from its beginning", slog.String(logkey.Collector, r.Collector), slog.String(logkey.Object, r.Origin(j.Key)))
		return Cursor{}, nil
	}
	return c, nil
}

// markBytes is how much of an object before the position makes it the same object.
const markBytes = 1024

// mark is the digest of what stands before next.
func (r *listingRun) mark(ctx context.Context, ref Ref, next int64) (string, error) {
	if next == 0 {
		return "", nil
	}
	at := max(0, next-markBytes)
	var read int64
	s, err := newStream(ctx, r.Store, ref, at, &read)
	if err != nil {
		return "", err
	}
	defer s.close()
	var buf [markBytes]byte
	if _, err := io.ReadFull(s, buf[:next-at]); err != nil {
		return "", err
	}
	sum := sha256.Sum256(buf[:next-at])
	return hex.EncodeToString(sum[:12]), nil
}

// part is a chunk with the cursors that it moves.
func (r *listingRun) part(j *job, c *Chunk, cur Cursor) Part {
	return Part{
		Records: c.Records, DeadLetters: c.DeadLetters,
		Cursors: func() []ingest.Cursor { return r.move(j, cur) },
		Committed: func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.failed = 0
			if cur.Done {
				r.read++
				delete(r.problems, j.Key)
			}
		},
	}
}

// move takes an object's cursor in and returns what becomes durable of it.
func (r *listingRun) move(j *job, cur Cursor) []ingest.Cursor {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.slots[ingest.Slot(j.Key)]
	s.dirty = true
	_, durable := r.objects[j.Key]
	r.objects[j.Key] = cur
	own := ingest.Cursor{Key: objectPrefix + j.Key, Value: cur.Encode()}
	if !cur.Done || !j.settled || j.leftover || r.unordered {
		return []ingest.Cursor{own}
	}
	cursors := r.cover(j, own)
	if cursors[0].Value == nil && !durable {
		return cursors[1:]
	}
	return cursors
}

// cover moves the slot's cursor over an object with which there is nothing more to do
// in this pass, if it does with all before it. What the slot's cursor covers needs none
// of its own, unless it could not be read.
func (r *listingRun) cover(j *job, own ingest.Cursor) []ingest.Cursor {
	slot := ingest.Slot(j.Key)
	s := r.slots[slot]
	covered := s.finish(j.Key)
	cursors := []ingest.Cursor{own}
	for _, key := range covered {
		c, known := r.objects[key]
		if !known || !c.Done {
			continue
		}
		delete(r.objects, key)
		if key == j.Key {
			cursors[0].Value = nil
			continue
		}
		cursors = append(cursors, ingest.Cursor{Key: objectPrefix + key})
	}
	if len(covered) > 0 {
		cursors = append(cursors, s.mark.cursor(slot))
	}
	return cursors
}

// unreadable keeps an object in mind that cannot be read now, so that the listing
// can go on behind it: the next pass tries it again.
func (r *listingRun) unreadable(ctx context.Context, j *job, cause error) error {
	return r.put(ctx, Part{
		Cursors: func() []ingest.Cursor {
			r.fail(j, cause)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.slots[ingest.Slot(j.Key)].dirty = true
			cur, known := r.objects[j.Key]
			if !known {
				cur = Cursor{ETag: j.ETag, At: unix(j.At), Created: unix(j.Created)}
			}
			cur.Done = false
			r.objects[j.Key] = cur
			own := ingest.Cursor{Key: objectPrefix + j.Key, Value: cur.Encode()}
			if !j.settled || j.leftover || r.unordered {
				return []ingest.Cursor{own}
			}
			return r.cover(j, own)
		},
	})
}

// gone gives up an object that was deleted before it was read to its end.
func (r *listingRun) gone(ctx context.Context, j *job) error {
	r.Log.Warn("an object was deleted before it was read", slog.String(logkey.Collector, r.Collector), slog.String(logkey.Object, r.Origin(j.Key)))
	letter := GoneLetter(r.Input, r.Origin(j.Key), j.cur.Position.Next)
	cur := Cursor{ETag: j.ETag, At: unix(j.At), Position: j.cur.Position, Done: true}
	return r.put(ctx, r.part(j, &Chunk{DeadLetters: []event.DeadLetter{letter}}, cur))
}

// GoneLetter says that the rest of an object, from a position on, cannot be had.
func GoneLetter(in Input, object string, position int64) event.DeadLetter {
	sum := sha256.Sum256(nil)
	return event.DeadLetter{
		Source: in.Source, Stage: event.StageCollect, Reason: event.ReasonTruncated,
		Detail: "the object was deleted before it was read; a lifecycle rule that deletes so early takes logs away from weir",
		Origin: event.Origin{Collector: in.Collector, Object: object, Position: position},
		SHA256: hex.EncodeToString(sum[:]),
	}
}

// fail notes that an object cannot be read, and logs it the first time.
func (r *listingRun) fail(j *job, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := j.Key
	if !j.leftover { // that one was refused before says nothing about the others
		r.failed++
	}
	_, again := r.problems[key]
	r.problems[key] = cause.Error() // with a request id, so it differs each time
	if again {
		return
	}
	r.missed++
	r.Log.Error("an object cannot be read; it is tried again", slog.String(logkey.Collector, r.Collector), slog.String(logkey.Object, r.Origin(key)), slog.String(logkey.Error, cause.Error()))
}
