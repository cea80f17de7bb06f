package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// The steps of the file protocol, as fault injection names them, with "before "
// or "after " in front.
const (
	stepMkdir   = "mkdir"
	stepCreate  = "create"
	stepWrite   = "write"
	stepSync    = "fsync"
	stepLink    = "link"
	stepUnlink  = "unlink"
	stepSyncDir = "fsync directory"
)

// step does one step of the file protocol.
func (d *Dir) step(name string, do func() error) error {
	if d.fault == nil {
		return do()
	}
	if err := d.fault("before " + name); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return d.fault("after " + name)
}

// Create writes a file, see Store. The data first goes to a temporary file and
// reaches the disk, and then gets its name by a link, which never replaces.
func (d *Dir) Create(ctx context.Context, name string, data []byte) (created bool, err error) {
	if !fs.ValidPath(name) {
		return false, fmt.Errorf("create %q: not a path below the lake", name)
	}
	final := filepath.Join(d.root, filepath.FromSlash(name))
	if err := d.mkdirs(path.Dir(name)); err != nil {
		return false, err
	}
	err = d.link(ctx, final, data)
	created = err == nil
	if errors.Is(err, fs.ErrExist) {
		err = sameFile(final, data)
	}
	if err == nil {
		// It may come from a process that was killed before this step.
		err = d.syncDir(filepath.Dir(final))
	}
	return created && err == nil, advise(err, d.root)
}

// sameFile holds a file that is there against what it should be.
func sameFile(name string, data []byte) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = SameContent(f, info.Size(), data)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// link gives data the name final. It is fs.ErrExist if the name is taken.
func (d *Dir) link(ctx context.Context, final string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := os.Lstat(final); err == nil {
		return fs.ErrExist
	}
	temp := filepath.Join(d.root, tempDir, d.id+"-"+strconv.Itoa(d.next()))
	err := d.writeTemp(temp, data)
	if err == nil {
		err = ctx.Err() // a disk may be very slow
	}
	if err == nil {
		err = d.step(stepLink, func() error { return os.Link(temp, final) })
	}
	removeErr := d.step(stepUnlink, func() error { return os.Remove(temp) })
	if err == nil && !errors.Is(removeErr, fs.ErrNotExist) {
		err = removeErr
	}
	return err
}

// writeTemp creates the file temp with data and waits for the disk.
func (d *Dir) writeTemp(temp string, data []byte) (err error) {
	var f *os.File
	err = d.step(stepCreate, func() (err error) {
		f, err = os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
		return err
	})
	if f != nil {
		defer func() {
			if closeErr := f.Close(); err == nil {
				err = closeErr
			}
		}()
	}
	if err != nil {
		return err
	}
	if err := d.step(stepWrite, func() error { _, err := f.Write(data); return err }); err != nil {
		return err
	}
	return d.step(stepSync, f.Sync)
}

// next numbers temporary files.
func (d *Dir) next() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files++
	return d.files
}

// mkdirs makes a directory below the root, given with slashes, and those above
// it, and sees to it once per process that all of them are on the disk: a file
// in a directory that a power cut takes away is lost.
func (d *Dir) mkdirs(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return advise(d.mkdir(filepath.Join(d.root, filepath.FromSlash(dir))), d.root)
}

func (d *Dir) mkdir(dir string) error {
	outside := len(dir) <= len(d.root) // the root or above it
	if d.durable[dir] || outside && isDir(dir) {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := d.mkdir(parent); err != nil {
		return err
	}
	err := d.step(stepMkdir, func() error {
		if err := os.Mkdir(dir, dirMode); err != nil && !isDir(dir) {
			return err
		}
		return nil
	})
	if err == nil {
		err = d.syncDir(parent)
	}
	d.durable[dir] = err == nil
	return err
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// syncDir waits until the names in a directory are on the disk.
func (d *Dir) syncDir(dir string) error {
	return d.step(stepSyncDir, func() error {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

// advise adds to an error of the file system what a person can do about it.
func advise(err error, root string) error {
	is := func(targets ...error) bool {
		return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
	}
	var link *os.LinkError
	switch {
	case err == nil || errors.Is(err, ErrForeign):
		return err
	case is(syscall.ENOSPC, syscall.EDQUOT):
		return fmt.Errorf("%w: the disk or quota of %s is full: free or add space", err, root)
	case is(syscall.EROFS):
		return fmt.Errorf("%w: %s is mounted read-only: mount it for writing, or configure another directory for the lake", err, root)
	case is(syscall.ENOTSUP, syscall.ENOSYS, syscall.EXDEV, syscall.EINVAL), errors.As(err, &link) && is(syscall.EPERM):
		return fmt.Errorf("%w: the file system of %s lacks hard links, locks or fsync of directories: configure a directory for the lake on one that has them (ext4, XFS, APFS, NFSv4)", err, root)
	case is(fs.ErrPermission):
		return fmt.Errorf("%w: give the user that weir runs as (uid %d) write permission in %s, or configure another directory for the lake", err, os.Getuid(), root)
	case is(syscall.ENOTDIR, fs.ErrExist):
		return fmt.Errorf("%w: a file is where a directory must be: move it, or configure another directory for the lake", err)
	}
	return err
}
