package syslog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// acknowledged waits until the other end's system has acknowledged all that was sent,
// up to the end of the connection (SIOCOUTQ of tcp(7)), and looks whether it was reset.
func acknowledged(ctx context.Context, conn *net.TCPConn, timeout time.Duration) error {
	sys, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(timeout); ; {
		var queued, failed int
		var queueErr, failErr error
		err := sys.Control(func(fd uintptr) {
			queued, queueErr = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
			failed, failErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		})
		switch err = errors.Join(err, queueErr, failErr); {
		case err != nil:
			return fmt.Errorf("ask for acknowledgements: %w", err)
		case failed != 0:
			return fmt.Errorf("the receiver ended the connection before it read everything: %w", unix.Errno(failed))
		case queued == 0:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("the receiver has not acknowledged the last %d bytes within %s", queued, timeout)
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
