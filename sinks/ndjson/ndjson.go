// Package ndjson appends alerts to a file, one JSON document per line.
//
// What Deliver accepted is on the disk, and stands in the file once, however
// often it is delivered: the file itself is the memory of what was, read when it
// is opened.
package ndjson

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/sinks"
)

// fileMode keeps alerts, which hold evidence, from other users.
const fileMode = 0o600

// Destination appends alerts to a file.
type Destination struct {
	path string
	file file
	lock *flock.Flock
	size int64       // of all whole lines
	torn bool        // a write failed: there may be bytes behind size
	seen map[id]bool // alerts in the file
	doc  jsondoc.Doc
}

// file is what the destination needs of an *os.File.
type file interface {
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// id stands for an alert's metadata.uid: half of its hash, to be short.
type id [16]byte

// Open opens the file at path, creating it (mode 0600) if need be, and reads
// which alerts it holds. A last line without its end, from a process that was
// killed, is cut off. Open fails if another process has the file open, or if a
// line is no alert: then the file is somebody else's.
func Open(path string) (*Destination, error) {
	lock := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(fileMode))
	free, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("open alerts file: %w: its directory must exist, and the file be writable for uid %d", err, os.Getuid())
	}
	if !free {
		return nil, fmt.Errorf("open alerts file: %s is in use by another process: stop it, or configure another file", path)
	}
	d := &Destination{path: path, lock: lock, seen: map[id]bool{}, doc: jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}}
	if err := d.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open alerts file: %w", err), lock.Close())
	}
	return d, nil
}

func (d *Destination) open() error {
	f, err := os.OpenFile(d.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	d.file = f
	err = d.read(f)
	if err == nil {
		err = f.Truncate(d.size)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(filepath.Dir(d.path)) // the file may be new
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return nil
}

// read collects the alerts of all whole lines.
func (d *Destination) read(f io.Reader) error {
	r := bufio.NewReaderSize(f, 1<<16)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", d.path, err)
		}
		d.size += int64(len(line))
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		alert, err := d.id(line)
		if err != nil {
			return fmt.Errorf("%s:%d: %w: it is not a file of alerts: move it away, or configure another file", d.path, n, err)
		}
		d.seen[alert] = true
	}
}

// id reads the id of an alert's JSON.
func (d *Destination) id(value []byte) (id, error) {
	if err := d.doc.Parse(value); err != nil {
		return id{}, err
	}
	uid, ok := d.doc.Root().Path("metadata", "uid").Str()
	if !ok || uid == "" {
		return id{}, errors.New("the alert has no metadata.uid")
	}
	sum := sha256.Sum256([]byte(uid))
	return id(sum[:16]), nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Name implements sinks.Destination.
func (d *Destination) Name() string { return "file" }

// Deliver appends the alerts that are not in the file yet and returns when they
// are on the disk. An alert that is no JSON document with a metadata.uid is
// refused for good. Any other error means that none of them is in the file.
func (d *Destination) Deliver(ctx context.Context, alerts []sinks.Alert) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var lines bytes.Buffer
	var partial sinks.PartialError
	fresh := map[id]bool{}
	for i, a := range alerts {
		alert, err := d.id(a.Value)
		if err != nil {
			partial.Failures = append(partial.Failures, sinks.Failure{Index: i, Permanent: true, Err: err})
			continue
		}
		if !d.seen[alert] && !fresh[alert] {
			fresh[alert] = true
			lines.WriteString(oneLine(a.Value))
			lines.WriteByte('\n')
		}
	}
	if err := d.append(lines.Bytes()); err != nil {
		return fmt.Errorf("append alerts to %s: %w", d.path, err)
	}
	for alert := range fresh {
		d.seen[alert] = true
	}
	if len(partial.Failures) > 0 {
		return &partial
	}
	return nil
}

// oneLine is a JSON document without line breaks, which can only stand between
// its tokens.
func oneLine(value []byte) string {
	return strings.NewReplacer("\n", " ", "\r", " ").Replace(string(value))
}

// append writes whole lines and waits for the disk. After an error the file is
// as before, for its readers at the latest after the next append.
func (d *Destination) append(lines []byte) error {
	if d.torn {
		if err := d.file.Truncate(d.size); err != nil {
			return err
		}
		d.torn = false
	}
	if len(lines) == 0 {
		return nil
	}
	_, err := d.file.WriteAt(lines, d.size)
	if err == nil {
		err = d.file.Sync()
	}
	if err != nil {
		d.torn = d.file.Truncate(d.size) != nil
		return err
	}
	d.size += int64(len(lines))
	return nil
}

// Close closes the file and lets others open it.
func (d *Destination) Close() error {
	if err := errors.Join(d.file.Close(), d.lock.Close()); err != nil {
		return fmt.Errorf("close alerts file: %w", err)
	}
	return nil
}
