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
	"time"

	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
)

// newLake is a lake that is made of raw logs, in part. It comes into dir when it is
// whole: until then, and for ever if weir is killed, it is beside.
type newLake struct {
	dir, part string
	store     *lake.Dir
	loader    *lake.Loader
	loaded    lake.Loaded
}

// createLake begins a lake in a directory that is not there yet, or empty.
func createLake(ctx context.Context, dir string) (*newLake, error) {
	switch entries, err := os.ReadDir(dir); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("--lake: %w", err), "give a new directory")
	case len(entries) > 0:
		return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("--lake %s is not empty", dir), "give a new directory: with what is there, events would be in it twice")
	}
	whole, err := filepath.Abs(dir)
	if err != nil {
		return nil, exitcode.Wrap(exitcode.IO, fmt.Errorf("--lake: %w", err), "give a new directory")
	}
	l := &newLake{dir: dir, part: whole + ".part"}
	switch err := os.Mkdir(l.part, 0o750); {
	case errors.Is(err, fs.ErrExist):
		return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("%s is there already", l.part), "another weir is making the lake, or was killed: then remove it")
	case err != nil:
		return nil, exitcode.Wrap(exitcode.IO, fmt.Errorf("create lake: %w", err), "give a --lake in a directory that can be written")
	}
	store, err := lake.NewDir(l.part)
	if err != nil {
		return nil, exitcode.Wrap(exitcode.IO, errors.Join(err, os.RemoveAll(l.part)), "")
	}
	saveMemory()
	l.store, l.loader = store, lake.NewLoader(ctx, store, time.Now())
	return l, nil
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

// end writes what is left and gives the lake its name. After an error there is none, nor
// without events.
func (l *newLake) end(reading error) (err error) {
	l.loaded, err = l.loader.Close()
	err = join(reading, err)
	err = join(err, l.store.Close())
	if err == nil && l.loaded.Rows > 0 {
		return l.name()
	}
	return join(err, os.RemoveAll(l.part))
}

// name gives the lake its name, and makes it durable: its files are already.
func (l *newLake) name() error {
	if err := os.Mkdir(l.dir, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	events := lake.Events.String()
	if err := os.Rename(filepath.Join(l.part, events), filepath.Join(l.dir, events)); err != nil {
		return err
	}
	return errors.Join(syncDir(l.dir), syncDir(filepath.Dir(l.part)), os.RemoveAll(l.part))
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
