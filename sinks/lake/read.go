package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// errStop ends a walk whose reader has enough.
var errStop = errors.New("stop")

// List walks the part of the directory that prefix names.
func (d *Dir) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		first := path.Clean(path.Dir(prefix + "x")) // what prefix names whole
		if !fs.ValidPath(first) {
			yield(Info{}, fmt.Errorf("list %q: not a path below the lake", prefix))
			return
		}
		err := fs.WalkDir(os.DirFS(d.root), first, func(name string, e fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			switch {
			case name == first && errors.Is(err, fs.ErrNotExist):
				return fs.SkipAll // nothing was written yet
			case err != nil:
				return err
			case name == ".":
				return nil
			case e.IsDir():
				if !Visible(name) || !strings.HasPrefix(name, prefix) && !strings.HasPrefix(prefix, name) {
					return fs.SkipDir
				}
				return nil
			case !Visible(name) || !strings.HasPrefix(name, prefix):
				return nil
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil // deleted meanwhile
			}
			if err != nil {
				return err
			}
			if !yield(Info{Path: name, Size: info.Size()}, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(Info{}, fmt.Errorf("list %s: %w", d.root, err))
		}
	}
}

// Open opens a file.
func (d *Dir) Open(ctx context.Context, name string) (Object, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("open %q: not a path below the lake", name)
	}
	f, err := os.Open(filepath.Join(d.root, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("open %s: no regular file", f.Name())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &openFile{File: f, ctx: ctx, size: info.Size()}, nil
}

// openFile is a file whose reads end with the context that it was opened in.
type openFile struct {
	*os.File
	ctx  context.Context
	size int64
}

func (f *openFile) Size() int64 { return f.size }

func (f *openFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}
