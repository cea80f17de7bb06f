//go:build integration_k8s

package k8s

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// proxy stands between the API server and weir and loses answers: the worst that a
// network can do, since the API server then sends again what weir has taken. It
// carries TLS and looks into nothing.
type proxy struct {
	to     string
	losses chan struct{} // one for each answer to lose
}

// startProxy listens on from until the end of the test.
func startProxy(t *testing.T, from, to string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	p := &proxy{to: to, losses: make(chan struct{}, 1)}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil { // closed
				return
			}
			go p.carry(client)
		}
	}()
	return p
}

// carry copies in both directions until one side hangs up.
func (p *proxy) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil { // weir is away
		return
	}
	defer server.Close()
	var muted atomic.Bool
	go func() {
		defer client.Close()
		defer server.Close()
		_, _ = io.Copy(server, &batches{Reader: client, seen: func() { p.lose(client, &muted) }})
	}()
	_, _ = io.Copy(&mutable{Writer: client, muted: &muted}, server)
}

// lose, if there is a loss to be had, lets the client hear nothing more, gives
// weir the time to take the batch, and breaks the connection.
func (p *proxy) lose(client net.Conn, muted *atomic.Bool) {
	select {
	case <-p.losses:
		muted.Store(true)
		time.AfterFunc(2*time.Second, func() { client.Close() })
	default:
	}
}

// batches calls seen whenever more has been read than a handshake has.
type batches struct {
	io.Reader
	seen func()
	n    int
}

func (b *batches) Read(data []byte) (int, error) {
	n, err := b.Reader.Read(data)
	if b.n += n; b.n > 16<<10 {
		b.n = 0
		b.seen()
	}
	return n, err
}

// mutable drops what is written while it is muted.
type mutable struct {
	io.Writer
	muted *atomic.Bool
}

func (m *mutable) Write(data []byte) (int, error) {
	if m.muted.Load() {
		return len(data), nil
	}
	return m.Writer.Write(data)
}
