package lake

import (
	"context"
	"errors"
	"net"
	"slices"
	"syscall"
)

// Transient marks an error of a store as one that passes by itself or when an
// operator makes room: the store is away, slow, full or throttles. It keeps nil.
func Transient(err error) error {
	if err == nil {
		return nil
	}
	return &transientError{err}
}

type transientError struct{ err error }

func (e *transientError) Error() string { return e.err.Error() }
func (e *transientError) Unwrap() error { return e.err }

// IsTransient reports whether the same call may succeed later without another
// configuration: the caller keeps its batch, waits and calls again. Every other
// error is permanent (no such bucket, access denied, wrong credentials, read-only,
// a foreign file, a programming error): waiting in silence would hide it. A
// cancelled context is neither transient nor the store's.
func IsTransient(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	var marked *transientError
	if errors.As(err, &marked) {
		return true
	}
	return slices.ContainsFunc(transientErrnos, func(e syscall.Errno) bool { return errors.Is(err, e) }) || isTimeout(err)
}

// transientErrnos are those of a directory that is full or, on a network file
// system, away. EIO is what a soft mount answers; each try writes a new temporary
// file, so that a failed fsync is never taken for a good one later.
var transientErrnos = []syscall.Errno{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.ESTALE, syscall.EAGAIN, syscall.EBUSY,
	syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ETIMEDOUT,
	syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
	syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE,
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
