package envelope

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"

	"github.com/weir-security/weir/schemas/event"
)

// readSize is the least room that a read gets, and the window's first size.
const readSize = 64 << 10

// window is the part of the stream in memory: buf[pos:end] has been read and not
// looked at, and what stands before pos is kept from the start of the current piece
// on. A piece above the limit is spilled: hashed and dropped but for its head.
type window struct {
	r        io.Reader
	buf      []byte
	pos, end int
	base     int64 // offset of buf[0] in the stream
	err      error // of a read that also gave bytes; returned by the next

	keep  int   // where the current piece, or the rest that is not spilled, starts; -1: none
	start int64 // offset at which the current piece starts
	spill spill
}

// spill is what is known of the dropped beginning of a piece.
type spill struct {
	size    int64
	head    []byte
	sum     hash.Hash
	newline bool
}

// reset points the window at another stream. It keeps the buffer.
func (w *window) reset(r io.Reader, offset int64) {
	if w.buf == nil {
		w.buf = make([]byte, readSize)
	}
	*w = window{r: r, buf: w.buf, base: offset, keep: -1, spill: spill{head: w.spill.head[:0], sum: w.spill.sum}}
}

// offset is the stream offset of the next byte.
func (w *window) offset() int64 { return w.base + int64(w.pos) }

// begin starts a piece at the next byte.
func (w *window) begin() { w.keep, w.start = w.pos, w.offset() }

// begun reports whether a piece has been started.
func (w *window) begun() bool { return w.keep >= 0 }

// drop forgets the current piece: it is part of the envelope.
func (w *window) drop() {
	w.keep = -1
	w.spill.size, w.spill.newline, w.spill.head = 0, false, w.spill.head[:0]
}

// fill reads more of the stream behind end. Everything but buf[end:] stays valid
// relative to pos and keep.
func (w *window) fill(limit int) error {
	if w.err != nil {
		err := w.err
		w.err = nil
		return err
	}
	if w.begun() && w.pos-w.keep > limit {
		w.spillTo(w.pos)
	}
	from := w.pos
	if w.begun() {
		from = w.keep
	}
	if from > 0 && len(w.buf)-w.end < readSize/2 || from == w.end {
		copy(w.buf, w.buf[from:w.end])
		w.base += int64(from)
		w.pos -= from
		w.end -= from
		if w.begun() {
			w.keep = 0
		}
	}
	if w.end == len(w.buf) {
		w.buf = append(w.buf, make([]byte, len(w.buf))...)
	}
	return w.read()
}

// read makes one read that gives bytes or an error.
func (w *window) read() error {
	for range 100 {
		n, err := w.r.Read(w.buf[w.end:])
		if n > 0 {
			w.end += n
			w.err = err
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// spillTo drops the current piece's bytes before index to.
func (w *window) spillTo(to int) {
	p := w.buf[w.keep:to]
	if w.spill.size == 0 {
		if w.spill.sum == nil {
			w.spill.sum = sha256.New()
		}
		w.spill.sum.Reset()
		w.spill.head = w.spill.head[:0]
	}
	w.spill.size += int64(len(p))
	w.spill.head = append(w.spill.head, p[:min(len(p), keptHead-len(w.spill.head))]...)
	w.spill.sum.Write(p)
	w.spill.newline = w.spill.newline || bytes.IndexByte(p, '\n') >= 0
	w.keep = to
}

// size is the length of the current piece if it ends at index to.
func (w *window) size(to int) int64 { return w.base + int64(to) - w.start }

// hasNewline reports whether the current piece spans lines up to pos.
func (w *window) hasNewline() bool {
	return w.spill.newline || bytes.IndexByte(w.buf[w.keep:w.pos], '\n') >= 0
}

// take ends the current piece before index to. Above the limit it is returned as
// its head, with event.ReasonTooLarge.
func (w *window) take(to, limit int) Piece {
	p := Piece{Offset: w.start, Size: w.size(to)}
	if p.Size <= int64(limit) {
		p.Value = w.buf[w.keep:to:to]
		w.keep = -1
		return p
	}
	w.spillTo(to)
	p.Value = w.spill.head
	p.SHA256 = hex.EncodeToString(w.spill.sum.Sum(nil))
	p.Reason = event.ReasonTooLarge
	w.keep, w.spill.size, w.spill.newline = -1, 0, false
	return p
}
