package rawlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Stdin is the argument that stands for standard input.
const Stdin = "-"

// Input is one stream to read.
type Input struct {
	// Path is the file, or Stdin.
	Path string
	// Object is the origin of its records.
	Object string
	// Size is what the file takes on disk, 0 for standard input.
	Size int64
}

// Inputs lists the files that arguments name: each file, and of a directory every
// file below it whose name does not begin with a dot, by name. origin, if not
// empty, takes the place of the directory in the origin of records. Every missing
// argument is an error, before anything is read.
func Inputs(args []string, origin string) ([]Input, error) {
	var inputs []Input
	var missing []error
	for _, arg := range args {
		if arg == Stdin {
			inputs = append(inputs, Input{Path: Stdin, Object: orElse(origin, "stdin")})
			continue
		}
		found, err := below(arg, origin)
		if err != nil {
			missing = append(missing, err)
		}
		inputs = append(inputs, found...)
	}
	return inputs, errors.Join(missing...)
}

func below(root, origin string) ([]Input, error) {
	var inputs []Input
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return plain(err)
		}
		if path != root && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := os.Stat(path)
		if err != nil || info.IsDir() {
			return err
		}
		name, err := object(root, path, origin)
		inputs = append(inputs, Input{Path: path, Object: name, Size: info.Size()})
		return err
	})
	return inputs, err
}

// plain leaves the system call away that found a path wanting, which was lstat.
func plain(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return &fs.PathError{Op: "open", Path: failed.Path, Err: failed.Err}
	}
	return err
}

// object is the origin of the records of a file, named as the file collector names
// it: the absolute path, or with an origin that and the path below the argument.
func object(root, path, origin string) (string, error) {
	if origin == "" {
		abs, err := filepath.Abs(path)
		return "file:" + filepath.ToSlash(abs), err
	}
	rest, err := filepath.Rel(root, path)
	if rest == "." {
		rest = filepath.Base(path)
	}
	return strings.TrimSuffix(origin, "/") + "/" + filepath.ToSlash(rest), err
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

// Open opens the input. stdin is what Stdin stands for; closing does not close it.
func (in Input) Open(stdin io.Reader) (io.ReadCloser, error) {
	if in.Path == Stdin {
		return io.NopCloser(stdin), nil
	}
	f, err := os.Open(in.Path)
	if err != nil {
		return nil, fmt.Errorf("open input: %w", err)
	}
	return f, nil
}
