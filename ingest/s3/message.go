package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/object"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/schemas/event"
)

// goneReceives is how often a message is received before an object that is not there
// is given up.
const goneReceives = 3

// message does what a message asks for, and deletes it if that is done. What is not
// done comes again when the message's visibility ends. The error is one of a put.
func (r *queueRun) message(ctx context.Context, reader *object.Reader, m types.Message) error {
	n, err := parse([]byte(aws.ToString(m.Body)))
	if err != nil {
		if err := r.reject(ctx, m, err); err != nil {
			return err
		}
		r.remove(ctx, m, nil)
		return nil
	}
	if received(m) > 1 {
		if err := r.reload(ctx, time.Now()); err != nil {
			if ctx.Err() == nil {
				r.Log.Warn("cursors cannot be read again; the message waits", slog.String(logkey.Collector, r.Name), slog.Any(logkey.Error, err))
			}
			return nil
		}
	}
	hold, let := context.WithCancel(ctx)
	var heart sync.WaitGroup
	heart.Go(func() { r.beat(hold, m) }) // ends with let
	done, cursors := true, []string(nil)
	for _, ref := range n.objects {
		if !r.wanted(ref) {
			continue
		}
		cursors = append(cursors, cursorKey(ref))
		err := r.object(ctx, reader, ref, m)
		if errors.Is(err, errPut) {
			let()
			heart.Wait()
			return err
		}
		done = done && err == nil
	}
	let()
	heart.Wait()
	switch {
	case done:
		r.remove(ctx, m, cursors)
	case ctx.Err() != nil:
		r.release(ctx, m)
	}
	return nil
}

// wanted reports whether an object is to be read.
func (r *queueRun) wanted(ref object.Ref) bool {
	return (r.Bucket == "" || ref.Bucket == r.Bucket) && strings.HasPrefix(ref.Key, r.Prefix) && r.Filter.Takes(ref.Key)
}

var errPut = errors.New("put")

// object reads one object to its end. Its error has been reported.
func (r *queueRun) object(ctx context.Context, reader *object.Reader, ref object.Ref, m types.Message) error {
	r.found.Add(1)
	err := r.readObject(ctx, reader, ref)
	if errors.Is(err, object.ErrChanged) { // since its cursor was written
		r.drop(cursorKey(ref))
		err = r.readObject(ctx, reader, ref)
	}
	reader.Close()
	r.bytesRead.Add(reader.TakeBytes())
	name := origin(ref.Bucket, ref.Key)
	switch {
	case err == nil:
		r.read.Add(1)
		r.problems.clear(name)
		return nil
	case ctx.Err() != nil || errors.Is(err, errPut):
		return err
	case errors.Is(err, object.ErrGone) && received(m) >= goneReceives:
		letter := object.GoneLetter(r.in, name, 0)
		if err := r.put(ctx, object.Part{DeadLetters: []event.DeadLetter{letter}}); err != nil {
			return err
		}
		r.Log.Warn("an object was deleted before it was read", slog.String(logkey.Collector, r.Name), slog.String(logkey.Object, name))
		r.missed.Add(1)
		r.problems.clear(name)
		return nil
	}
	if r.problems.note(name, err) {
		r.missed.Add(1)
		r.Log.Error("an object cannot be read; it is tried again when its message comes again",
			slog.String(logkey.Collector, r.Name), slog.String(logkey.Object, name), slog.Any(logkey.Error, err))
	}
	r.Report(r.problems.text())
	return err
}

// readObject reads an object from where an earlier reading left it.
func (r *queueRun) readObject(ctx context.Context, reader *object.Reader, ref object.Ref) error {
	key := cursorKey(ref)
	from, begun := r.cursor(key)
	if begun && ref.ETag != "" && from.ETag != ref.ETag && ref.Version == "" {
		// The name was written again, and this message tells of one or the other.
		from, begun = object.Cursor{}, false
	}
	if begun && from.Done {
		return nil
	}
	now := object.Ref{Bucket: ref.Bucket, Key: ref.Key, Region: ref.Region, Version: ref.Version, ETag: from.ETag}
	err := reader.Open(ctx, object.Place{
		Ref: now, Object: origin(ref.Bucket, ref.Key), From: from.Position, Compressed: from.Compressed,
	})
	if err != nil {
		return err
	}
	for {
		c, err := reader.Next()
		if err != nil {
			return err
		}
		cur := object.Cursor{
			ETag: reader.Ref().ETag, Position: c.Position, Compressed: reader.Compressed(),
			At: time.Now().Unix(), Done: c.Last,
		}
		err = r.put(ctx, object.Part{
			Records: c.Records, DeadLetters: c.DeadLetters,
			Cursors: func() []ingest.Cursor {
				return append(r.forgotten(), ingest.Cursor{Key: key, Value: cur.Encode()})
			},
			Committed: func() { r.keep(key, cur) },
		})
		if err != nil || c.Last {
			return err
		}
	}
}

// reject makes a message that is no notification a dead letter.
func (r *queueRun) reject(ctx context.Context, m types.Message, cause error) error {
	body := []byte(aws.ToString(m.Body))
	sum := sha256.Sum256(body)
	letter := event.DeadLetter{
		Source: r.Source, Stage: event.StageCollect, Reason: event.ReasonWrongSource,
		Detail: "the message " + cause.Error() + "; look who else sends to the queue",
		Origin: event.Origin{Collector: r.Name, Object: r.place(m)},
		Value:  body, Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:]),
	}
	return r.put(ctx, object.Part{DeadLetters: []event.DeadLetter{letter}})
}

// put makes a part durable. Its error ends the run, but for the end of ctx.
func (r *queueRun) put(ctx context.Context, p object.Part) error {
	err := r.committer.Put(ctx, p)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return errors.Join(errPut, err)
}

// beat keeps a message invisible until ctx is done.
func (r *queueRun) beat(ctx context.Context, m types.Message) {
	ticker := time.NewTicker(r.Visibility / 2)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := r.visible(ctx, m, r.Visibility); err != nil {
			// SQS lets nobody have a message for more than 12 hours. Others may read the
			// object, too, from now on: detect drops the copies.
			if ctx.Err() == nil {
				r.Log.Warn("a message is visible to others although it is worked on", slog.String(logkey.Collector, r.Name), slog.Any(logkey.Error, err))
			}
		}
	}
}

func (r *queueRun) visible(ctx context.Context, m types.Message, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, idleAnswer)
	defer cancel()
	_, err := r.sqs.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &r.QueueURL, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: int32(d / time.Second),
	})
	return err
}

// release gives a message back at once, for another process, at a drain.
func (r *queueRun) release(ctx context.Context, m types.Message) {
	if err := r.visible(context.WithoutCancel(ctx), m, 0); err != nil {
		r.Log.Debug("a message comes back later", slog.String(logkey.Collector, r.Name), slog.Any(logkey.Error, err))
	}
}

// remove deletes a message whose work is done. If that fails it comes again, and its
// cursors say that there is nothing to do.
func (r *queueRun) remove(ctx context.Context, m types.Message, cursors []string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), idleAnswer)
	defer cancel()
	_, err := r.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &r.QueueURL, ReceiptHandle: m.ReceiptHandle})
	if err != nil {
		if ctx.Err() == nil {
			r.Log.Warn("a message cannot be deleted and will come again", slog.String(logkey.Collector, r.Name), slog.Any(logkey.Error, err))
		}
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget = append(r.forget, cursors...)
}
