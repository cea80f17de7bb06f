package push

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

var (
	errTooLarge = errors.New("the body is too large")
	errNoMemory = errors.New("the requests in flight take all the memory that limits.memory allows")
)

// memory is what all requests in flight may hold together.
type memory struct{ free atomic.Int64 }

func newMemory(size int64) *memory {
	m := new(memory)
	m.free.Store(size)
	return m
}

// lease is the part of the memory that one request holds.
type lease struct {
	memory *memory
	held   int64
}

// grow takes n bytes more, or returns errNoMemory and takes none.
func (l *lease) grow(n int64) error {
	if l.memory.free.Add(-n) < 0 {
		l.memory.free.Add(n)
		return errNoMemory
	}
	l.held += n
	return nil
}

// shrink gives n bytes back.
func (l *lease) shrink(n int64) {
	l.memory.free.Add(n)
	l.held -= n
}

// release gives everything back.
func (l *lease) release() {
	l.memory.free.Add(l.held)
	l.held = 0
}

// readError is an error of the connection, not of what came over it.
type readError struct{ err error }

func (e *readError) Error() string { return "read body: " + e.err.Error() }

func (e *readError) Unwrap() error { return e.err }

func isRead(err error) bool {
	var read *readError
	return errors.As(err, &read)
}

// connection marks the errors of the reader below it.
type connection struct{ io.Reader }

func (c connection) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = &readError{err}
	}
	return n, err
}

// readBody returns the request's body, decompressed. Neither what is sent nor what
// comes out of it may be above limit.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, l *lease) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	var from io.Reader = connection{http.MaxBytesReader(w, r.Body, limit)}
	expected := r.ContentLength
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, damaged(encoding, err)
		}
		from, expected = z, -1
	case "zstd":
		if err := l.grow(zstdWindow); err != nil {
			return nil, err
		}
		// With these options it reads nothing yet and has no error.
		z, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, damaged(encoding, err)
		}
		defer func() { z.Close(); l.shrink(zstdWindow) }()
		from, expected = z, -1
	default:
		return nil, Refuse(Unsupported("want Content-Encoding gzip, zstd or none, got %q", Short(encoding)))
	}
	body, err := readAll(from, expected, limit, l)
	if err != nil && !errors.Is(err, errTooLarge) && !errors.Is(err, errNoMemory) {
		return nil, damaged(strings.ToLower(r.Header.Get("Content-Encoding")), err)
	}
	return body, err
}

// zstdWindow is the most that a zstd frame may make its reader remember. RFC 9659
// lets no sender of the encoding zstd ask for more.
const zstdWindow = 8 << 20

// damaged tells what is wrong with compressed data from what is wrong with its
// connection.
func damaged(encoding string, err error) error {
	if isRead(err) {
		return err
	}
	return Refuse(BadRequest("the %s data is cut off or damaged (%v)", encoding, err))
}

// A buffer begins with the length that the header states, up to firstMost, and grows
// by doubling: memory is taken for what arrives, not for what is announced.
const (
	firstLeast = 32 << 10
	firstMost  = 1 << 20
)

// readAll reads to the end. expected is the length if it is known, else negative.
func readAll(r io.Reader, expected, limit int64, l *lease) ([]byte, error) {
	size := int64(firstLeast)
	if expected >= 0 {
		size = min(expected+1, firstMost) // one more, to see the end without growing
	}
	if err := l.grow(size); err != nil {
		return nil, err
	}
	buf := make([]byte, 0, size)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return nil, errTooLarge
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, err
		}
		if len(buf) == cap(buf) {
			grown := min(2*int64(cap(buf)), limit+1)
			if err := l.grow(grown - int64(cap(buf))); err != nil {
				return nil, err
			}
			buf = append(make([]byte, 0, grown), buf...)
		}
	}
}
