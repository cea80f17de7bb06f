// Package push is what the collectors have in common that others push events to over
// HTTP or HTTPS: who may come in, what he may cost, and when he is answered. What is
// particular to a kind of senders is a Protocol.
//
// A request is answered 200 when all its events are durable, never before; until
// then they are the sender's, who sends them again. What is temporary (a full
// queue, a rate, a slow Kafka) is 503 or 429 with Retry-After, after at most Timeout.
// A piece that is no event costs only itself: it becomes a dead letter, the other
// events go on, and the answer is 200, because with another one the same bytes would
// come again and again, and hold up or drop the good events beside it.
//
// Requests that wait while a batch is being made durable go together into the next
// one. A request is never split, and its events keep their order.
package push

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/internal/logkey"
)

// Config is the configuration of one collector.
type Config struct {
	// Name is the collector's, Source the kind of its logs.
	Name   string
	Source string
	// Listen is the address host:port to listen on. Other than loopback is refused
	// without TLS and without Tokens or TLS.ClientCAFile.
	Listen string
	TLS    *TLS // nil: plain HTTP
	// Tokens are hex SHA-256 digests of bearer tokens by the name of their client. If
	// there are any, every request needs one of the tokens; together with
	// TLS.ClientCAFile it needs both.
	Tokens map[string][]string
	// Basic lets a token come by basic authentication, too: as the password of a user
	// with the client's name.
	Basic bool
	// Timeout is the longest that a request may take from its header to its answer; 0
	// is 10 s.
	Timeout time.Duration
	// Drain is how long requests may still take when Run's context has ended; 0 is
	// Timeout.
	Drain  time.Duration
	Limits Limits
	// Log gets what an operator acts on, a line a kind of trouble every ten seconds at
	// most; nil is slog.Default().
	Log *slog.Logger
}

// TLS is the server's certificate and who may connect. The files are read again when
// their content has changed, for connections from then on.
type TLS struct {
	CertFile, KeyFile string
	// ClientCAFile, if given, demands a client certificate of one of its authorities.
	ClientCAFile string
	// ClientNames are the common names, DNS names and URIs that are let in; empty lets
	// every certificate of the authorities in.
	ClientNames []string
}

// Limits bound what clients may cost. A field of 0 is its default.
type Limits struct {
	Record      int   // bytes of an event: envelope.DefaultRecordLimit
	Body        int64 // bytes of a request's body, as sent and decompressed: 32 MiB
	Memory      int64 // bytes of all requests in flight: 128 MiB
	Requests    int   // requests in flight: 64
	Connections int   // open connections: 256
	Rate        int   // requests a second from one client: 100
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Record:      cmp.Or(max(l.Record, 0), envelope.DefaultRecordLimit),
		Body:        cmp.Or(max(l.Body, 0), 32<<20),
		Memory:      cmp.Or(max(l.Memory, 0), 128<<20),
		Requests:    cmp.Or(max(l.Requests, 0), 64),
		Connections: cmp.Or(max(l.Connections, 0), 256),
		Rate:        cmp.Or(max(l.Rate, 0), 100),
	}
}

// What a connection may take outside of a request's own time.
const (
	headerTimeout  = 5 * time.Second  // to send a header, or to finish the TLS handshake
	answerTimeout  = 5 * time.Second  // to take an answer
	idleTimeout    = 90 * time.Second // between two requests: API servers keep connections as long
	maxHeaderBytes = 16 << 10
	maxStreams     = 32 // concurrent requests on an HTTP/2 connection
)

// Collector takes what is pushed. It keeps nothing between two calls of Run.
type Collector struct {
	// Listening is told the address that Run listens on, if not nil.
	Listening func(net.Addr)

	cfg      Config
	protocol Protocol
	access   *access
	certs    *certificates // nil: plain HTTP
}

var _ ingest.Collector = (*Collector)(nil)

// ErrExposed is the refusal to listen on an address that others reach without TLS
// and authentication.
var ErrExposed = errors.New("is not loopback and needs TLS and authentication: give tls with cert_file and key_file, and token_sha256 or tls.client_ca_file, or listen on 127.0.0.1")

// ErrOnce is for whoever wants a collector to end by itself.
var ErrOnce = errors.New("what others push to waits for them and never ends by itself: it cannot run once")

// New checks the configuration and reads the certificates.
func New(cfg Config, p Protocol) (*Collector, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Drain <= 0 {
		cfg.Drain = cfg.Timeout
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	cfg.Log = cfg.Log.With(slog.String(logkey.Collector, cfg.Name))
	cfg.Limits = cfg.Limits.withDefaults()
	c := &Collector{cfg: cfg, protocol: p}
	var err error
	if c.access, err = newAccess(&cfg); err != nil {
		return nil, fmt.Errorf("collector %s: %w", cfg.Name, err)
	}
	if cfg.TLS != nil {
		if c.certs, err = newCertificates(*cfg.TLS, cfg.Log); err != nil {
			return nil, fmt.Errorf("collector %s: %w", cfg.Name, err)
		}
	}
	return c, nil
}

// Run implements ingest.Collector. It listens until ctx is done or a put fails. At
// the end of ctx it accepts nothing more and answers what is in flight: 200 what
// becomes durable within Drain, 503 the rest.
func (c *Collector) Run(ctx context.Context, _ map[string][]byte, put ingest.Put) error {
	listener, err := c.listen()
	if err != nil {
		return err
	}
	c.cfg.Log.Info("listening", slog.String(logkey.Address, listener.Addr().String()), slog.Bool(logkey.TLS, c.certs != nil))
	if c.Listening != nil {
		c.Listening(listener.Addr())
	}
	q := newQueue(c.cfg.Limits.Requests)
	server := c.server(q)
	served := make(chan error, 1)
	go func() { served <- c.serve(server, listener) }() // ends with the server
	committed := make(chan error, 1)
	// A put outlives ctx: it is how requests in flight at its end become durable.
	go func() { committed <- q.commit(context.WithoutCancel(ctx), put) }() // ends with q.close or a put's error

	var broken error
	select {
	case <-ctx.Done():
	case <-q.failed:
	case broken = <-served:
	}
	c.shutdown(server)
	q.close()
	return errors.Join(broken, <-committed)
}

// listen listens on the very address that was judged: a name is resolved once.
func (c *Collector) listen() (net.Listener, error) {
	addr, err := net.ResolveTCPAddr("tcp", c.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if !addr.IP.IsLoopback() && (c.certs == nil || !c.access.authenticates()) {
		return nil, fmt.Errorf("listen on %s: it %w", c.cfg.Listen, ErrExposed)
	}
	l, err := net.ListenTCP("tcp", addr)
	if err != nil {
		return nil, err // which says: listen tcp 127.0.0.1:9443: bind: ...
	}
	return newBoundedListener(l, c.cfg.Limits.Connections, newComplaints(c.cfg.Log)), nil
}

func (c *Collector) server(q *queue) *http.Server {
	s := &http.Server{
		Handler:           newHandler(&c.cfg, c.protocol, c.access, q),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout + c.cfg.Timeout,
		WriteTimeout:      headerTimeout + c.cfg.Timeout + answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		// Of the server itself it is handshakes that fail: any port scan has some.
		ErrorLog: slog.NewLogLogger(c.cfg.Log.Handler(), slog.LevelDebug),
	}
	if c.certs != nil {
		s.TLSConfig = c.certs.config()
	}
	return s
}

func (c *Collector) serve(server *http.Server, l net.Listener) error {
	if c.certs != nil {
		return server.ServeTLS(l, "", "")
	}
	return server.Serve(l)
}

// shutdown accepts nothing more, and returns when every request is answered or was
// given up.
func (c *Collector) shutdown(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.Drain)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		c.cfg.Log.Warn("requests were given up at shutdown: their senders send them again", slog.Any(logkey.Error, err))
		_ = server.Close() // of a listener that is closed already
	}
}
