package splunk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/internal/sinktest"
)

// open gives a destination for a server with the fake's token.
func open(t testing.TB, h http.Handler, token string, change func(*Config)) *Destination {
	t.Helper()
	url, ca := sinktest.Serve(t, h)
	conf := Config{
		Name: "splunk", URL: url, CAFile: ca, Token: sinktest.Secret(token), Host: "weir-1", Index: "security",
		Timeout: 5 * time.Second, AckInterval: time.Millisecond, AckTimeout: 5 * time.Second,
	}
	if change != nil {
		change(&conf)
	}
	d, err := New(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// want holds what is indexed to n alerts, each at least once and at most `most` times.
func (f *fakeHEC) want(t *testing.T, n, most int, refused sinktest.Refused) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range n {
		id := sinktest.ID(i)
		if _, no := refused[id]; no != (f.indexed[id] == 0) || f.indexed[id] > most {
			t.Fatalf("alert %d is indexed %d times, refused: %v", i, f.indexed[id], refused[id])
		}
	}
	if len(f.indexed)+len(refused) != n {
		t.Fatalf("%d alerts are indexed and %d refused, of %d", len(f.indexed), len(refused), n)
	}
}

func TestDeliver(t *testing.T) {
	for _, ack := range []bool{false, true} {
		f := newFake(t)
		f.useACK, f.ackAfter = ack, 3
		d := open(t, f, f.token, func(c *Config) { c.Ack, c.MaxBytes = ack, 20_000 })
		for range 2 {
			if err := d.Deliver(t.Context(), sinktest.Alerts(100)); err != nil {
				t.Fatalf("ack %v: %v", ack, err)
			}
		}
		f.want(t, 100, 2, nil)
		if f.bodies < 10 {
			t.Errorf("only %d requests, want them split", f.bodies)
		}
		for channel, pending := range f.pending {
			if len(pending) > 0 {
				t.Errorf("channel %s: %d acknowledgements were not asked for", channel, len(pending))
			}
		}
	}
}

func TestEvent(t *testing.T) {
	f := newFake(t)
	d := open(t, f, f.token, nil)
	if err := d.Deliver(t.Context(), []sinks.Alert{sinktest.Alert(6)}); err != nil {
		t.Fatal(err)
	}
	meta, event := f.metas[0], struct {
		Info struct{ Title string } `json:"finding_info"`
	}{}
	if err := json.Unmarshal(meta["event"], &event); err != nil {
		t.Fatal(err)
	}
	if got := event.Info.Title; got != `CloudTrail StopLogging by "dana" <6>` {
		t.Errorf("title is %q", got)
	}
	var inside map[string]json.RawMessage
	var fields map[string]string
	if err := errors.Join(json.Unmarshal(meta["event"], &inside), json.Unmarshal(meta["fields"], &fields)); err != nil {
		t.Fatal(err)
	}
	for name := range fields {
		if _, twice := inside[name]; twice {
			t.Errorf("the indexed field %s is in the event, too", name)
		}
	}
	delete(meta, "event")
	got := map[string]string{}
	for key, value := range meta {
		got[key] = string(value)
	}
	want := map[string]string{
		"time": "1794996849.597", "host": `"weir-1"`, "source": `"weir"`, "sourcetype": `"weir:alert"`, "index": `"security"`,
		"fields": `{"alert_id":"` + sinktest.ID(6) + `","finding_uid":"` + sinktest.ID(5) + `","kind":"rollup",` +
			`"rule":"aws.cloudtrail.logging_disabled","alert_severity":"Low","log_source":"aws.cloudtrail"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

// docs/splunk.md shows the event as it is.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/splunk.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "```json\n")
	text, _, _ := strings.Cut(after, "```")
	d := open(t, newFake(t), "x", nil)
	messages, err := d.Render(sinktest.Alerts(1))
	if err != nil {
		t.Fatal(err)
	}
	keys := func(text string) []string {
		var event map[string]json.RawMessage
		var fields map[string]string
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(event["fields"], &fields); err != nil {
			t.Fatal(err)
		}
		return append(slices.Sorted(maps.Keys(event)), slices.Sorted(maps.Keys(fields))...)
	}
	if diff := cmp.Diff(keys(string(messages[0].Body)), keys(text)); diff != "" {
		t.Errorf("docs/splunk.md has another event (-sent +shown):\n%s", diff)
	}
}

// A refused event costs only itself, and what HEC had indexed before it comes twice at
// most.
func TestRefusedEvents(t *testing.T) {
	f := newFake(t)
	f.poison = "AIDAEXAMPLE000007"
	d := open(t, f, f.token, nil)
	alerts := append(sinktest.Alerts(50), sinks.Alert{ID: "broken", Value: []byte(`{"cut":`)}, sinks.Alert{ID: "list", Value: []byte(`[]`)})
	failures := sinktest.PermanentOnly(t, d.Deliver(t.Context(), alerts))
	var at []int
	for _, failure := range failures {
		at = append(at, failure.Index)
	}
	if diff := cmp.Diff([]int{7, 50, 51}, at); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if got := failures[0].Err.Error(); !strings.Contains(got, `HTTP 400 Bad Request: {"text":"Invalid data format","code":6`) {
		t.Errorf("the answer is %s", got)
	}
	f.want(t, 50, 2, sinktest.Refused{sinktest.ID(7): failures[0].Err})
}

// An event above the server's limit is refused, the others are taken in smaller requests.
func TestTooLarge(t *testing.T) {
	f := newFake(t)
	f.maxBytes = 8000
	d := open(t, f, f.token, nil)
	alerts := sinktest.Alerts(40)
	alerts[11].Value = []byte(strings.Replace(string(alerts[11].Value), "A trail was", strings.Repeat("A trail was ", 1000), 1))
	refused := sinktest.Deliver(t.Context(), t, d, alerts)
	if len(refused) != 1 || refused[sinktest.ID(11)] == nil {
		t.Errorf("refused: %v", refused)
	}
	f.want(t, 40, 1, refused)
}

// Nothing that is wrong with the configuration makes a dead letter: alerts wait.
func TestMisconfigured(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fake   func(*fakeHEC)
		conf   func(*Config)
		answer string
	}{
		{"token", nil, func(c *Config) { c.Token = sinktest.Secret("another") }, "does not know the token"},
		{"no token", nil, func(c *Config) { c.Token = sinktest.Secret("") }, "the token is empty"},
		{"disabled", func(f *fakeHEC) { f.disabled = true }, nil, "enable it in Splunk"},
		{"index", nil, func(c *Config) { c.Index = "secrets" }, "may not write to the index"},
		{"path", nil, func(c *Config) { c.URL += "/splunk" }, "HTTP 404"},
		{"ack wanted by the token", func(f *fakeHEC) { f.useACK = true }, nil, "configure ack: true"},
		{"ack not known to the token", nil, func(c *Config) { c.Ack = true }, "configure ack: false"},
		{"secret", nil, func(c *Config) {
			c.Token = func(context.Context) (string, error) { return "", errors.New("no such file") }
		}, "read the token: no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			if tt.fake != nil {
				tt.fake(f)
			}
			d := open(t, f, f.token, tt.conf)
			err := d.Deliver(t.Context(), sinktest.Alerts(20))
			retry, refused := sinks.Outcome(20, err)
			if len(retry) != 20 || len(refused) != 0 {
				t.Errorf("%d to send again, %d refused, want all to be sent again", len(retry), len(refused))
			}
			if err == nil || !strings.Contains(err.Error(), tt.answer) {
				t.Errorf("got error %v, want %s", err, tt.answer)
			}
			if err != nil && strings.Contains(err.Error(), f.token) {
				t.Errorf("the error shows the token: %v", err)
			}
			if len(f.indexed) != 0 {
				t.Errorf("%d alerts were indexed", len(f.indexed))
			}
		})
	}
}

func TestTokenIsReadAgain(t *testing.T) {
	f := newFake(t)
	token := "of yesterday"
	d := open(t, f, "", func(c *Config) { c.Token = func(context.Context) (string, error) { return token, nil } })
	if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err == nil {
		t.Fatal("the wrong token was taken")
	}
	token = f.token
	if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err != nil {
		t.Fatal(err)
	}
}

// The fault table: each way to fail once, without and with acknowledgement. Alerts are
// there once, or twice where the answer was lost.
func TestFaults(t *testing.T) {
	for _, ack := range []bool{false, true} {
		for _, fault := range sinktest.AllFaults() {
			t.Run(fmt.Sprintf("%s/ack=%v", fault, ack), func(t *testing.T) {
				f := newFake(t)
				f.useACK, f.ackAfter = ack, 1
				faulty := &sinktest.Faulty{Server: f, Next: sinktest.Once(fault)}
				if ack { // not the question before the first event
					n := 0
					faulty.Next = func() sinktest.Fault {
						if n++; n == 2 {
							return fault
						}
						return sinktest.None
					}
				}
				d := open(t, faulty, f.token, func(c *Config) { c.Ack, c.Timeout = ack, 500*time.Millisecond })
				if err := d.Deliver(t.Context(), sinktest.Alerts(20)); err == nil {
					t.Fatal("no error")
				}
				if refused := sinktest.Deliver(t.Context(), t, d, sinktest.Alerts(20)); len(refused) > 0 {
					t.Errorf("refused: %v", refused)
				}
				most := 1
				if fault.Repeats() {
					most = 2
				}
				f.want(t, 20, most, nil)
			})
		}
	}
}

// An acknowledgement that never comes, or whose only answer is lost, makes the alerts
// come again.
func TestAcknowledgementNeverComes(t *testing.T) {
	f := newFake(t)
	f.useACK, f.ackAfter = true, -1
	d := open(t, f, f.token, func(c *Config) { c.Ack, c.AckTimeout = true, 20*time.Millisecond })
	err := d.Deliver(t.Context(), sinktest.Alerts(20))
	if retry, refused := sinks.Outcome(20, err); len(retry) != 20 || len(refused) != 0 || !errors.Is(err, errNoAck) {
		t.Fatalf("got error %v", err)
	}
	f.mu.Lock()
	f.ackAfter = 0
	f.mu.Unlock()
	if err := d.Deliver(t.Context(), sinktest.Alerts(20)); err != nil {
		t.Fatal(err)
	}
	f.want(t, 20, 2, nil)
}

func TestLostAcknowledgement(t *testing.T) {
	f := newFake(t)
	f.useACK = true
	n := 0
	faulty := &sinktest.Faulty{Server: f, Next: func() sinktest.Fault {
		if n++; n == 3 { // after the probe and the events
			return sinktest.LostAnswer
		}
		return sinktest.None
	}}
	d := open(t, faulty, f.token, func(c *Config) { c.Ack, c.AckTimeout = true, 50*time.Millisecond })
	if err := d.Deliver(t.Context(), sinktest.Alerts(20)); !errors.Is(err, errNoAck) {
		t.Fatalf("got error %v", err)
	}
	if err := d.Deliver(t.Context(), sinktest.Alerts(20)); err != nil {
		t.Fatal(err)
	}
	f.want(t, 20, 2, nil)
}

// A token that loses its acknowledgements while weir runs costs one repetition, not one
// for ever.
func TestAcknowledgementIsSwitchedOff(t *testing.T) {
	f := newFake(t)
	f.useACK = true
	d := open(t, f, f.token, func(c *Config) { c.Ack = true })
	if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err != nil {
		t.Fatal(err)
	}
	f.useACK = false
	for range 5 {
		if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err == nil {
			t.Fatal("delivered without an acknowledgement")
		}
	}
	f.want(t, 1, 2, nil)
}

func TestShutdownWhileWaiting(t *testing.T) {
	f := newFake(t)
	f.useACK, f.ackAfter = true, -1
	d := open(t, f, f.token, func(c *Config) { c.Ack, c.AckInterval = true, time.Hour })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := d.Deliver(ctx, sinktest.Alerts(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v", err)
	}
}

// 100,000 alerts through a collector that fails in every way: all arrive. With
// acknowledgements it takes longer, so there are fewer.
func TestHundredThousand(t *testing.T) {
	for ack, n := range map[bool]int{false: 100_000, true: 30_000} {
		t.Run(fmt.Sprintf("ack=%v", ack), func(t *testing.T) {
			const batch = 1000
			f := newFake(t)
			f.useACK, f.ackAfter, f.maxBytes = ack, 1, 500_000 // less than the destination thinks
			faulty := &sinktest.Faulty{Server: f, Next: sinktest.Random(11, 3)}
			d := open(t, faulty, f.token, func(c *Config) {
				c.Ack, c.Timeout, c.AckTimeout = ack, time.Second, 30*time.Millisecond
			})
			refused := sinktest.Refused{}
			for from := 0; from < n; from += batch {
				for id, err := range sinktest.Deliver(t.Context(), t, d, sinktest.Small(from, batch)) {
					refused[id] = err
				}
				f.metas = nil
			}
			if len(refused) > 0 {
				t.Errorf("%d were refused", len(refused))
			}
			f.want(t, n, 1000, nil)
			for _, fault := range sinktest.AllFaults() {
				if fault != sinktest.SilentHang && fault != sinktest.LostHang && faulty.Seen(fault) == 0 {
					t.Errorf("no request had the fault %s", fault)
				}
			}
		})
	}
}

func TestRender(t *testing.T) {
	f := newFake(t)
	d := open(t, f, f.token, func(c *Config) { c.Ack = true })
	messages, err := d.Render(append(sinktest.Alerts(2), sinks.Alert{ID: "x", Value: []byte("no")}))
	if retry, refused := sinks.Outcome(3, err); len(retry) != 0 || len(refused) != 1 {
		t.Errorf("got error %v", err)
	}
	if len(messages) != 1 || len(f.indexed) != 0 {
		t.Fatalf("%d messages, %d indexed", len(messages), len(f.indexed))
	}
	m := messages[0]
	if !strings.HasSuffix(m.Target, "/services/collector/event") || strings.Count(string(m.Body), "\n") != 2 {
		t.Errorf("got %s\n%s", m.Target, m.Body)
	}
	for _, h := range m.Header {
		if strings.Contains(h.Value, f.token) || (h.Name == "Authorization" && h.Value != "Splunk ********") {
			t.Errorf("header %s: %s", h.Name, h.Value)
		}
	}
}

func TestConfig(t *testing.T) {
	good := Config{Name: "splunk", URL: "https://hec.example.org:8088", Token: sinktest.Secret("x")}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"no URL":     func(c *Config) { c.URL = "" },
		"plain text": func(c *Config) { c.URL = "http://hec.example.org:8088" },
		"no token":   func(c *Config) { c.Token = nil },
		"no CA":      func(c *Config) { c.CAFile = "/nowhere/ca.pem" },
	} {
		conf := good
		change(&conf)
		if _, err := New(conf); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkDeliver(b *testing.B) {
	const batch = 500
	server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reply(w, 200, 0, "Success") })
	d := open(b, server, "token", nil)
	alerts := sinktest.Alerts(batch)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Deliver(b.Context(), alerts); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "alerts/s")
}
