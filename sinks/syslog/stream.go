package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// stream sends frames over TCP or TLS. A receiver never answers; that a write went
// well says that the bytes are in this machine's buffer. There are two ways to
// know more.
//
// With Confirm each batch has a connection of its own: after it weir says that it has
// nothing more to send, and waits until the receiver ends the connection. A receiver
// ends it when it has read everything; if it is killed before, the connection is
// reset. What it does with what it has read is its own matter: a proxy that reads and
// then finds nobody behind it looks like a receiver.
//
// Without, one connection stays. Before each batch weir looks whether the receiver has
// ended it. If so, or if a write fails, the last batch may not have been read, and is
// sent again. So alerts can come twice; and those can be lost that were on their way
// when both the connection broke and weir ended.
type stream struct {
	conf Config
	conn connection // nil if there is none
	last []byte     // the last batch; of no use while conn is fresh
}

// connection is one of TCP, or of TLS over it.
type connection interface {
	net.Conn
	CloseWrite() error
}

// send sends frames. An error means that they may not have arrived.
func (s *stream) send(ctx context.Context, frames []byte) error {
	if s.conf.Confirm {
		return s.confirmed(ctx, frames)
	}
	if s.conn != nil && !alive(s.conn, lookTime) {
		s.drop()
	}
	batch := frames
	if s.conn == nil {
		conn, _, err := s.dial(ctx)
		if err != nil {
			return err
		}
		s.conn, batch = conn, append(s.last, frames...)
	}
	if err := write(ctx, s.conn, batch, s.conf.Timeout); err != nil {
		s.drop()
		return err
	}
	if s.last = batch; len(batch) > maxLast {
		s.last = frames
	}
	return nil
}

// maxLast bounds in bytes what is kept for a connection that breaks again and again.
const maxLast = 8 << 20

// confirmed sends frames over a connection of their own and waits for its end.
func (s *stream) confirmed(ctx context.Context, frames []byte) error {
	conn, raw, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it is half closed already, and what counts was confirmed
	if err := write(ctx, conn, frames, s.conf.Timeout); err != nil {
		return err
	}
	// If the receiver ends the connection before weir does, it has not read everything.
	if err := acknowledged(ctx, raw, s.conf.Timeout); err != nil {
		return err
	}
	if !alive(conn, settleTime) {
		return errors.New("the receiver ended the connection before it had everything")
	}
	defer guard(ctx, conn, s.conf.Timeout)()
	if err := conn.CloseWrite(); err != nil {
		return fmt.Errorf("end the connection: %w", err)
	}
	if conn != connection(raw) { // a receiver may look for the end of TCP only
		if err := raw.CloseWrite(); err != nil {
			return fmt.Errorf("end the connection: %w", err)
		}
	}
	switch _, err := io.Copy(io.Discard, io.LimitReader(conn, 1<<20)); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the receiver did not end the connection within %s, so it is unknown what it has read; if it never does, configure confirm: false", s.conf.Timeout)
	case err != nil:
		return fmt.Errorf("wait for the receiver to end the connection: %w", err)
	}
	// A reset may be on its way.
	return acknowledged(ctx, raw, s.conf.Timeout)
}

// dial opens a connection. raw is its TCP part.
func (s *stream) dial(ctx context.Context) (conn connection, raw *net.TCPConn, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.conf.Timeout)
	defer cancel()
	plain, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.conf.Address)
	if err != nil {
		return nil, nil, err
	}
	raw, _ = plain.(*net.TCPConn)
	if s.conf.Transport == TCP {
		return raw, raw, nil
	}
	conf, err := s.conf.TLS()
	if err != nil {
		return nil, nil, errors.Join(err, raw.Close())
	}
	if conf.ServerName == "" {
		conf = conf.Clone()
		conf.ServerName, _, _ = net.SplitHostPort(s.conf.Address)
	}
	secure := tls.Client(raw, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("TLS handshake: %w", err), raw.Close())
	}
	return secure, raw, nil
}

// write writes all of it within the timeout.
func write(ctx context.Context, conn net.Conn, frames []byte, timeout time.Duration) error {
	defer guard(ctx, conn, timeout)()
	_, err := conn.Write(frames)
	return err
}

// guard gives a connection a deadline, at once when ctx ends.
func guard(ctx context.Context, conn net.Conn, timeout time.Duration) (stop func() bool) {
	_ = conn.SetDeadline(time.Now().Add(timeout)) // fails only on a closed connection, as what follows does
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}

// How long alive looks: a deadline in the past would look at nothing, and the end of a
// connection needs its time on the way.
const (
	lookTime   = time.Millisecond
	settleTime = 5 * time.Millisecond
)

// alive tells whether the receiver has neither ended nor reset the connection.
func alive(conn net.Conn, d time.Duration) bool {
	if conn.SetReadDeadline(time.Now().Add(d)) != nil {
		return false
	}
	var unexpected [512]byte
	for {
		if _, err := conn.Read(unexpected[:]); err != nil {
			return errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
}

func (s *stream) drop() {
	_ = s.conn.Close() // it is broken
	s.conn = nil
}

func (s *stream) close() error {
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	if err != nil {
		return fmt.Errorf("close connection to %s: %w", s.conf.Address, err)
	}
	return nil
}
