package config

import (
	"fmt"
	"time"
)

// The ways that syslog goes.
const (
	SyslogTLS = "tls"
	SyslogTCP = "tcp"
	SyslogUDP = "udp"
)

// SyslogAlert sends alerts as RFC 5424 messages.
type SyslogAlert struct {
	Address   string // host:port
	Transport string
	TLS       *TLS // nil: the system's roots, no client certificate
	Facility  string
	Hostname  string // empty: the instance
	// Enterprise is the number behind the @ of the structured data's id.
	Enterprise int
	MaxMessage int64 // bytes of a message; a larger alert is sent in a short form
	// Confirm ends the connection after each batch and waits until the receiver
	// has ended it, too: it has read everything then.
	Confirm bool
	Timeout time.Duration
}

// The facilities of RFC 5424 that programs other than the system's may use.
var facilities = []string{"user", "daemon", "auth", "syslog", "authpriv", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}

// documentationEnterprise is the number that RFC 5612 keeps for examples.
const documentationEnterprise = 32473

func newSyslogAlert() *SyslogAlert {
	return &SyslogAlert{
		Transport: SyslogTLS, Facility: "local0", Enterprise: documentationEnterprise,
		MaxMessage: 8 << 10, Confirm: true, Timeout: 10 * time.Second,
	}
}

func (s *SyslogAlert) fields() []field {
	return []field{
		{"address", "the receiver; 6514 is the port of syslog over TLS", required{checked(&s.Address, "host:port", checkReceiver)}},
		{"transport", "how it goes; `tcp` and `udp` are plain text, and `udp` loses messages", oneOf(&s.Transport, []string{SyslogTLS, SyslogTCP, SyslogUDP})},
		{"tls", "whom to trust, and the client certificate; without it, the system's roots", optional(&s.TLS, newTLS, (*TLS).fields)},
		{"facility", "facility of the messages", oneOf(&s.Facility, facilities)},
		{"hostname", "HOSTNAME of the messages; empty: `instance`", textOrNothing{name(&s.Hostname), &s.Hostname}},
		{"enterprise_number", "private enterprise number of the structured data `weir@NUMBER`", integer(&s.Enterprise, 1, 1<<31-1)},
		{"max_message", "bytes of a message; an alert above it is sent in a short form that says so", size(&s.MaxMessage, 2<<10, 1<<20)},
		{"confirm", "end the connection after each batch and wait for the receiver to end it, too; not for `udp`", boolean(&s.Confirm)},
		{"timeout", "longest time for a connection, for a batch, and for the receiver to end it", duration(&s.Timeout, 100*time.Millisecond)},
	}
}

func (s *SyslogAlert) check(r *reader, path string) {
	if s.TLS != nil {
		if s.Transport != SyslogTLS {
			r.problemAt(path+".tls", "is for transport tls; delete it, or delete transport")
		}
		s.TLS.check(r, path+".tls")
	}
	if s.Transport == SyslogUDP && s.MaxMessage > maxDatagram {
		r.problemAt(path+".max_message", "must be at most %dB with transport udp, which has no larger datagrams", maxDatagram)
	}
}

// maxDatagram is the largest payload of UDP over IPv4.
const maxDatagram = 65507

func checkReceiver(address string) error {
	if checkAddress(address) != nil {
		return fmt.Errorf("want host:port like siem.example.org:6514, got %q", address)
	}
	return nil
}
