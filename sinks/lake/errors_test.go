package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

func TestIsTransient(t *testing.T) {
	tests := []struct {
		err  error
		want bool
	}{
		{nil, false},
		{advise(&os.PathError{Op: "write", Err: syscall.ENOSPC}, "/lake"), true},
		{advise(&os.PathError{Op: "write", Err: syscall.EDQUOT}, "/lake"), true},
		{&os.PathError{Op: "fsync", Err: syscall.EIO}, true},
		{advise(&os.PathError{Op: "open", Err: syscall.EROFS}, "/lake"), false},
		{advise(&os.PathError{Op: "open", Err: syscall.EACCES}, "/lake"), false},
		{advise(&os.LinkError{Op: "link", Err: syscall.EPERM}, "/lake"), false},
		{fs.ErrNotExist, false},
		{errors.New("anything else"), false},
		{fmt.Errorf("write batch: %w", Transient(errors.New("503 SlowDown"))), true},
		{Transient(fmt.Errorf("upload: %w", context.DeadlineExceeded)), true},
		{Transient(fmt.Errorf("upload: %w", context.Canceled)), false},
		{context.Canceled, false},
	}
	for _, tt := range tests {
		if got := IsTransient(tt.err); got != tt.want {
			t.Errorf("IsTransient(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
	if Transient(nil) != nil {
		t.Error("Transient(nil) is an error")
	}
}
