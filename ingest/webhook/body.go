package webhook

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
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
			return nil, damaged(err)
		}
		from, expected = z, -1
	default:
		return nil, &badRequest{unsupported(fmt.Sprintf("want Content-Encoding gzip or none, got %q", short(encoding)))}
	}
	body, err := readAll(from, expected, limit, l)
	if err != nil && !errors.Is(err, errTooLarge) && !errors.Is(err, errNoMemory) {
		return nil, damaged(err)
	}
	return body, err
}

// damaged tells what is wrong with gzip data from what is wrong with its connection.
func damaged(err error) error {
	if isRead(err) {
		return err
	}
	return bad("the gzip data is cut off or damaged (%v)", err)
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
