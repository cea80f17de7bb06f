// Package object is what collectors of object stores have in common: streams that
// survive a broken connection, chunks of records that are made durable together,
// and a listing that is divided among processes. It knows no vendor.
//
// An object is read in a stream, decompressed and split as it comes, and handed over
// in chunks of a few megabytes. What is held of it does not depend on its size.
package object

import (
	"context"
	"errors"
	"io"
	"time"
)

// The errors of a Store that callers tell apart. Everything else may pass.
var (
	// ErrGone says that the object is not there (any more).
	ErrGone = errors.New("the object is gone")
	// ErrChanged says that the object is no longer the one that was asked for.
	ErrChanged = errors.New("the object has changed")
	// ErrRefused says that the store will not answer otherwise to another try: no
	// permission, no such bucket, an archived object.
	ErrRefused = errors.New("the store refuses")
)

// Ref names an object's content.
type Ref struct {
	Bucket string // bucket or container
	Key    string
	// Region is where the bucket is; empty for the configured one.
	Region string
	// Version and ETag narrow it down, if they are known.
	Version string
	ETag    string // without quotes
}

// Body is an object that is read from some byte on.
type Body struct {
	io.ReadCloser
	ETag string
	// Size is that of the whole object, as stored.
	Size int64
}

// Opener opens objects. The body ends with ctx, and with an error if the connection
// breaks.
type Opener interface {
	Open(ctx context.Context, ref Ref, offset int64) (Body, error)
}

// Entry is an object as a listing shows it.
type Entry struct {
	Key  string
	ETag string
	Size int64
	// At is from when on the object is expected to stay as it is: when it was
	// written, or when the hour ends that it is filled in.
	At time.Time
	// Created is when an object was made that grows since; zero if that is not known.
	Created time.Time
	// Append says that bytes once written never change.
	Append bool
}

// Lister lists one bucket or container.
type Lister interface {
	// Walk gives visit the objects behind the key after, in ascending order of their
	// keys, where the store has one. It may leave out folders of dates before since.
	// An error of visit ends it.
	Walk(ctx context.Context, after string, since time.Time, visit func(Entry) error) error
	// Head looks at one object.
	Head(ctx context.Context, key string) (Entry, error)
}
