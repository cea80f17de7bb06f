package envelope

import (
	"bufio"
	"bytes"
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
// first bytes, and passes anything else through. What comes out may be compressed
// once more: services that gzip what they store do so with what is gzipped already
// (Firehose with CloudWatch Logs). It works in constant memory, whatever the ratio.
type Decompressor struct {
	// Compression is "gzip", "zstd" or empty: that of the stream itself.
	Compression string

	from  *source
	r     io.Reader
	begun bool // the first bytes that came out were looked at
	stop  []func()
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
	d := &Decompressor{from: &source{r: r}}
	buffered := bufio.NewReaderSize(d.from, 32<<10)
	magic, err := buffered.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	d.Compression = Compression(magic)
	d.undo(d.Compression, buffered)
	return d, nil
}

// undo reads from a stream by its decompressor.
func (d *Decompressor) undo(compression string, r io.Reader) {
	switch d.r = r; compression {
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			d.r = failing{err}
			return
		}
		d.r = z
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			d.r = failing{err}
			return
		}
		d.r, d.stop = z, append(d.stop, z.Close)
	}
}

// begin reads the first bytes that come out, and undoes a second compression.
func (d *Decompressor) begin(p []byte) (n int, err error) {
	d.begun = true
	for n < 4 && n < len(p) && err == nil {
		var m int
		m, err = d.r.Read(p[n:])
		n += m
	}
	again := Compression(p[:n])
	if again == "" {
		return n, err
	}
	rest := d.r
	if err != nil {
		rest = failing{err}
	}
	d.undo(again, bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(p[:n])), rest)))
	return d.r.Read(p)
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
	read := d.r.Read
	if !d.begun && d.Compression != "" {
		read = d.begin
	}
	n, err := read(p)
	if err == nil || err == io.EOF || d.Compression == "" {
		return n, err
	}
	if d.from.err != nil {
		return n, d.from.err
	}
	return n, &DamageError{Compression: d.Compression, Err: err}
}

// Close frees the decompressor. It does not close the stream below.
func (d *Decompressor) Close() {
	for _, stop := range d.stop {
		stop()
	}
}

// failing is a reader that gives its error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
