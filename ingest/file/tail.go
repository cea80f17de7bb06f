package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/weir-security/weir/ingest/envelope"
)

// tail is a file that is read.
type tail struct {
	cfg    *Config
	path   string
	object string
	cur    cursor
	info   os.FileInfo // as last seen
	quiet  time.Time   // since when it is as last seen

	dirty   bool  // there may be something to read
	moved   bool  // the cursor is part of the batch
	final   bool  // nothing will be appended
	leaving bool  // no longer where Path leads to
	unnamed bool  // and nowhere else to be found: it has no cursor
	left    bool  // read to its end and closed for good
	fresh   bool  // whose cursor applies is not decided yet
	counted int64 // bytes of it that count as found
	found   bool  // counted as found
	ended   bool  // counted as read

	f     *os.File
	raw   *progressReader
	in    *envelope.Decompressor // of a compressed file
	split *envelope.Splitter
	tip   mark // of what was read last, which may be beyond the position
}

// progressReader counts what is read of a file and ends when Run has to.
type progressReader struct {
	f     *os.File
	bytes *int64
	ended func() error
	cut   bool // nothing more is to be read
}

func (p *progressReader) Read(b []byte) (int, error) {
	if err := p.ended(); err != nil {
		return 0, err
	}
	if p.cut {
		return 0, io.EOF
	}
	n, err := p.f.Read(b)
	*p.bytes += int64(n)
	return n, err
}

// errNotYet is returned by open for a file that is not complete enough.
var errNotYet = errors.New("file: still changing")

// turn reads a file until it has no more for now or the batch is full, which it then
// puts. It reports whether the file has more. The error is one of put or of ctx; those
// of the file are reported.
func (r *run) turn(ctx context.Context, t *tail) (more bool, err error) {
	err = r.ready(ctx, t)
	if err == nil {
		more, err = r.read(t)
	}
	switch {
	case err == errNotYet:
		t.dirty = t.info.Size() > 0 // an empty one changes before there is anything to read
		return false, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		r.release(t) // and try again at the next poll
		if !os.IsNotExist(err) {
			r.report(t.object, err)
		}
		return false, nil
	}
	delete(r.problems, t.object)
	t.dirty = more
	if t.split.Ended() || !more && r.idle(t, time.Now()) {
		r.release(t)
	}
	if r.batch.full() {
		return more, r.flush(ctx)
	}
	return more, nil
}

// ready opens a file that is not open, and has one that was written anew begin again.
func (r *run) ready(ctx context.Context, t *tail) error {
	if t.f == nil {
		return r.open(ctx, t)
	}
	if t.tip.holds(t.f) {
		return nil
	}
	if info, err := t.f.Stat(); err != nil || info.Size() == 0 {
		// Perhaps the same is about to be written again.
		r.release(t)
		return errNotYet
	}
	if !t.cur.Mark.holds(t.f) {
		if err := r.drain(t); err != nil {
			return err
		}
		t.restart()
	}
	r.release(t)
	return r.open(ctx, t)
}

// drain takes what is in memory of a file that was written anew: what was incomplete
// has no rest any more. It is little, so it may overfill the batch.
func (r *run) drain(t *tail) error {
	t.raw.cut = true
	t.split.Finish()
	for {
		p, err := t.split.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		r.batch.add(t, p)
	}
}

// restart forgets how far the file was read: it is another one.
func (t *tail) restart() {
	before := t.cur.Before
	if t.cur.Next > 0 {
		last := t.cur
		before = &last
	}
	t.cur = cursor{Version: cursorVersion, Path: t.path, Before: before}
	t.counted = 0
}

// open opens a file where its cursor says.
func (r *run) open(ctx context.Context, t *tail) (err error) {
	f, err := os.Open(t.path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file", t.path)
	case t.leaving && identity(info) != identity(t.info):
		return fs.ErrNotExist
	case !t.final && identity(info) != identity(t.info):
		return errNotYet // rotated since the listing; the next one tells
	}
	var magic [4]byte
	n, _ := f.ReadAt(magic[:], 0)
	compressed := envelope.Compression(magic[:n]) != ""
	t.observe(info, time.Now())
	if (compressed || n < len(magic)) && !r.complete(t, time.Now()) {
		return errNotYet
	}
	if t.fresh {
		if !compressed && r.mayBeCopy(t, f) {
			return errNotYet
		}
		t.fresh = false
		r.begin(t, f, compressed)
		r.known.set(t.object, &t.cur)
	} else if !t.cur.Mark.holds(f) {
		t.restart()
	}
	t.cur.Compressed, t.cur.ID, t.cur.Path, t.cur.Leaving = compressed, identity(info), t.path, t.leaving
	r.count(t)
	return r.start(ctx, t, f)
}

// start sets the splitter on an open file.
func (r *run) start(ctx context.Context, t *tail, f *os.File) error {
	raw := &progressReader{f: f, bytes: &r.progress.BytesRead, ended: ctx.Err}
	var in io.Reader = raw
	if t.cur.Compressed {
		d, err := envelope.Decompress(raw)
		if err != nil {
			return err
		}
		// What is wrong with the skipped part is wrong in the next read too.
		if _, err := io.CopyN(io.Discard, d, t.cur.Start); err != nil && ctx.Err() != nil {
			d.Close()
			return err
		}
		t.in, in = d, d
	} else if _, err := f.Seek(t.cur.Start, io.SeekStart); err != nil {
		return err
	}
	r.makeRoom()
	r.opened++
	t.f, t.raw, t.tip = f, raw, mark{}
	if n := len(r.spare); n > 0 {
		t.split, r.spare = r.spare[n-1], r.spare[:n-1]
	} else {
		t.split = new(envelope.Splitter)
	}
	t.split.Reset(in, envelope.Options{
		Format:  t.cfg.Format,
		Limits:  t.cfg.Limits,
		From:    t.cur.Position,
		Growing: !t.final && !t.cur.Compressed,
	})
	return nil
}

// read adds pieces to the batch until the file has no more for now or the batch is
// full.
func (r *run) read(t *tail) (more bool, err error) {
	for !r.batch.full() {
		p, err := t.split.Next()
		if err == io.EOF {
			return false, r.reachEnd(t)
		}
		if err != nil {
			return false, err
		}
		r.batch.add(t, p)
		t.cur.Position, t.cur.Done = t.split.Position(), false
	}
	return true, t.sealMark()
}

// reachEnd notes that the file has no more for now.
func (r *run) reachEnd(t *tail) error {
	before := t.cur
	r.count(t)
	t.cur.Position = t.split.Position()
	t.cur.Done = !t.split.Pending()
	t.cur.Size, t.cur.ModTime = t.info.Size(), t.info.ModTime().UnixNano()
	if err := t.sealMark(); err != nil {
		return err
	}
	if !t.cur.Compressed {
		at, err := t.f.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		t.tip, _ = newMark(t.f, false, at, 0) // one that cannot be made does not hold
	}
	if t.cur != before {
		r.batch.touch(t)
	}
	if !t.ended {
		t.ended = true
		r.progress.FilesRead++
	}
	return nil
}

// sealMark makes the cursor's mark fit its position. A file that has been truncated
// under the collector gets a mark that does not hold, and is read anew.
func (t *tail) sealMark() error {
	err := t.cur.seal(t.f, t.info.Size())
	if err != nil && err != io.EOF {
		return fmt.Errorf("mark %s: %w", t.path, err)
	}
	return nil
}

// observe takes note of the file's size and time.
func (t *tail) observe(info os.FileInfo, now time.Time) {
	switch {
	case t.info == nil:
		t.quiet = info.ModTime()
		if t.quiet.After(now) {
			t.quiet = now
		}
		t.dirty = !t.cur.unchanged(info)
	case t.info.Size() != info.Size() || !t.info.ModTime().Equal(info.ModTime()):
		t.quiet, t.dirty = now, true
	}
	t.info = info
}

// count adds what there is to read to the progress.
func (r *run) count(t *tail) {
	if !t.found {
		t.found = true
		r.progress.FilesFound++
		if !t.cur.Compressed {
			t.counted = t.cur.Start
		}
	}
	if size := t.info.Size(); size > t.counted {
		r.progress.BytesFound += size - t.counted
		t.counted = size
	}
}

// complete reports whether the file will not get longer, as far as one can tell.
func (r *run) complete(t *tail, now time.Time) bool {
	return t.final || now.Sub(t.quiet) >= r.cfg.Settle
}

// release closes the file. Its cursor stays.
func (r *run) release(t *tail) {
	if t.f == nil {
		return
	}
	if t.in != nil {
		t.in.Close()
	}
	t.f.Close()
	r.opened--
	r.spare = append(r.spare, t.split)
	t.f, t.raw, t.in, t.split = nil, nil, nil, nil
}

// maxOpen is how many files are kept open to follow them; others are opened again
// when they change.
const maxOpen = 512

// makeRoom closes the file that has been quiet for longest if too many are open.
func (r *run) makeRoom() {
	if r.opened < maxOpen {
		return
	}
	var quietest *tail
	for _, t := range r.order {
		if t.f != nil && !t.dirty && !t.leaving && (quietest == nil || t.quiet.Before(quietest.quiet)) {
			quietest = t
		}
	}
	if quietest != nil {
		r.release(quietest)
	}
}
