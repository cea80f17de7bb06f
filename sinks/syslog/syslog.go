// Package syslog sends alerts as RFC 5424 messages: over TLS (RFC 5425), plain TCP in
// the same framing (RFC 6587, octet counting), or UDP (RFC 5426).
//
// Syslog has no acknowledgement. What Deliver does instead is in stream.go.
package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/weir-security/weir/sinks"
)

// The transports.
const (
	TLS = "tls"
	TCP = "tcp"
	UDP = "udp"
)

// Config says where alerts go. Name, Address and Transport are required.
type Config struct {
	// Name is the destination's name in the configuration.
	Name      string
	Address   string // host:port
	Transport string
	// TLS reads whom to trust and the client certificate, for each connection; nil for
	// the system's roots.
	TLS func() (*tls.Config, error)
	// Facility is one of Facilities; empty for local0.
	Facility string
	Hostname string // HOSTNAME of the messages; empty for none
	// Enterprise is the number behind the @ of the structured data's id; 0 for 32473,
	// which RFC 5612 keeps for examples.
	Enterprise int
	// MaxMessage bounds a message in bytes; 0 is 8192, which receivers over TLS should
	// take (RFC 5425, 4.3.1). A larger alert is sent in a short form.
	MaxMessage int
	// Confirm ends the connection after each batch and waits until the receiver has
	// ended it, too.
	Confirm bool
	// Timeout bounds a connection, a batch, and the wait for the receiver; 0 is 10 s.
	Timeout time.Duration
}

// facilities are the codes of RFC 5424, 6.2.1, that are not the system's own.
var facilities = map[string]int{
	"user": 1, "daemon": 3, "auth": 4, "syslog": 5, "authpriv": 10,
	"local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}

// Destination sends alerts to one receiver.
type Destination struct {
	conf    Config
	builder builder
	stream  stream
}

// New checks conf. It opens no connection.
func New(conf Config) (*Destination, error) {
	if _, _, err := net.SplitHostPort(conf.Address); err != nil {
		return nil, fmt.Errorf("syslog: address: %w", err)
	}
	if !slices.Contains([]string{TLS, TCP, UDP}, conf.Transport) {
		return nil, fmt.Errorf("syslog: unknown transport %q", conf.Transport)
	}
	if conf.TLS == nil {
		conf.TLS = func() (*tls.Config, error) { return &tls.Config{MinVersion: tls.VersionTLS12}, nil }
	}
	if conf.Facility == "" {
		conf.Facility = "local0"
	}
	facility, known := facilities[conf.Facility]
	if !known {
		return nil, fmt.Errorf("syslog: unknown facility %q", conf.Facility)
	}
	if conf.Enterprise == 0 {
		conf.Enterprise = 32473
	}
	if conf.MaxMessage == 0 {
		conf.MaxMessage = 8 << 10
	}
	if conf.Timeout == 0 {
		conf.Timeout = 10 * time.Second
	}
	if conf.Transport == TLS {
		if _, err := conf.TLS(); err != nil { // what is wrong now should not wait for a connection
			return nil, fmt.Errorf("syslog: %w", err)
		}
	}
	return &Destination{
		conf:    conf,
		builder: builder{facility: facility, hostname: conf.Hostname, element: "weir@" + strconv.Itoa(conf.Enterprise), most: conf.MaxMessage},
		stream:  stream{conf: conf},
	}, nil
}

// Name implements sinks.Destination.
func (d *Destination) Name() string { return d.conf.Name }

// Close ends the connection.
func (d *Destination) Close() error { return d.stream.close() }

// Deliver sends alerts in order. One that is no alert, or whose short form is too
// large, is refused. Any other error means that none of them is known to have
// arrived: all are sent again.
func (d *Destination) Deliver(ctx context.Context, alerts []sinks.Alert) error {
	messages, refused := d.messages(alerts)
	if len(messages) > 0 {
		var err error
		if d.conf.Transport == UDP {
			err = d.datagrams(ctx, messages)
		} else {
			err = d.stream.send(ctx, frames(messages))
		}
		if err != nil {
			return fmt.Errorf("send to %s: %w", d.conf.Address, err)
		}
	}
	if len(refused) > 0 {
		return &sinks.PartialError{Failures: refused}
	}
	return nil
}

// messages are those of alerts, and the alerts that cannot be one.
func (d *Destination) messages(alerts []sinks.Alert) (messages [][]byte, refused []sinks.Failure) {
	for i := range alerts {
		m, err := d.builder.message(&alerts[i])
		if err != nil {
			refused = append(refused, sinks.Failure{Index: i, Permanent: true, Err: err})
			continue
		}
		messages = append(messages, m)
	}
	return messages, refused
}

// frames puts the length before each message: "MSG-LEN SP SYSLOG-MSG".
func frames(messages [][]byte) []byte {
	var all []byte
	for _, m := range messages {
		all = strconv.AppendInt(all, int64(len(m)), 10)
		all = append(all, ' ')
		all = append(all, m...)
	}
	return all
}

// datagrams sends a datagram for each message. Nothing tells whether they arrive: at
// best the receiver's host says that nobody listens.
func (d *Destination) datagrams(ctx context.Context, messages [][]byte) (err error) {
	dialer := net.Dialer{Timeout: d.conf.Timeout}
	conn, err := dialer.DialContext(ctx, "udp", d.conf.Address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, m := range messages {
		if _, err := conn.Write(m); err != nil {
			return err
		}
	}
	return nil
}

// Render implements sinks.Renderer. The body is the message with its frame.
func (d *Destination) Render(alerts []sinks.Alert) ([]sinks.Message, error) {
	messages, refused := d.messages(alerts)
	var shown []sinks.Message
	for _, m := range messages {
		body := m
		if d.conf.Transport != UDP {
			body = frames([][]byte{m})
		}
		shown = append(shown, sinks.Message{Target: d.conf.Transport + "://" + d.conf.Address, Body: body})
	}
	if len(refused) > 0 {
		return shown, &sinks.PartialError{Failures: refused}
	}
	return shown, nil
}
