package file

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/weir-security/weir/ingest/envelope"
)

// cursorVersion is raised when an older weir could not use a cursor.
const cursorVersion = 1

// cursor is how far a file has been read, as it is kept in weir.cursors under the
// file's object name.
type cursor struct {
	Version int    `json:"v"`
	Path    string `json:"path"`
	// Position is in the decompressed stream.
	envelope.Position
	// Size, ModTime (nanoseconds since the epoch) and ID are the file's, from
	// before the read that led to the position.
	Size    int64  `json:"size"`
	ModTime int64  `json:"mtime"`
	ID      string `json:"id,omitempty"`
	Mark    mark   `json:"mark"`
	// Head is a mark of the beginning of a plain file: a copy has it before the copy is
	// complete.
	Head mark `json:"head,omitzero"`
	// Compressed tells that the mark is of the compressed bytes.
	Compressed bool `json:"compressed,omitempty"`
	// Cut is the record that the file ended in when it was taken for complete.
	Cut cut `json:"cut,omitzero"`
	// Done says that nothing was left of a file of this size and time.
	Done bool `json:"done,omitempty"`
	// Leaving says that the file no longer is where the configuration points to,
	// and is read to its end under its new name.
	Leaving bool `json:"leaving,omitempty"`
	// Before is the cursor of the file that had this object's name before, which may
	// come back compressed under another. It has no Before of its own.
	Before *cursor `json:"before,omitempty"`
}

// mark is a digest of a part of a file: what makes it this file. In a plain file it
// is what stands directly before the position, so it also tells a file that was
// truncated and written anew; in a compressed file the beginning.
type mark struct {
	At  int64  `json:"at"`
	Len int64  `json:"len"`
	Sum string `json:"sum,omitempty"`
}

// cut is an unfinished record that was given out as a dead letter. It stands behind
// the position: should the file get longer, it is read again.
type cut struct {
	At  int64  `json:"at"`
	Sum string `json:"sum"`
}

// repeats reports whether a rejected piece is the letter that there is already, with
// nothing added but what separates it from the next record.
func (c cut) repeats(p *envelope.Piece) bool { return c == cutOf(p) }

func cutOf(p *envelope.Piece) cut {
	sum := p.SHA256
	if sum == "" {
		sum = sumOf(bytes.TrimSpace(p.Value))
	}
	return cut{At: p.Offset, Sum: sum}
}

const (
	plainMark      = 1024
	compressedMark = 4096
	// ownMark is from which length a mark alone, without the same inode, tells that
	// a file is the same. A few equal bytes at the beginning of two logs do not.
	ownMark = 256
)

// newMark marks the file read up to next.
func newMark(f io.ReaderAt, compressed bool, next, size int64) (mark, error) {
	m := mark{At: max(0, next-plainMark)}
	m.Len = next - m.At
	if compressed {
		m = mark{Len: min(size, compressedMark)}
	}
	var err error
	m.Sum, err = digest(f, m.At, m.Len)
	return m, err
}

func digest(f io.ReaderAt, at, n int64) (string, error) {
	var buf [compressedMark]byte
	if n > int64(len(buf)) {
		return "", fmt.Errorf("a mark of %d bytes", n)
	}
	if read, err := f.ReadAt(buf[:n], at); int64(read) < n {
		return "", err
	}
	return sumOf(buf[:n]), nil
}

func sumOf(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:12])
}

// holds reports whether the file still has what the mark was made of.
func (m mark) holds(f io.ReaderAt) bool {
	if m.Len == 0 {
		return true
	}
	sum, err := digest(f, m.At, m.Len)
	return err == nil && sum == m.Sum
}

// isOf reports whether the cursor was made of this file, under whatever name.
func (c *cursor) isOf(f io.ReaderAt, info os.FileInfo) bool {
	sameID := c.ID != "" && c.ID == identity(info)
	return (sameID || c.Mark.Len >= ownMark) && c.Mark.holds(f)
}

// seal makes the marks fit the position. Marks that do are kept: the file may have
// been truncated since.
func (c *cursor) seal(f io.ReaderAt, size int64) (err error) {
	if !c.Compressed && c.Mark.Sum != "" && c.Next == c.Mark.At+c.Mark.Len {
		return nil
	}
	c.Mark, err = newMark(f, c.Compressed, c.Next, size)
	if n := min(c.Next, plainMark); err == nil && !c.Compressed && n > c.Head.Len {
		c.Head.Len = n
		c.Head.Sum, err = digest(f, 0, n)
	}
	return err
}

// ofContent returns the one of the cursors of plain files that was made of the content
// r, which a compressed copy holds; nil if none was. It reads all of r.
func ofContent(r io.Reader, cursors []*cursor) *cursor {
	parts := make([][]byte, len(cursors))
	buf := make([]byte, 64<<10)
	for at := int64(0); ; {
		n, err := r.Read(buf)
		for i, c := range cursors {
			from, to := max(c.Mark.At, at), min(c.Mark.At+c.Mark.Len, at+int64(n))
			if from < to {
				parts[i] = append(parts[i], buf[from-at:to-at]...)
			}
		}
		at += int64(n)
		if err != nil {
			break
		}
	}
	for i, c := range cursors {
		if int64(len(parts[i])) == c.Mark.Len && c.Mark.Sum == sumOf(parts[i]) {
			return c
		}
	}
	return nil
}

// unchanged reports whether the file has been read to its end as it is.
func (c *cursor) unchanged(info os.FileInfo) bool {
	return c.Done && c.Size == info.Size() && c.ModTime == info.ModTime().UnixNano()
}

// encode is total: a cursor has nothing that JSON cannot hold.
func (c cursor) encode() []byte {
	if c.Before != nil {
		before := *c.Before
		before.Before = nil
		c.Before = &before
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return b
}

// decodeCursors reads what earlier runs left. A cursor that cannot be
// read is an error: to go on without it would double what it stands for.
func decodeCursors(stored map[string][]byte) (*register, error) {
	all := newRegister()
	for object, value := range stored {
		c := new(cursor)
		if err := json.Unmarshal(value, c); err != nil {
			return nil, fmt.Errorf("read the cursor of %s: %w", object, err)
		}
		if c.Version != cursorVersion {
			return nil, fmt.Errorf("read the cursor of %s: its version is %d, this weir knows %d: run the newer weir, or delete the cursor to read the file again", object, c.Version, cursorVersion)
		}
		all.set(object, c)
	}
	return all, nil
}
