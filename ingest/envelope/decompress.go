package envelope

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// DamageError says that a compressed stream cannot be read further because of its
// bytes: it is cut off, or fails its checksum.
type DamageError struct {
	Compression string // "gzip" or "zstd"
	Err         error
}

func (e *DamageError) Error() string {
	if errors.Is(e.Err, io.ErrUnexpectedEOF) || errors.Is(e.Err, io.EOF) {
		return "the " + e.Compression + " data is cut off"
	}
	return fmt.Sprintf("the %s data is damaged (%v)", e.Compression, e.Err)
}

// Unwrap returns the decompressor's error.
func (e *DamageError) Unwrap() error { return e.Err }

// maxZstdWindow bounds what a zstd frame may ask for: the greatest window that the
// zstd tool writes without --ultra --long.
const maxZstdWindow = 8 << 20

// Decompressor undoes gzip (also of several members) or zstd, told by the stream's
// first bytes, and passes anything else through. It works in constant memory,
// whatever the ratio.
type Decompressor struct {
	// Compression is "gzip", "zstd" or empty.
	Compression string

	from *source
	r    io.Reader
	stop func()
}

// source is the compressed stream. It remembers its error: that is no damage.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// Decompress reads the first bytes of r. The error is one of r.
func Decompress(r io.Reader) (*Decompressor, error) {
	d := &Decompressor{from: &source{r: r}, stop: func() {}}
	buffered := bufio.NewReaderSize(d.from, 32<<10)
	magic, err := buffered.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	d.r = buffered
	switch d.Compression = Compression(magic); d.Compression {
	case "gzip":
		z, err := gzip.NewReader(buffered)
		if err != nil {
			d.r = failing{err}
			break
		}
		d.r = z
	case "zstd":
		z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			d.r = failing{err}
			break
		}
		d.r, d.stop = z, z.Close
	}
	return d, nil
}

// Compression names what the first four bytes of a stream begin: "gzip", "zstd", or
// "" for anything else.
func Compression(magic []byte) string {
	switch {
	case len(magic) >= 2 && magic[0] == 0x1f && magic[1] == 0x8b:
		return "gzip"
	case len(magic) >= 4 && string(magic[:4]) == "\x28\xb5\x2f\xfd":
		return "zstd"
	}
	return ""
}

// Read reads decompressed bytes. What is wrong with the compression is a
// *DamageError; other errors are those of the stream below.
func (d *Decompressor) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if err == nil || err == io.EOF || d.Compression == "" {
		return n, err
	}
	if d.from.err != nil {
		return n, d.from.err
	}
	return n, &DamageError{Compression: d.Compression, Err: err}
}

// Close frees the decompressor. It does not close the stream below.
func (d *Decompressor) Close() { d.stop() }

// failing is a reader that gives its error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
