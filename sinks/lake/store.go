package lake

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"time"
)

// MaxUpload is how long the creation of one file may last. It is then aborted, so
// that nobody finds a file appear long after its batch: whoever compacts or
// deletes files may trust that those older than a day are all there are.
const MaxUpload = time.Hour

// ErrForeign is of a file that exists and holds something else than the batch of
// its name: it is not weir's, or of a weir that calls another layout by the same
// number. It stays as it is; a person has to look.
var ErrForeign = errors.New("a file of that name is there and holds something else; if it is not yours move it away, and weir writes the batch again")

// Store is where the files of a lake are: a directory ([Dir]), an S3 bucket or an
// Azure container. Paths are below the lake, with slashes. Methods may be used by
// several goroutines, and several processes may use the same lake.
//
// [IsTransient] tells which errors pass.
type Store interface {
	// Create makes the file at path hold data. If there is one already it stays: with
	// the same content created is false, with another the error is ErrForeign. When
	// Create returns without error the file is durable. At no moment, whoever is
	// killed, is there a file of that path that is not whole. A failed call may be
	// repeated. data must not change before it returns.
	Create(ctx context.Context, path string, data []byte) (created bool, err error)

	// List gives every file whose path begins with prefix, in no certain order. Files
	// of which a part of the path begins with a dot are the store's own and left out. After
	// an error there is nothing more. What is created meanwhile may be in it or not.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]

	// Open opens a file for reads of ranges, which all belong to ctx. The error of a
	// file that is not there is fs.ErrNotExist.
	Open(ctx context.Context, path string) (Object, error)

	// String is the place in errors and logs: a directory or a URL without secrets.
	String() string

	// Close gives the store up. Files are complete without it.
	Close() error
}

// Info is a file of a lake, as a list has it.
type Info struct {
	Path string
	Size int64
}

// Object is an open file. ReadAt may be called by several goroutines. On object
// stores each call is a request: ask for large pieces.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Visible reports whether a path is that of a file of the lake, and not of a
// store's own.
func Visible(path string) bool {
	return path != "" && path[0] != '.' && !strings.Contains(path, "/.")
}

// SameContent compares a file that is there with what it should hold, and is
// ErrForeign if they differ. Files of a batch are equal to the last byte, so a
// store that finds one compares all of it: it is a rare case, and a size alone
// proves little.
func SameContent(r io.Reader, size int64, data []byte) error {
	if size != int64(len(data)) {
		return ErrForeign
	}
	var piece [32 << 10]byte
	for len(data) > 0 {
		n, err := r.Read(piece[:])
		if n > len(data) || string(piece[:n]) != string(data[:n]) {
			return ErrForeign
		}
		data = data[n:]
		if err != nil && len(data) > 0 {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// upload calls Create with the time that it may take.
func upload(ctx context.Context, s Store, path string, data []byte) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, MaxUpload)
	defer cancel()
	created, err := s.Create(limited, path, data)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = Transient(err)
	}
	return created, err
}
