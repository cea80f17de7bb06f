package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
)

// newLake is a lake that is made of raw logs. Until it is whole it is in part, below the
// directory that it is to be in; a reader takes no notice of that.
type newLake struct {
	dir, part string
	made      bool // dir was not there
	store     *lake.Dir
	loader    *lake.Loader
	loaded    lake.Loaded
}

// createLake begins a lake in a directory that is not there yet, or empty.
func createLake(ctx context.Context, dir string) (*newLake, error) {
	if dir == "" || strings.Contains(dir, "://") {
		return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("--lake %q is no directory", dir), "give a new directory; what is in it can be copied to an object store")
	}
	l := &newLake{dir: dir, part: filepath.Join(dir, ".part")}
	switch entries, err := os.ReadDir(dir); {
	case errors.Is(err, fs.ErrNotExist):
		l.made = true
		if err := os.Mkdir(dir, 0o750); err != nil {
			return nil, exitcode.Wrap(exitcode.IO, fmt.Errorf("create lake: %w", err), "give a --lake in a directory that can be written")
		}
	case err != nil:
		return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("--lake: %w", err), "give a new directory")
	case len(entries) == 1 && entries[0].Name() == filepath.Base(l.part):
		return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("%s is there already", l.part), "another weir is making the lake, or was killed: then remove it")
	case len(entries) > 0:
		return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("--lake %s is not empty", dir), "give a new directory: with what is there, events would be in it twice")
	}
	store, err := l.open()
	if err != nil {
		return nil, exitcode.Wrap(exitcode.IO, fmt.Errorf("create lake: %w", err), "give a --lake that can be written")
	}
	saveMemory()
	l.store, l.loader = store, lake.NewLoader(ctx, store, time.Now())
	return l, nil
}

// open makes the part, which must not be there: then it is another process's.
func (l *newLake) open() (*lake.Dir, error) {
	if err := os.Mkdir(l.part, 0o750); err != nil {
		if l.made {
			_ = os.Remove(l.dir) // it stays if another process has begun in it
		}
		return nil, err
	}
	store, err := lake.NewDir(l.part)
	if err != nil {
		return nil, errors.Join(err, l.remove())
	}
	return store, nil
}

// remove leaves things as they were.
func (l *newLake) remove() error {
	err := os.RemoveAll(l.part)
	if err == nil && l.made {
		return os.Remove(l.dir)
	}
	return err
}

// add puts the event of a record into the lake.
func (l *newLake) add(rec *event.Record, ev *ocsf.Event) error {
	err := l.loader.Add(ev, len(rec.Value))
	if errors.Is(err, lake.ErrUnfit) {
		return &normalize.Error{Reason: event.ReasonInvalidOutput, Detail: err.Error()}
	}
	return err
}

func (l *newLake) buffer() *bufio.Writer { return bufio.NewWriter(io.Discard) }

// end writes what is left and makes the lake whole. After an error there is none, nor
// without events.
func (l *newLake) end(reading error) (err error) {
	l.loaded, err = l.loader.Close()
	err = join(reading, err)
	err = join(err, l.store.Close())
	if err == nil && l.loaded.Rows > 0 {
		if err = l.whole(); err == nil {
			return nil
		}
	}
	return join(err, l.remove())
}

// whole moves the files into the lake, all at once. They are on the disk already.
func (l *newLake) whole() error {
	events := lake.Events.String()
	moved := filepath.Join(l.dir, events)
	if err := os.Rename(filepath.Join(l.part, events), moved); err != nil {
		return err
	}
	if err := errors.Join(syncDir(l.dir), syncDir(filepath.Dir(filepath.Clean(l.dir)))); err != nil {
		return errors.Join(err, os.RemoveAll(moved))
	}
	return os.RemoveAll(l.part)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (l *newLake) print(stderr io.Writer) {
	if l.loaded.Rows == 0 {
		fmt.Fprintf(stderr, "%s is not made: there are no events\n", l.dir)
		return
	}
	fmt.Fprintf(stderr, "%s is a lake of %s in %s, %s\n", l.dir, count(l.loaded.Rows, "event"), count(l.loaded.Files, "file"), megabytes(l.loaded.Bytes))
	fmt.Fprintf(stderr, "try: weir replay --lake %s --rules DIR\n", l.dir)
}
