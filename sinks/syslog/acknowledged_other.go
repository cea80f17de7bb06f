//go:build !linux

package syslog

import (
	"context"
	"net"
	"time"
)

// acknowledged cannot be asked for here.
func acknowledged(context.Context, *net.TCPConn, time.Duration) error { return nil }
