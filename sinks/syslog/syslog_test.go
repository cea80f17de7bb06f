package syslog

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/leodido/go-syslog/v4/rfc5424"

	"github.com/weir-security/weir/schemas/ocsf/facts"
	"github.com/weir-security/weir/sinks"
)

func TestMessage(t *testing.T) {
	b := builder{facility: 16, hostname: "weir-7.example.org", element: "weir@32473", most: 8 << 10}
	a := alert("a1", "x", 0)
	got, err := b.message(&a)
	if err != nil {
		t.Fatal(err)
	}
	want := `<131>1 2026-11-03T10:00:00.123Z weir-7.example.org weir - alert ` +
		`[weir@32473 alert="f-a1" id="a1" kind="alert" rule="aws.cloudtrail.logging_disabled" severity="high" source="aws.cloudtrail"] ` +
		strings.ReplaceAll(string(a.Value), "\n", " ")
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

// Whatever stands in an alert, it is the parameter's value and nothing else.
func TestMessageIsEscaped(t *testing.T) {
	b := builder{facility: 16, element: "weir@32473", most: 64 << 10}
	for _, text := range []string{`a"b]c\d`, `\`, `"] <131>1 - - evil - - [x y="z`, "one\ntwo\x00\x7f\u0085", "é\u202e\U0001F6A8", "bad\xff", strings.Repeat("é", 1000)} {
		a := alert("a1", "x", 0)
		a.Attributes.Rule, a.Attributes.Source = text, text
		m, err := b.message(&a)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		parsed, err := rfc5424.NewParser().Parse(m)
		if err != nil {
			t.Fatalf("%q: %v: %s", text, err, m)
		}
		got := *parsed.(*rfc5424.SyslogMessage)
		if elements := *got.StructuredData; len(elements) != 1 || elements["weir@32473"]["rule"] != bounded(text) || elements["weir@32473"]["source"] != bounded(text) {
			t.Errorf("%q is read as %q", text, elements)
		}
		if !json.Valid([]byte(*got.Message)) {
			t.Errorf("%q: the message is no JSON", text)
		}
	}
}

// An alert above the limit is sent without its evidence, and says so; nothing is ever
// cut in silence.
func TestLargeAlert(t *testing.T) {
	b := builder{facility: 16, element: "weir@32473", most: 8 << 10}
	large := alert("a1", strings.Repeat("t", 5000), 20_000)
	m, err := b.message(&large)
	if err != nil || len(m) > b.most {
		t.Fatalf("%d bytes, %v", len(m), err)
	}
	parsed, err := rfc5424.NewParser().Parse(m)
	if err != nil {
		t.Fatal(err)
	}
	got := parsed.(*rfc5424.SyslogMessage)
	if (*got.StructuredData)["weir@32473"]["short"] != "true" {
		t.Errorf("structured data %v", *got.StructuredData)
	}
	for _, v := range facts.Validate([]byte(*got.Message)) {
		t.Errorf("short form: %v", v)
	}
	var short struct {
		Metadata struct{ UID string }
		Unmapped struct {
			Weir struct {
				Short bool
				Bytes int
				Alert string
			}
		}
	}
	if err := json.Unmarshal([]byte(*got.Message), &short); err != nil {
		t.Fatal(err)
	}
	if w := short.Unmapped.Weir; short.Metadata.UID != "a1" || !w.Short || w.Bytes != len(large.Value) || w.Alert != "f-a1" {
		t.Errorf("short form %+v", short)
	}
	b.most = 300
	if _, err := b.message(&large); err == nil || !strings.Contains(err.Error(), "max_message is 300") {
		t.Errorf("the error is %v", err)
	}
}

func TestLevels(t *testing.T) {
	for severity, want := range map[int32]int{0: 5, 1: 6, 2: 5, 3: 4, 4: 3, 5: 2, 6: 1, 99: 5} {
		if got := level(severity); got != want {
			t.Errorf("severity_id %d is level %d, want %d", severity, got, want)
		}
	}
}

func TestDeliver(t *testing.T) {
	certs := newCertificates(t)
	mutual := &tls.Config{Certificates: []tls.Certificate{certs.server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: certs.roots}
	trust := func() (*tls.Config, error) {
		return &tls.Config{RootCAs: certs.roots, Certificates: []tls.Certificate{certs.client}}, nil
	}
	for _, transport := range []string{TLS, TCP} {
		for _, confirm := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, confirm %v", transport, confirm), func(t *testing.T) {
				conf := mutual
				if transport == TCP {
					conf = nil
				}
				r := listen(t, conf)
				d := open(t, Config{Address: r.address(), Transport: transport, TLS: trust, Confirm: confirm})
				bad := sinks.Alert{ID: "bad", Value: []byte("{")}
				batch := append(alerts(300), bad)
				retry, refused := sinks.Outcome(len(batch), d.Deliver(t.Context(), batch))
				if len(retry) != 0 || len(refused) != 1 || refused[0].Index != 300 {
					t.Fatalf("to retry %v, refused %v", retry, refused)
				}
				if err := d.Deliver(t.Context(), []sinks.Alert{alert("b1", "x", 0)}); err != nil {
					t.Fatal(err)
				}
				if !confirm { // what was written arrives when the connection ends
					if err := d.Close(); err != nil {
						t.Fatal(err)
					}
				}
				r.await(t, 301)
				ids := r.ids()
				if !slices.IsSorted(ids) || len(ids) != 301 {
					t.Errorf("%d messages, in order: %v", len(ids), slices.IsSorted(ids))
				}
				if want := map[bool]int{true: 2, false: 1}[confirm]; r.connections != want {
					t.Errorf("%d connections, want %d", r.connections, want)
				}
			})
		}
	}
}

// await waits until so many messages have come.
func (r *receiver) await(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); len(r.ids()) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d messages came, want %d", len(r.ids()), n)
		}
	}
}

func TestUntrusted(t *testing.T) {
	certs, others := newCertificates(t), newCertificates(t)
	r := listen(t, &tls.Config{Certificates: []tls.Certificate{certs.server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: certs.roots})
	for name, conf := range map[string]*tls.Config{
		"the receiver's authority is unknown": {RootCAs: others.roots, Certificates: []tls.Certificate{certs.client}},
		"weir's certificate is of another":    {RootCAs: certs.roots, Certificates: []tls.Certificate{others.client}},
		"weir has no certificate":             {RootCAs: certs.roots},
	} {
		d := open(t, Config{Address: r.address(), Transport: TLS, Confirm: true, TLS: func() (*tls.Config, error) { return conf, nil }})
		err := d.Deliver(t.Context(), alerts(3))
		if retry, refused := sinks.Outcome(3, err); err == nil || len(retry) != 3 || len(refused) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(r.ids()) != 0 {
		t.Errorf("%d messages came", len(r.ids()))
	}
}

// The fault table of confirmed connections: everything arrives, and what is sent twice is
// what the receiver had read of a connection that broke.
func TestConfirmedFaults(t *testing.T) {
	certs := newCertificates(t)
	server := &tls.Config{Certificates: []tls.Certificate{certs.server}}
	trust := func() (*tls.Config, error) { return &tls.Config{RootCAs: certs.roots}, nil }
	odd := func(do func(conn net.Conn)) func(int, net.Conn) bool {
		return func(n int, conn net.Conn) bool {
			if n%2 == 1 {
				do(conn)
			}
			return n%2 == 1
		}
	}
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	tests := []struct {
		name    string
		trouble func(int, net.Conn) bool
		most    int
		twice   bool
		says    string
		timeout time.Duration
	}{
		{name: "none"},
		{name: "the connection is ended before anything is read", trouble: odd(func(conn net.Conn) {
			if secure, ok := conn.(*tls.Conn); ok {
				conn = secure.NetConn()
			}
			conn.Close()
		})},
		{name: "it is reset at once", trouble: odd(reset)},
		{name: "it is reset in the middle", most: 7, twice: true},
		{name: "it is never ended", trouble: odd(func(conn net.Conn) {
			if secure, ok := conn.(*tls.Conn); ok && secure.Handshake() != nil {
				return
			}
			select {
			case <-hang:
			case <-time.After(600 * time.Millisecond):
			}
		}), says: "configure confirm: false", timeout: 400 * time.Millisecond, twice: true},
	}
	for _, transport := range []string{TLS, TCP} {
		for _, tt := range tests {
			t.Run(transport+", "+tt.name, func(t *testing.T) {
				conf := server
				if transport == TCP {
					conf = nil
				}
				r := listen(t, conf)
				r.trouble, r.most = tt.trouble, tt.most
				d := open(t, Config{Address: r.address(), Transport: transport, TLS: trust, Confirm: true, Timeout: tt.timeout})
				said := tt.says == ""
				for round := range 3 {
					batch := alerts(20)
					for i := range batch {
						batch[i].ID = fmt.Sprintf("r%d-%s", round, batch[i].ID)
					}
					for tries := 0; ; tries++ {
						err := d.Deliver(t.Context(), batch)
						if err == nil {
							break
						}
						said = said || strings.Contains(err.Error(), tt.says)
						if tries > 20 {
							t.Fatalf("never delivered: %v", err)
						}
						r.mu.Lock()
						if r.most > 0 && tries > 2 {
							r.most = 0 // it has recovered
						}
						r.mu.Unlock()
					}
				}
				ids := r.ids()
				sorted := slices.Sorted(slices.Values(ids))
				if unique := len(slices.Compact(sorted)); unique != 60 || !tt.twice && len(ids) != 60 {
					t.Errorf("%d messages of %d alerts, want 60", len(ids), unique)
				}
				if !said {
					t.Errorf("no error said %q", tt.says)
				}
			})
		}
	}
}

// Without confirmation a connection that the receiver has ended is found before the
// next batch, and the last one is sent again.
func TestUnconfirmedRepeatsTheLastBatch(t *testing.T) {
	r := listen(t, nil)
	r.most = 3 // then it resets the connection
	d := open(t, Config{Address: r.address(), Transport: TCP})
	first := []sinks.Alert{alert("a1", "x", 0), alert("a2", "x", 0), alert("a3", "x", 0)}
	if err := d.Deliver(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	r.await(t, 3)
	for alive(d.stream.conn, lookTime) { // the reset is on its way
		time.Sleep(time.Millisecond)
	}
	r.mu.Lock()
	r.most = 0
	r.mu.Unlock()
	if err := d.Deliver(t.Context(), []sinks.Alert{alert("b1", "x", 0)}); err != nil {
		t.Fatal(err)
	}
	r.await(t, 7)
	if got, want := r.ids(), []string{"a1", "a2", "a3", "a1", "a2", "a3", "b1"}; !slices.Equal(got, want) {
		t.Errorf("messages %v, want %v", got, want)
	}
}

func TestUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	d := open(t, Config{Address: conn.LocalAddr().String(), Transport: UDP})
	if err := d.Deliver(t.Context(), alerts(3)); err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	for i := range 3 {
		buf := make([]byte, 65536)
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		m, err := rfc5424.NewParser().Parse(buf[:n])
		if err != nil {
			t.Fatal(err)
		}
		if id := (*m.(*rfc5424.SyslogMessage).StructuredData)["weir@32473"]["id"]; id != fmt.Sprintf("a%04d", i) {
			t.Errorf("datagram %d has alert %s", i, id)
		}
	}
}

func TestInterrupted(t *testing.T) {
	r := listen(t, nil)
	hang := make(chan struct{})
	defer close(hang)
	ctx, stop := context.WithCancel(t.Context())
	r.trouble = func(int, net.Conn) bool { stop(); <-hang; return true }
	d := open(t, Config{Address: r.address(), Transport: TCP, Confirm: true, Timeout: time.Minute})
	err := d.Deliver(ctx, alerts(3))
	if retry, _ := sinks.Outcome(3, err); err == nil || len(retry) != 3 {
		t.Errorf("the error is %v", err)
	}
	if errors.Is(err, sinks.ErrClosed) {
		t.Error("the destination counts as closed for good")
	}
}

func TestRender(t *testing.T) {
	d := open(t, Config{Address: "siem.example.org:6514", Transport: TLS})
	messages, err := d.Render(alerts(2))
	if err != nil || len(messages) != 2 || messages[0].Target != "tls://siem.example.org:6514" || !strings.Contains(string(messages[1].Body), ` <131>1 `) {
		t.Errorf("%v, %v", messages, err)
	}
}

func TestConfig(t *testing.T) {
	for _, bad := range []Config{
		{Address: "siem", Transport: TLS},
		{Address: "siem:1", Transport: "tsl"},
		{Address: "siem:1", Transport: TCP, Facility: "kern"},
		{Address: "siem:1", Transport: TLS, TLS: func() (*tls.Config, error) { return nil, errors.New("no such file") }},
	} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// FuzzMessage: whatever stands in an alert, the message is read back with one element
// whose values are the alert's, and is never above the limit.
func FuzzMessage(f *testing.F) {
	f.Add("aws.cloudtrail.root_used", "CloudTrail StopLogging by alice", 100)
	f.Add(`a"b]c\d`, "\x00\xff\n", 100_000)
	f.Fuzz(func(t *testing.T, rule, title string, evidence int) {
		b := builder{facility: 16, element: "weir@32473", most: 8 << 10}
		a := alert("a1", "x", max(0, min(evidence, 1<<20)))
		a.Attributes.Rule, a.Attributes.Title = rule, title
		m, err := b.message(&a)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := rfc5424.NewParser().Parse(m)
		if err != nil || len(m) > b.most {
			t.Fatalf("%d bytes, %v: %q", len(m), err, m)
		}
		got := parsed.(*rfc5424.SyslogMessage)
		elements := *got.StructuredData
		if len(elements) != 1 || elements["weir@32473"]["rule"] != bounded(rule) || elements["weir@32473"]["id"] != "a1" {
			t.Errorf("%q is read as %q", rule, elements)
		}
		if !json.Valid([]byte(*got.Message)) {
			t.Errorf("no JSON: %s", *got.Message)
		}
	})
}

// BenchmarkDeliver sends batches of 500 alerts of 4 kB to a receiver on loopback that
// reads everything, over TLS.
func BenchmarkDeliver(b *testing.B) {
	certs := newCertificates(b)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certs.server}})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	for _, confirm := range []bool{true, false} {
		b.Run(fmt.Sprintf("confirm %v", confirm), func(b *testing.B) {
			d, err := New(Config{Address: l.Addr().String(), Transport: TLS, Confirm: confirm, TLS: func() (*tls.Config, error) { return &tls.Config{RootCAs: certs.roots}, nil }})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			batch := make([]sinks.Alert, 500)
			for i := range batch {
				batch[i] = alert(fmt.Sprintf("a%04d", i), "x", 3500)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Deliver(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "alerts/s")
		})
	}
}
