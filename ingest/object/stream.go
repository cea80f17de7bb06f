package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// idleRead is how long a connection may give no byte.
	idleRead = 60 * time.Second
	// streamTries is how often in a row a stream is opened again without a byte more.
	streamTries = 5
)

// streamPause is the wait before the second try; it doubles.
var streamPause = 200 * time.Millisecond

// stream reads an object's bytes and goes on where a connection broke. It is used by
// one goroutine and ends with its context.
type stream struct {
	ctx    context.Context //nolint:containedctx // an io.Reader has no other way to end
	from   Opener
	ref    Ref
	offset int64 // of the next byte
	read   *int64

	body   Body
	open   bool
	cancel context.CancelFunc // of the request under way
	tries  int
}

// newStream opens the object at offset. Later openings demand the same content.
func newStream(ctx context.Context, from Opener, ref Ref, offset int64, read *int64) (*stream, error) {
	s := &stream{ctx: ctx, from: from, ref: ref, offset: offset, read: read}
	for {
		err := s.connect()
		if err == nil {
			return s, nil
		}
		if err := s.wait(err); err != nil {
			return nil, err
		}
	}
}

func (s *stream) connect() error {
	ctx, cancel := context.WithCancel(s.ctx)
	idle := time.AfterFunc(idleRead, cancel)
	body, err := s.from.Open(ctx, s.ref, s.offset)
	idle.Stop()
	if err != nil {
		cancel()
		return err
	}
	s.body, s.open, s.cancel = body, true, cancel
	if s.ref.ETag == "" { // else the content is what was asked for, whatever the answer says
		s.ref.ETag = body.ETag
	}
	return nil
}

// Read implements io.Reader. Its errors are those of the store.
func (s *stream) Read(p []byte) (int, error) {
	for {
		if !s.open {
			if err := s.connect(); err != nil {
				if err := s.wait(err); err != nil {
					return 0, err
				}
				continue
			}
		}
		idle := time.AfterFunc(idleRead, s.cancel)
		n, err := s.body.Read(p)
		idle.Stop()
		s.offset += int64(n)
		*s.read += int64(n)
		if n > 0 {
			s.tries = 0
			return n, nil
		}
		switch {
		case err == nil:
			return 0, nil
		case s.offset >= s.body.Size:
			return 0, io.EOF
		case err == io.EOF:
			err = io.ErrUnexpectedEOF
		}
		s.close()
		if err := s.wait(err); err != nil {
			return 0, err
		}
	}
}

// wait pauses before another try, or returns why there is none.
func (s *stream) wait(cause error) error {
	s.tries++
	switch {
	case s.ctx.Err() != nil:
		return s.ctx.Err()
	case errors.Is(cause, ErrGone), errors.Is(cause, ErrChanged), errors.Is(cause, ErrRefused):
		return cause
	case s.tries >= streamTries:
		return fmt.Errorf("after %d tries at byte %d: %w", s.tries, s.offset, cause)
	}
	select {
	case <-time.After(streamPause << (s.tries - 1)):
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

func (s *stream) close() {
	if s.open {
		s.cancel()
		s.body.Close()
		s.open = false
	}
}
