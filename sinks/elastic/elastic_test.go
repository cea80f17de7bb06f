package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/internal/sinktest"
)

func open(t testing.TB, h http.Handler, change func(*Config)) *Destination {
	t.Helper()
	url, ca := sinktest.Serve(t, h)
	conf := Config{Name: "elastic", URL: url, CAFile: ca, APIKey: sinktest.Secret("aWQ6a2V5"), Timeout: 5 * time.Second}
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

// want holds the documents of all indices to n alerts, each once.
func (f *fakeCluster) want(t *testing.T, n int, refused sinktest.Refused) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	there := map[string]int{}
	for _, docs := range f.docs {
		for id := range docs {
			there[id]++
		}
	}
	for i := range n {
		id := sinktest.ID(i)
		if _, no := refused[id]; no == (there[id] == 1) || there[id] > 1 {
			t.Fatalf("alert %d is there %d times, refused: %v", i, there[id], refused[id])
		}
	}
	if len(there)+len(refused) != n {
		t.Fatalf("%d documents and %d refused of %d alerts", len(there), len(refused), n)
	}
}

func TestDeliverTwiceIsOnce(t *testing.T) {
	f := newFake(t)
	d := open(t, f, func(c *Config) { c.MaxBytes = 20_000 })
	for range 2 {
		if err := d.Deliver(t.Context(), sinktest.Alerts(100)); err != nil {
			t.Fatal(err)
		}
	}
	f.want(t, 100, nil)
	if f.requests < 10 || f.itemCount != 200 {
		t.Errorf("%d requests, %d items", f.requests, f.itemCount)
	}
}

// A roll-up has an id of its own, so it does not meet its alert.
func TestDocuments(t *testing.T) {
	f := newFake(t)
	d := open(t, f, nil)
	if err := d.Deliver(t.Context(), []sinks.Alert{sinktest.Alert(5), sinktest.Alert(6)}); err != nil {
		t.Fatal(err)
	}
	docs := f.docs["weir-alerts-2026.11.18"]
	if len(docs) != 2 {
		t.Fatalf("indices: %v", f.docs)
	}
	for i := 5; i <= 6; i++ {
		var doc struct {
			Timestamp string                 `json:"@timestamp"`
			Time      int64                  `json:"time"`
			Finding   struct{ UID string }   `json:"finding_info"`
			Metadata  struct{ UID string }   `json:"metadata"`
			Evidences []struct{ UID string } `json:"evidences"`
		}
		if err := json.Unmarshal(docs[sinktest.ID(i)], &doc); err != nil {
			t.Fatal(err)
		}
		at := time.UnixMilli(doc.Time).UTC().Format("2006-01-02T15:04:05.000Z")
		if doc.Timestamp != at || doc.Finding.UID != sinktest.ID(5) || doc.Metadata.UID != sinktest.ID(i) || len(doc.Evidences) != 1 {
			t.Errorf("alert %d: %+v", i, doc)
		}
	}
}

// Each kind of item is judged by itself: one refused, one busy, all others taken.
func TestItems(t *testing.T) {
	for _, tt := range []struct {
		status int
		kind   string
		want   string // retry, refused or delivered
		answer string
	}{
		{400, "mapper_parsing_exception", "refused", "status 400: mapper_parsing_exception"},
		{400, "document_parsing_exception", "refused", "about this document"},
		{400, "strict_dynamic_mapping_exception", "refused", ""},
		{400, "illegal_argument_exception", "refused", ""},
		{413, "too_large", "refused", ""},
		{409, "version_conflict_engine_exception", "delivered", ""},
		{409, "another_conflict", "retry", ""},
		{429, "es_rejected_execution_exception", "retry", "status 429"},
		{429, "circuit_breaking_exception", "retry", ""},
		{503, "unavailable_shards_exception", "retry", "status 503"},
		{500, "exception", "retry", ""},
		{403, "cluster_block_exception", "retry", "is the disk full?"},
		{403, "security_exception", "retry", "create_doc"},
		{404, "index_not_found_exception", "retry", "allow its creation"},
		{400, "index_closed_exception", "retry", "not as it must be"},
		{400, "validation_exception", "retry", "not as it must be"},
		{400, "invalid_index_name_exception", "retry", ""},
	} {
		t.Run(fmt.Sprint(tt.status, tt.kind), func(t *testing.T) {
			f := newFake(t)
			f.item = func(_ int, id string, _ []byte) (int, string) {
				if id == sinktest.ID(3) {
					return tt.status, tt.kind
				}
				return 0, ""
			}
			err := open(t, f, nil).Deliver(t.Context(), sinktest.Alerts(10))
			retry, refused := sinks.Outcome(10, err)
			switch {
			case tt.want == "retry" && (len(retry) != 1 || retry[0] != 3 || len(refused) != 0),
				tt.want == "refused" && (len(retry) != 0 || len(refused) != 1 || refused[0].Index != 3),
				tt.want == "delivered" && err != nil:
				t.Errorf("retry %v, refused %v, want %s", retry, refused, tt.want)
			}
			if err != nil && !strings.Contains(err.Error(), tt.answer) {
				t.Errorf("got %v, want %s", err, tt.answer)
			}
		})
	}
}

// Nothing that is wrong with the configuration, and nothing that a proxy says, refuses an
// alert.
func TestWholeRequests(t *testing.T) {
	secret := func(s string) func(*Config) {
		return func(c *Config) { c.APIKey = sinktest.Secret(s) }
	}
	for _, tt := range []struct {
		name   string
		whole  func() (int, string)
		conf   func(*Config)
		answer string
	}{
		{"wrong key", nil, secret("another"), "the credentials are wrong"},
		{"empty key", nil, secret(""), "the API key is empty"},
		{"path", nil, func(c *Config) { c.URL += "/kibana" }, "HTTP 404"},
		{"busy", func() (int, string) { return 429, "es_rejected_execution_exception" }, nil, "HTTP 429"},
		{"no master", func() (int, string) { return 503, "master_not_discovered_exception" }, nil, "HTTP 503"},
		{"no shards left", func() (int, string) { return 400, "validation_exception" }, nil, "not as it must be"},
		{"a proxy's 400", func() (int, string) { return 400, "" }, nil, "no Elasticsearch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			f.whole = tt.whole
			err := open(t, f, tt.conf).Deliver(t.Context(), sinktest.Alerts(10))
			retry, refused := sinks.Outcome(10, err)
			if len(retry) != 10 || len(refused) != 0 {
				t.Errorf("%d to send again, %d refused", len(retry), len(refused))
			}
			if err == nil || !strings.Contains(err.Error(), tt.answer) || strings.Contains(err.Error(), "aWQ6a2V5") {
				t.Errorf("got %v, want %s", err, tt.answer)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	f := newFake(t)
	f.maxBytes = 8000
	d := open(t, f, nil)
	alerts := sinktest.Alerts(40)
	alerts[11].Value = []byte(strings.Replace(string(alerts[11].Value), "A trail was", strings.Repeat("A trail was ", 1000), 1))
	alerts = append(alerts, sinks.Alert{ID: "broken", Value: []byte(`{"cut":`)})
	refused := sinktest.Deliver(t.Context(), t, d, alerts)
	if len(refused) != 2 || refused[sinktest.ID(11)] == nil || refused["broken"] == nil {
		t.Errorf("refused: %v", refused)
	}
	delete(refused, "broken")
	f.want(t, 40, refused)
}

// An answer that does not belong to the request proves nothing.
func TestStrangeAnswers(t *testing.T) {
	for _, answer := range []string{
		`{}`, `{"items":[]}`, `not json`, `{"items":[{"create":{"_id":"x","status":201}}]}`,
		`{"items":[{"index":{"_id":"` + sinktest.ID(0) + `","status":201}}]}`,
		`{"items":[{"create":{"_id":"` + sinktest.ID(0) + `","status":201}},{"create":{"_id":"y","status":201}}]}`,
	} {
		d := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, answer) }), nil)
		if retry, refused := sinks.Outcome(1, d.Deliver(t.Context(), sinktest.Alerts(1))); len(retry) != 1 || len(refused) != 0 {
			t.Errorf("%s: %d to send again, %d refused", answer, len(retry), len(refused))
		}
	}
}

// The fault table: each way to fail once. Alerts are there once, whatever was lost.
func TestFaults(t *testing.T) {
	for _, fault := range sinktest.AllFaults() {
		t.Run(fault.String(), func(t *testing.T) {
			f := newFake(t)
			faulty := &sinktest.Faulty{Server: f, Next: sinktest.Once(fault)}
			d := open(t, faulty, func(c *Config) { c.Timeout = 500 * time.Millisecond })
			if err := d.Deliver(t.Context(), sinktest.Alerts(20)); err == nil {
				t.Fatal("no error")
			}
			if refused := sinktest.Deliver(t.Context(), t, d, sinktest.Alerts(20)); len(refused) > 0 {
				t.Errorf("refused: %v", refused)
			}
			f.want(t, 20, nil)
		})
	}
}

// 100,000 alerts through a cluster that fails in every way, requests and items: each is
// there once.
func TestHundredThousand(t *testing.T) {
	const n, batch = 100_000, 1000
	f := newFake(t)
	f.maxBytes = 300_000
	r := rand.New(rand.NewPCG(5, 5))
	f.item = func(int, string, []byte) (int, string) { // holding the fake's lock
		switch r.IntN(40) {
		case 0:
			return 429, "es_rejected_execution_exception"
		case 1:
			return 503, "unavailable_shards_exception"
		}
		return 0, ""
	}
	faulty := &sinktest.Faulty{Server: f, Next: sinktest.Random(12, 3)}
	d := open(t, faulty, func(c *Config) { c.Timeout = time.Second })
	for from := 0; from < n; from += batch {
		if refused := sinktest.Deliver(t.Context(), t, d, sinktest.Small(from, batch)); len(refused) > 0 {
			t.Fatalf("refused: %v", refused)
		}
	}
	f.want(t, n, nil)
	for _, fault := range sinktest.AllFaults() {
		if fault != sinktest.SilentHang && fault != sinktest.LostHang && faulty.Seen(fault) == 0 {
			t.Errorf("no request had the fault %s", fault)
		}
	}
}

func TestCredentials(t *testing.T) {
	for _, tt := range []struct {
		conf  func(*Config)
		want  string
		shown string
	}{
		{func(c *Config) { c.APIKey = sinktest.Secret("aWQ6a2V5") }, "ApiKey aWQ6a2V5", "ApiKey ********"},
		{func(c *Config) { c.Bearer = sinktest.Secret("eyJ") }, "Bearer eyJ", "Bearer ********"},
		{func(c *Config) { c.Username, c.Password = "weir", sinktest.Secret("pass:word") }, "Basic d2VpcjpwYXNzOndvcmQ=", "Basic ********"},
		{func(c *Config) {}, "", ""},
	} {
		f := newFake(t)
		f.authorization = tt.want
		d := open(t, f, func(c *Config) { c.APIKey = nil; tt.conf(c) })
		if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err != nil {
			t.Errorf("%q: %v", tt.want, err)
		}
		messages, err := d.Render(sinktest.Alerts(2))
		if err != nil || len(messages) != 1 || f.requests != 1 {
			t.Fatalf("%d messages, %d requests, %v", len(messages), f.requests, err)
		}
		shown := ""
		for _, h := range messages[0].Header {
			if h.Name == "Authorization" {
				shown = h.Value
			}
		}
		if shown != tt.shown {
			t.Errorf("shown as %q, want %q", shown, tt.shown)
		}
		if !strings.HasPrefix(string(messages[0].Body), `{"create":{"_index":"weir-alerts-2026.11.18","_id":"`+sinktest.ID(0)) {
			t.Errorf("the body is %s", messages[0].Body)
		}
	}
}

func TestConfig(t *testing.T) {
	good := Config{Name: "elastic", URL: "https://es.example.org:9200", APIKey: sinktest.Secret("x")}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"no URL":            func(c *Config) { c.URL = "" },
		"plain text":        func(c *Config) { c.URL = "http://es.example.org:9200" },
		"two credentials":   func(c *Config) { c.Bearer = sinktest.Secret("x") },
		"user alone":        func(c *Config) { c.Username, c.APIKey = "weir", nil },
		"password alone":    func(c *Config) { c.Password, c.APIKey = sinktest.Secret("x"), nil },
		"upper case":        func(c *Config) { c.Index = "Weir" },
		"unknown directive": func(c *Config) { c.Index = "weir-%H" },
		"open directive":    func(c *Config) { c.Index = "weir-%" },
		"begins with -":     func(c *Config) { c.Index = "-weir" },
		"comma":             func(c *Config) { c.Index = "weir,x" },
	} {
		conf := good
		change(&conf)
		if _, err := New(conf); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestPattern(t *testing.T) {
	day := time.Date(2026, 3, 4, 23, 0, 0, 0, time.FixedZone("", -7200))
	for text, want := range map[string]string{
		"weir-alerts":           "weir-alerts",
		"weir-alerts-%Y.%m.%d":  "weir-alerts-2026.03.05",
		"%Y":                    "2026",
		"weir%%-%m":             "weir%-03",
		"logs-weir.alerts-2006": "logs-weir.alerts-2006", // no layout of its own
	} {
		p, err := parsePattern(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := p.name(day); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// Who chooses the time of an event chooses no index of the year 1970 or 9999.
func TestImplausibleTimes(t *testing.T) {
	f := newFake(t)
	d := open(t, f, nil)
	var alerts []sinks.Alert
	for i, at := range []string{"0", "253402300799999", "1794996483579", "1763460483579", "-9223372036854775808"} {
		alerts = append(alerts, sinks.Alert{ID: fmt.Sprint("a", i), Value: fmt.Appendf(nil, `{"time":%s,"metadata":{"processed_time":1794996483579}}`, at)})
	}
	if err := d.Deliver(t.Context(), alerts); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for index, docs := range f.docs {
		got[index] = len(docs)
	}
	if diff := cmp.Diff(map[string]int{"weir-alerts-2026.11.18": 4, "weir-alerts-2025.11.18": 1}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSecretThatCannotBeRead(t *testing.T) {
	f := newFake(t)
	d := open(t, f, func(c *Config) {
		c.APIKey = func(context.Context) (string, error) { return "", errors.New("no such file") }
	})
	if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err == nil || f.requests > 0 {
		t.Errorf("got error %v after %d requests", err, f.requests)
	}
}

func BenchmarkDeliver(b *testing.B) {
	const batch = 500
	alerts := sinktest.Alerts(batch)
	var answer strings.Builder
	for i, a := range alerts {
		if i > 0 {
			answer.WriteByte(',')
		}
		fmt.Fprintf(&answer, `{"create":{"_id":%q,"status":201}}`, a.ID)
	}
	d := open(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"errors":false,"items":[%s]}`, answer.String())
	}), nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Deliver(b.Context(), alerts); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "alerts/s")
}
