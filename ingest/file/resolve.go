package file

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/internal/logkey"
)

// scan lists the files and decides for each which tail it is.
func (r *run) scan(now time.Time) {
	files, dirs := r.place.find(r.cfg.Origin)
	r.watch.add(dirs)
	first := r.order == nil
	byID := map[string]*tail{}
	for _, t := range r.leaving {
		if t.f != nil { // else another file may have its number by now
			byID[identity(t.info)] = t
		}
	}
	for _, t := range r.tails {
		byID[identity(t.info)] = t
	}
	delete(byID, "") // of systems that number no files
	old := r.tails
	r.tails = make(map[string]*tail, len(files))
	var added []*tail
	for _, f := range files {
		if f.problem != nil {
			r.report(f.object, f.problem)
			continue
		}
		t := byID[identity(f.info)]
		if t == nil && identity(f.info) == "" {
			t = old[f.path]
		}
		if t == nil {
			t = r.newTail(f, now)
			added = append(added, t)
		} else if t.path != f.path {
			r.rename(t, f.path, f.object)
		}
		if t.leaving {
			r.stay(t)
		}
		r.tails[f.path] = t
		t.observe(f.info, now)
	}
	r.leaveGone(old)
	if first {
		r.resumeLeaving(now)
	}
	for _, t := range added {
		r.decide(t)
	}
	for _, t := range added {
		if !t.fresh {
			r.known.set(t.object, &t.cur)
		}
		if t.dirty {
			r.count(t)
		}
	}
	r.arrange(files)
}

// newTail is a file that no tail has open.
func (r *run) newTail(f found, now time.Time) *tail {
	t := &tail{cfg: r.cfg, path: f.path, object: f.object, final: r.cfg.Once, fresh: true}
	if c := r.known.get(f.object); c != nil && !c.Leaving && c.unchanged(f.info) {
		t.cur, t.fresh = *c, false
	}
	t.observe(f.info, now)
	return t
}

// decide settles early which cursor a new plain file takes, before the tails of the
// same scan change theirs. A compressed file waits until it is complete. What cannot be
// opened is reported in the file's turn.
func (r *run) decide(t *tail) {
	if !t.fresh {
		return
	}
	f, err := os.Open(t.path)
	if err != nil {
		return
	}
	defer f.Close()
	var magic [4]byte
	if n, _ := f.ReadAt(magic[:], 0); n < len(magic) || envelope.Compression(magic[:]) != "" || r.mayBeCopy(t, f) {
		return
	}
	t.fresh = false
	r.begin(t, f, false)
}

// begin gives a file its cursor: its own, or that of a file of its family which it is
// under another name, or a new one.
func (r *run) begin(t *tail, f *os.File, compressed bool) {
	own := r.known.get(t.object)
	t.cur = cursor{Version: cursorVersion, Path: t.path, Compressed: compressed}
	c := r.match(t, f)
	if c != nil {
		t.cur.Position, t.cur.Cut = c.Position, c.Cut
		if c.Compressed == compressed {
			t.cur.Mark, t.cur.Head = c.Mark, c.Head
		}
	}
	switch {
	case own == nil:
	case own == c:
		t.cur.Before = own.Before
	default:
		t.cur.Before = own
	}
	if c != nil && c != own {
		r.cfg.Log.Info("log file goes on where another ended", slog.String(logkey.Collector, r.cfg.Name),
			slog.String(logkey.Object, t.object), slog.String(logkey.Other, c.Path), slog.Int64(logkey.Offset, c.Next))
	}
	if own != nil && own != c {
		r.findRest(own)
	}
}

// match returns the cursor that was made of the file, nil if none was.
func (r *run) match(t *tail, f *os.File) *cursor {
	if c := r.known.get(t.object); c != nil && c.isOf(f, t.info) {
		return c
	}
	own, err := newMark(f, true, 0, t.info.Size())
	if err != nil {
		return nil
	}
	var plain []*cursor
	for _, c := range r.known.relatives(t.object) {
		switch {
		case c.Compressed && t.cur.Compressed && c.Mark == own && own.Len >= ownMark:
			return c
		case c.Compressed || c.Mark.Len == 0:
		case !t.cur.Compressed && c.isOf(f, t.info):
			return c
		case t.cur.Compressed && c.Mark.Len >= ownMark:
			plain = append(plain, c)
		}
	}
	if len(plain) == 0 {
		return nil
	}
	d, err := envelope.Decompress(io.NewSectionReader(f, 0, t.info.Size()))
	if err != nil {
		return nil
	}
	defer d.Close()
	return ofContent(d, plain)
}

// mayBeCopy reports whether a plain file that still changes begins as another log
// does: it may be the copy that is made before that is truncated.
func (r *run) mayBeCopy(t *tail, f *os.File) bool {
	if r.complete(t, time.Now()) {
		return false
	}
	for _, c := range r.known.relatives(t.object) {
		if c.ID != identity(t.info) && c.Head.Len >= ownMark && c.Head.holds(f) {
			return true
		}
	}
	return false
}

// findRest looks for the file that a cursor was made of where Path does not lead to,
// as after a rotation while nothing was running, and has its rest read.
func (r *run) findRest(c *cursor) {
	siblings, err := os.ReadDir(filepath.Dir(c.Path))
	if err != nil {
		return
	}
	for _, s := range siblings {
		path := filepath.Join(filepath.Dir(c.Path), s.Name())
		if r.tails[path] != nil || r.isLeaving(path) || family(path) != family(c.Path) || !s.Type().IsRegular() {
			continue
		}
		if t := r.ifOf(c, path); t != nil {
			r.leave(t)
			return
		}
	}
}

func (r *run) isLeaving(path string) bool {
	return slices.ContainsFunc(r.leaving, func(t *tail) bool { return t.path == path })
}

// ifOf is a tail of the plain file at path if the cursor was made of it.
func (r *run) ifOf(c *cursor, path string) *tail {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !c.isOf(f, info) {
		return nil
	}
	t := &tail{cfg: r.cfg, path: path, object: r.place.object(r.cfg.Origin, path), final: r.cfg.Once, cur: *c}
	t.observe(info, time.Now())
	return t
}

// rename goes on with a tail under the file's new name. The old name's cursor stays as
// it was until another file takes it.
func (r *run) rename(t *tail, path, object string) {
	if r.known.get(t.object) == &t.cur {
		frozen := t.cur
		r.known.set(t.object, &frozen)
	}
	t.path, t.object, t.cur.Path = path, object, path
	r.known.set(object, &t.cur)
	r.batch.touch(t)
}

// leaveGone deals with the tails that the listing no longer has.
func (r *run) leaveGone(old map[string]*tail) {
	still := map[*tail]bool{}
	for _, t := range r.tails {
		still[t] = true
	}
	for _, t := range old {
		if still[t] {
			continue
		}
		path := r.sibling(t)
		switch {
		case path != "":
			r.rename(t, path, r.place.object(r.cfg.Origin, path))
			r.leave(t)
		case t.f != nil:
			t.unnamed = true
			r.leave(t)
		}
	}
}

// sibling finds where in its directory the file of a tail has gone.
func (r *run) sibling(t *tail) string {
	id := identity(t.info)
	siblings, err := os.ReadDir(filepath.Dir(t.path))
	if err != nil || id == "" {
		return ""
	}
	for _, s := range siblings {
		info, err := s.Info()
		if err == nil && info.Mode().IsRegular() && identity(info) == id {
			return filepath.Join(filepath.Dir(t.path), s.Name())
		}
	}
	return ""
}

// leave has a file that Path no longer leads to read to its end.
func (r *run) leave(t *tail) {
	t.leaving, t.dirty = true, true
	t.cur.Leaving = true
	if !t.unnamed {
		r.known.set(t.object, &t.cur)
	}
	r.batch.touch(t)
	r.leaving = append(r.leaving, t)
}

// stay takes back a file that is listed again: a listing may miss one that is being
// renamed.
func (r *run) stay(t *tail) {
	r.release(t) // its reader may have been told that this is the end
	t.leaving, t.unnamed, t.final, t.dirty = false, false, r.cfg.Once, true
	t.cur.Leaving = false
	r.known.set(t.object, &t.cur)
	r.batch.touch(t)
	r.leaving = slices.DeleteFunc(r.leaving, func(other *tail) bool { return other == t })
}

// resumeLeaving goes on with files that an earlier run was about to leave, and forgets
// those that have long been gone.
func (r *run) resumeLeaving(now time.Time) {
	for _, object := range r.known.objects() {
		c := r.known.get(object)
		switch {
		case c.Leaving && r.tails[c.Path] == nil:
			if t := r.ifOf(c, c.Path); t != nil {
				t.object = object
				r.leave(t)
				continue
			}
			fallthrough
		case c.forgotten(now):
			r.known.remove(object)
			r.batch.remove(object)
		}
	}
}

// arrange puts the tails in the order in which they are read: what is being left,
// then what goes on from a cursor (a rotated log before the one that follows it), then
// new files; each in the order of their paths.
func (r *run) arrange(files []found) {
	r.order = slices.Clone(r.leaving)
	for _, begun := range []bool{true, false} {
		for _, f := range files {
			if t := r.tails[f.path]; t != nil && (t.cur.Next > 0) == begun {
				r.order = append(r.order, t)
			}
		}
	}
	if r.order == nil {
		r.order = []*tail{}
	}
}

// poke looks at the file of an event, and reports whether only a new listing tells
// what has happened.
func (r *run) poke(path string) (rescan bool) {
	t := r.tails[path]
	if t == nil {
		return true
	}
	info, err := os.Stat(path)
	if err != nil || identity(info) != identity(t.info) {
		return true
	}
	t.observe(info, time.Now())
	return false
}

// settle ends what has not changed for a while: it takes an incomplete JSON record for
// truncated, closes idle files, and lets go of files that were left.
func (r *run) settle(now time.Time) {
	for _, t := range r.leaving {
		if info, err := t.stat(); err == nil && !t.final {
			t.observe(info, now)
		}
	}
	for _, t := range r.order {
		if !r.complete(t, now) {
			continue
		}
		switch {
		case t.leaving && !t.final:
			t.final, t.dirty = true, true
			if t.split != nil {
				t.split.Finish()
			}
		case t.leaving && !t.dirty:
			r.letGo(t)
		case t.f == nil || t.dirty:
		case r.idle(t, now):
			r.release(t)
		default:
			t.split.Finish()
			t.dirty = true
		}
	}
	isLeft := func(t *tail) bool { return t.left }
	r.leaving = slices.DeleteFunc(r.leaving, isLeft)
	r.order = slices.DeleteFunc(r.order, isLeft)
}

// idle reports whether nothing is to be done about a file that is read to its end:
// it has not changed for a while, and no JSON record waits for its rest.
func (r *run) idle(t *tail, now time.Time) bool {
	waits := t.cfg.Format.Kind == envelope.JSON && t.split.Pending()
	return !waits && r.complete(t, now)
}

// letGo ends a tail that was left. Its cursor goes with it.
func (r *run) letGo(t *tail) {
	r.release(t)
	t.left = true
	if !t.unnamed {
		t.unnamed = true
		r.known.remove(t.object)
		r.batch.remove(t.object)
	}
}

// stat looks at the open file, or at the one that has its name.
func (t *tail) stat() (os.FileInfo, error) {
	if t.f != nil {
		return t.f.Stat()
	}
	return os.Stat(t.path)
}
