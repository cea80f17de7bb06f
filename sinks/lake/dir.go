package lake

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gofrs/flock"
)

// The permissions of what the lake creates, before the umask: readers are in the
// group.
const (
	dirMode  = 0o750
	fileMode = 0o640
)

// tempDir holds the files being written, below the root, so that it is in the
// same file system and outside of what a reader of a table lists.
const tempDir = ".tmp"

// Dir is the [Store] in a directory. Its methods may be used by several goroutines,
// and several processes may use the same directory.
type Dir struct {
	root string
	id   string       // begins the names of this process's temporary files
	lock *flock.Flock // on .tmp/<id>.lock: says that the process lives

	mu      sync.Mutex
	files   int             // temporary files made, for their names
	durable map[string]bool // directories known to be on the disk

	// fault is called before and after each step of the file protocol. Tests set
	// it to make one fail.
	fault func(step string) error
}

// NewDir opens the lake below root, creating the directory if need be. It tries
// out everything that writing needs (create, fsync, hard link, remove) and says
// what to do if something cannot be done. It also removes the temporary files of
// processes that were killed; those of running processes stay.
func NewDir(root string) (*Dir, error) { return openDir(root, nil) }

// ReadDir opens the lake below root for reading only: it writes nothing there, not
// even a lock.
func ReadDir(root string) (*Dir, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	switch info, err := os.Stat(root); {
	case err != nil:
		return nil, fmt.Errorf("open lake: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("open lake: %s is no directory", root)
	}
	return &Dir{root: root}, nil
}

func openDir(root string, fault func(string) error) (*Dir, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	d := &Dir{root: root, id: hex.EncodeToString(random[:]), durable: map[string]bool{}, fault: fault}
	if err := d.begin(); err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	if err := d.probe(); err != nil {
		return nil, errors.Join(fmt.Errorf("open lake: %w", err), d.Close())
	}
	return d, nil
}

// begin makes the temporary directory, cleans it, and takes the lock that keeps
// other processes from cleaning this one's files. One process at a time does so.
func (d *Dir) begin() (err error) {
	if err := d.mkdirs(tempDir); err != nil {
		return err
	}
	temp := filepath.Join(d.root, tempDir)
	gate := flock.New(filepath.Join(temp, "lock"), flock.SetPermissions(fileMode))
	if err := gate.Lock(); err != nil {
		return advise(fmt.Errorf("lock: %w", err), d.root)
	}
	defer func() { err = errors.Join(err, gate.Unlock()) }()
	if err := clean(temp); err != nil {
		return err
	}
	d.lock = flock.New(filepath.Join(temp, d.id+".lock"), flock.SetPermissions(fileMode))
	if err := d.lock.Lock(); err != nil {
		return advise(fmt.Errorf("lock: %w", err), d.root)
	}
	return nil
}

// clean removes the temporary files of every process that holds its lock no more.
func clean(temp string) error {
	entries, err := os.ReadDir(temp)
	if err != nil {
		return advise(err, temp)
	}
	for _, e := range entries {
		id, isLock := strings.CutSuffix(e.Name(), ".lock")
		if !isLock {
			continue
		}
		path := filepath.Join(temp, e.Name())
		lock := flock.New(path)
		free, err := lock.TryLock()
		if err != nil {
			return advise(fmt.Errorf("lock: %w", err), temp)
		}
		if !free {
			continue
		}
		if err := removeOf(temp, id); err != nil {
			return errors.Join(advise(err, temp), lock.Unlock())
		}
		if err := lock.Unlock(); err != nil {
			return fmt.Errorf("lock: %w", err)
		}
	}
	return nil
}

// removeOf removes the temporary files of a process, then its lock: without it
// nobody would know whose they are.
func removeOf(temp, id string) error {
	entries, err := os.ReadDir(temp)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), id+"-") {
			if err := os.Remove(filepath.Join(temp, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	if err := os.Remove(filepath.Join(temp, id+".lock")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// probe writes a file as Write does, and removes it.
func (d *Dir) probe() error {
	name := path.Join(tempDir, d.id+"-probe")
	if _, err := d.Create(context.Background(), name, []byte("weir")); err != nil {
		return err
	}
	return advise(os.Remove(filepath.Join(d.root, filepath.FromSlash(name))), d.root)
}

// String is the directory.
func (d *Dir) String() string { return d.root }

// Close gives the directory up. Files are complete without it.
func (d *Dir) Close() error {
	if d.lock == nil { // read only
		return nil
	}
	if err := removeOf(filepath.Join(d.root, tempDir), d.id); err != nil {
		return errors.Join(fmt.Errorf("close lake: %w", err), d.lock.Unlock())
	}
	if err := d.lock.Unlock(); err != nil {
		return fmt.Errorf("close lake: %w", err)
	}
	return nil
}
