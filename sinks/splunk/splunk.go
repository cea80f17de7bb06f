// Package splunk sends alerts to Splunk's HTTP Event Collector (HEC), with indexer
// acknowledgement if the token has it.
//
// HEC has no id by which it would know an event again: what is sent again after an
// answer was lost is in the index twice. The indexed field alert_id tells.
package splunk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/internal/finding"
	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// The defaults of Config.
const (
	DefaultSource      = "weir"
	DefaultSourcetype  = "weir:alert"
	DefaultMaxBytes    = 1_000_000
	DefaultAckTimeout  = 5 * time.Minute
	DefaultAckInterval = time.Second
)

// Config says where alerts go, and as what. Name, URL and Token are required.
type Config struct {
	// Name is the destination's name in the configuration.
	Name string
	// URL is the collector's address, without a path: https://hec.example.org:8088.
	// With http only loopback is allowed.
	URL string
	// Token reads the HEC token, before each request: a file may be replaced.
	Token func(context.Context) (string, error)

	// Index is the index of the events; empty for the token's own.
	Index string
	// Source and Sourcetype are the events' metadata; empty for "weir" and "weir:alert".
	Source, Sourcetype string
	// Host is the events' host; empty for this machine's name.
	Host string

	// Ack waits until the indexers have acknowledged the events, for a token with
	// useACK. Without it an alert counts as delivered when HEC has it in memory.
	Ack bool
	// AckTimeout is how long to wait for an acknowledgement before the alerts are sent
	// again; 0 is 5 minutes. AckInterval is the time between two questions; 0 is 1 s.
	AckTimeout, AckInterval time.Duration

	// MaxBytes bounds the events of a request before compression; 0 is 1,000,000,
	// what Splunk Cloud takes. Splunk's own limit is max_content_length of limits.conf.
	MaxBytes int
	// Timeout bounds one request; 0 is 30 s.
	Timeout time.Duration
	// CAFile, CertFile and KeyFile are as in httpsend.Options: the authorities to
	// trust instead of the system's, and a client certificate. Files are read again.
	CAFile, CertFile, KeyFile string
}

// Destination sends alerts to one collector.
type Destination struct {
	conf    Config
	url     string
	client  *httpsend.Client
	reader  finding.Reader
	channel string // a GUID: acknowledgements are counted by channel
	acks    bool   // the collector has said that the token has acknowledgements
}

// New checks conf. It opens no connection and reads no token.
func New(conf Config) (*Destination, error) {
	u, err := httpsend.CheckURL(conf.URL)
	if err != nil {
		return nil, fmt.Errorf("splunk: url: %w", err)
	}
	if conf.Token == nil {
		return nil, errors.New("splunk: no token")
	}
	if conf.Host == "" {
		if conf.Host, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("splunk: host: %w: give one", err)
		}
	}
	setDefault(&conf.Source, DefaultSource)
	setDefault(&conf.Sourcetype, DefaultSourcetype)
	setDefault(&conf.MaxBytes, DefaultMaxBytes)
	setDefault(&conf.AckTimeout, DefaultAckTimeout)
	setDefault(&conf.AckInterval, DefaultAckInterval)
	client, err := httpsend.New(httpsend.Options{
		CAFile: conf.CAFile, CertFile: conf.CertFile, KeyFile: conf.KeyFile, Timeout: conf.Timeout,
		Cookies: conf.Ack, // a channel lives on one indexer
	})
	if err != nil {
		return nil, fmt.Errorf("splunk: %w", err)
	}
	return &Destination{conf: conf, url: strings.TrimSuffix(u.String(), "/"), client: client, channel: newGUID()}, nil
}

func setDefault[T comparable](to *T, value T) {
	var zero T
	if *to == zero {
		*to = value
	}
}

// newGUID is a random UUID, as HEC wants a channel.
func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Name implements sinks.Destination.
func (d *Destination) Name() string { return d.conf.Name }

// Close ends the connections.
func (d *Destination) Close() error {
	d.client.Close()
	return nil
}

const (
	eventPath = "/services/collector/event"
	ackPath   = "/services/collector/ack"
)

// Deliver sends alerts and, with Ack, waits until they are indexed.
func (d *Destination) Deliver(ctx context.Context, alerts []sinks.Alert) error {
	token, err := d.conf.Token(ctx)
	if err != nil {
		return fmt.Errorf("read the token: %w", err)
	}
	if token == "" {
		return errors.New("the token is empty")
	}
	if d.conf.Ack && !d.acks {
		if err := d.probe(ctx, token); err != nil {
			return err
		}
	}
	var out httpsend.Outcome
	var sent []acked
	sender := d.sender(func(ctx context.Context, part []httpsend.Item) httpsend.Result {
		result, id := d.post(ctx, token, part)
		if d.conf.Ack && result.Kind == httpsend.Delivered {
			sent = append(sent, acked{id: id, items: part})
		}
		return result
	})
	sender.Deliver(ctx, d.events(alerts, &out), &out)
	d.await(ctx, token, sent, &out)
	return out.Err()
}

func (d *Destination) sender(send func(context.Context, []httpsend.Item) httpsend.Result) *httpsend.Sender {
	return &httpsend.Sender{MaxBytes: d.conf.MaxBytes, Overhead: 1, Send: send}
}

// events makes the events of alerts. What is no JSON object is refused for good.
func (d *Destination) events(alerts []sinks.Alert, out *httpsend.Outcome) []httpsend.Item {
	items := make([]httpsend.Item, 0, len(alerts))
	for i, a := range alerts {
		f, err := d.reader.Read(a)
		if err != nil {
			out.Add(sinks.Failure{Index: i, Permanent: true, Err: err})
			continue
		}
		items = append(items, httpsend.Item{Index: i, ID: f.ID, Body: d.appendEvent(make([]byte, 0, len(a.Value)+512), &f)})
	}
	return items
}

// appendEvent writes an event: its metadata, its indexed fields, and the finding. No
// indexed field has the name of one that Splunk finds in the finding itself: it would
// show both values.
func (d *Destination) appendEvent(dst []byte, f *finding.Finding) []byte {
	dst = append(dst, '{')
	if at := f.Plausible(); !at.IsZero() {
		dst = finding.AppendKey(dst, "time")
		dst = strconv.AppendFloat(dst, float64(at.UnixMilli())/1000, 'f', 3, 64)
	}
	dst = appendMembers(dst, []member{
		{"host", d.conf.Host}, {"source", d.conf.Source}, {"sourcetype", d.conf.Sourcetype}, {"index", d.conf.Index},
	})
	dst = append(finding.AppendKey(dst, "fields"), '{')
	dst = appendMembers(dst, []member{
		{"alert_id", f.ID}, {"finding_uid", f.UID}, {"kind", f.Kind}, {"rule", f.Rule}, {"alert_severity", f.Severity}, {"log_source", f.Source},
	})
	dst = finding.AppendKey(append(dst, '}'), "event")
	return append(f.Root.AppendJSON(dst), '}')
}

type member struct{ key, value string }

func appendMembers(dst []byte, members []member) []byte {
	for _, m := range members {
		if m.value != "" {
			dst = finding.AppendMember(dst, m.key, m.value)
		}
	}
	return dst
}

// body concatenates events, a line each.
func body(part []httpsend.Item) []byte {
	b := make([]byte, 0, httpsend.Size(part, 1))
	for _, item := range part {
		b = append(append(b, item.Body...), '\n')
	}
	return b
}

func (d *Destination) header(token string) http.Header {
	h := http.Header{"Authorization": {"Splunk " + token}, "Content-Type": {"application/json"}}
	if d.conf.Ack {
		h.Set("X-Splunk-Request-Channel", d.channel)
	}
	return h
}

// Render implements sinks.Renderer.
func (d *Destination) Render(alerts []sinks.Alert) ([]sinks.Message, error) {
	var out httpsend.Outcome
	var messages []sinks.Message
	for _, part := range d.sender(nil).Pack(d.events(alerts, &out)) {
		messages = append(messages, httpsend.Message(d.url+eventPath, d.header(sinks.Mask), true, body(part)))
	}
	return messages, out.Err()
}
