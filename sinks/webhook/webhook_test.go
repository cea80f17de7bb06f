package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/sinks"
)

func taken(*http.Request, []byte) (int, string) { return 200, "" }

func TestTemplateOfOnesOwn(t *testing.T) {
	tests := []struct{ name, template, want, refused string }{
		{"fields", `{"t":{{json .finding_info.title}},"s":{{json (severity .)}},"at":{{json (time .time)}}}`, `{"t":"a \"b\" <c>","s":"critical","at":"2026-11-03T10:00:00.123Z"}`, ""},
		{"absent", `{"u":{{json (get . "actor.user.name")}},"d":{{json (default "-" (get . "x.y"))}},"h":{{has . "count"}}}`, `{"u":null,"d":"-","h":true}`, ""},
		{"list", `{"ip":{{json (get . "evidences.0.src_endpoint.ip")}},"no":{{json (get . "evidences.7.x")}},"r":{{json (join "," (get . "unmapped.weir.references"))}}}`, `{"ip":"192.0.2.7","no":null,"r":"https://docs.aws.amazon.com/x"}`, ""},
		{"number", `{"n":{{json .time}},"t":{{json (text .count)}}}`, `{"n":1793700000123,"t":"3"}`, ""},
		{"cut", `{"t":{{json (trunc 6 .finding_info.title)}},"u":{{json (upper (lower (oneline "A\nb")))}}}`, `{"t":"a \"…","u":"A B"}`, ""},
		{"secret", `{"key":{{json secret}}}`, `{"key":"k\"1"}`, ""},
		{"missing", `{"x":{{json .finding_info.titel}}}`, "", `the alert has no "titel"`},
		{"no JSON", `{"x":"{{.finding_info.title}}"}`, "", "no JSON"},
		{"a value of another kind", `{{range .finding_info.title}}x{{end}}`, "", "fails on a value"},
		{"endless", `{"x":"{{printf "%70000d" 1}}"}`, "", "above max_body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, taken)
			d := open(t, Config{URL: fixed(f.server.URL), TemplateText: tt.template, Secret: fixed(`k"1`), MaxBody: 60_000})
			err := d.Deliver(t.Context(), []sinks.Alert{alert("a1", `a "b" <c>`)})
			_, refused := sinks.Outcome(1, err)
			switch {
			case tt.refused == "" && (err != nil || len(f.taken) != 1 || f.taken[0] != tt.want):
				t.Errorf("%v; sent %q, want %q", err, f.taken, tt.want)
			case tt.refused != "" && (len(refused) != 1 || !strings.Contains(refused[0].Err.Error(), tt.refused) || f.requests != 0):
				t.Errorf("the error is %v, want a refusal with %q", err, tt.refused)
			case tt.refused != "" && strings.Contains(err.Error(), "<c>"):
				t.Errorf("the error holds the alert: %v", err)
			}
		})
	}
	for _, bad := range []string{`{{`, `{{nothing}}`, `{{json .a}`} {
		if _, err := New(Config{URL: fixed("https://x.example.org"), Method: "POST", TemplateText: bad}); err == nil {
			t.Errorf("template %q is taken", bad)
		}
	}
}

func TestRequest(t *testing.T) {
	f := newFake(t, taken)
	d := open(t, Config{
		URL: fixed(f.server.URL + "/hook?x=1"), Method: "PUT", Headers: map[string]Read{"Authorization": fixed("Bearer t")},
		Signature: "X-Weir-Signature", SignatureKey: fixed("hunter2"),
	})
	a := alert("a1", "x")
	if err := d.Deliver(t.Context(), []sinks.Alert{a}); err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte("hunter2"))
	mac.Write([]byte(f.taken[0]))
	h := f.headers[0]
	if f.taken[0] != string(a.Value) || h.Get("Authorization") != "Bearer t" || h.Get("Content-Type") != "application/json" ||
		h.Get("X-Weir-Signature") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
		t.Errorf("sent %s with %v", f.taken[0], h)
	}
}

// Secrets are read for each delivery: a file may be replaced while weir runs.
func TestSecretsAreReadAgain(t *testing.T) {
	f := newFake(t, func(r *http.Request, _ []byte) (int, string) {
		if r.Header.Get("X-Key") != "new" {
			return 401, ""
		}
		return 200, ""
	})
	file := filepath.Join(t.TempDir(), "key")
	read := func(context.Context) (string, error) { b, err := os.ReadFile(file); return string(b), err }
	d := open(t, Config{URL: fixed(f.server.URL), Headers: map[string]Read{"X-Key": read}})
	for _, step := range []struct {
		content string
		want    string
	}{{"", "read header X-Key"}, {"old", "HTTP 401"}, {"new", ""}} {
		if step.content != "" {
			if err := os.WriteFile(file, []byte(step.content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := d.Deliver(t.Context(), []sinks.Alert{alert("a1", "x")})
		if retry, _ := sinks.Outcome(1, err); step.want != "" && (err == nil || !strings.Contains(err.Error(), step.want) || len(retry) != 1) || step.want == "" && err != nil {
			t.Errorf("with %q the error is %v, want %q", step.content, err, step.want)
		}
	}
}

func TestBatch(t *testing.T) {
	alerts := []sinks.Alert{alert("a1", "x"), alert("a2", "poison"), alert("a3", "x"), alert("a4", "x"), alert("a5", "x")}
	for _, tt := range []struct {
		contentType string
		ids         func(body string) []string
	}{
		{"application/json", func(body string) (ids []string) {
			var list []struct{ Metadata struct{ UID string } }
			if err := json.Unmarshal([]byte(body), &list); err != nil {
				t.Error(err)
			}
			for _, a := range list {
				ids = append(ids, a.Metadata.UID)
			}
			return ids
		}},
		{"application/x-ndjson", func(body string) (ids []string) {
			for line := range strings.Lines(body) {
				var a struct{ Metadata struct{ UID string } }
				if err := json.Unmarshal([]byte(line), &a); err != nil {
					t.Error(err)
				}
				ids = append(ids, a.Metadata.UID)
			}
			return ids
		}},
	} {
		f := newFake(t, func(_ *http.Request, body []byte) (int, string) {
			if strings.Contains(string(body), "poison") {
				return 400, "schema"
			}
			return 200, ""
		})
		d := open(t, Config{URL: fixed(f.server.URL), Batch: 3, ContentType: tt.contentType, TemplateText: `{"metadata":{"uid":{{json .metadata.uid}}},"t":{{json .finding_info.title}}}`})
		retry, refused := sinks.Outcome(5, d.Deliver(t.Context(), alerts))
		var got []string
		for _, body := range f.taken {
			got = append(got, tt.ids(body)...)
		}
		if !slices.Equal(got, []string{"a1", "a3", "a4", "a5"}) || len(retry) != 0 || len(refused) != 1 || refused[0].Index != 1 {
			t.Errorf("%s: taken %v, to retry %v, refused %v", tt.contentType, got, retry, refused)
		}
	}
}

func TestRender(t *testing.T) {
	d := open(t, Config{
		URL: fixed("https://events.pagerduty.com/v2/enqueue?k=hunter2"), Template: PagerDuty, Secret: fixed("hunter2"),
		Headers: map[string]Read{"X-Key": fixed("hunter2")}, Signature: "X-Weir-Signature", SignatureKey: fixed("hunter2"),
	})
	messages, err := d.Render([]sinks.Alert{alert("a1", "x"), alert("a2", "y")})
	if err != nil || len(messages) != 2 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	m := messages[0]
	want := []sinks.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "X-Key", Value: sinks.Mask}, {Name: "X-Weir-Signature", Value: "sha256=" + sinks.Mask}}
	if m.Target != "POST https://events.pagerduty.com/********" || !slices.Equal(m.Header, want) {
		t.Errorf("%s with %v", m.Target, m.Header)
	}
	if s := string(m.Body); strings.Contains(s, "hunter2") || !strings.Contains(s, `"routing_key": "`+sinks.Mask+`"`) || !json.Valid(m.Body) {
		t.Errorf("body %s", s)
	}
}

// The fault table. In each trouble every alert that is not refused for good arrives,
// in the end; it comes twice only where the answer was lost after the service had it.
func TestFaults(t *testing.T) {
	reset := func(_ int, w http.ResponseWriter) bool { panic(http.ErrAbortHandler) }
	answer := func(status int, header, value string) func(int, http.ResponseWriter) bool {
		return func(_ int, w http.ResponseWriter) bool {
			if header != "" {
				w.Header().Set(header, value)
			}
			w.WriteHeader(status)
			return true
		}
	}
	every := func(n int, do func(int, http.ResponseWriter) bool) func(int, http.ResponseWriter) bool {
		return func(request int, w http.ResponseWriter) bool { return request%n == 0 && do(request, w) }
	}
	random := rand.New(rand.NewPCG(1, 2))
	tests := []struct {
		name          string
		before, after func(int, http.ResponseWriter) bool
		again         bool // alerts may come twice
		asked         time.Duration
		timeout       time.Duration
	}{
		{name: "none"},
		{name: "connections are reset before anything is read", before: every(3, reset)},
		{name: "the answer is lost", after: every(3, reset), again: true},
		{name: "the answer breaks off", after: every(3, func(_ int, w http.ResponseWriter) bool {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(200)
			_, _ = w.Write([]byte("o"))
			return true
		}), again: true},
		{name: "500", before: every(2, answer(500, "", ""))},
		{name: "503 with Retry-After", before: every(2, answer(503, "Retry-After", "7")), asked: 7 * time.Second},
		{name: "429 with Retry-After", before: every(2, answer(429, "Retry-After", "30")), asked: 30 * time.Second},
		{name: "401 while a key is replaced", before: every(2, answer(401, "", ""))},
		{name: "a redirect to a log-in page", before: every(2, answer(302, "Location", "https://login.example.org/"))},
		{name: "it hangs", before: every(9, func(int, http.ResponseWriter) bool { <-time.After(150 * time.Millisecond); return true }), again: true, timeout: 100 * time.Millisecond},
		{name: "all at random", before: func(n int, w http.ResponseWriter) bool {
			return random.IntN(3) == 0 && answer([]int{500, 502, 429, 403, 404}[random.IntN(5)], "", "")(n, w)
		}, after: func(n int, w http.ResponseWriter) bool { return random.IntN(5) == 0 && reset(n, w) }, again: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, judgeAsSlack)
			f.server.Config.ErrorLog = nil
			f.before, f.after = tt.before, tt.after
			d := open(t, Config{Template: Slack, Interval: 1, URL: fixed(f.server.URL + "/services/T0001/B0002/s3cret"), Timeout: tt.timeout})
			const n = 40
			var left []sinks.Alert
			for i := range n {
				left = append(left, alert(fmt.Sprintf("a%02d", i), "x"))
			}
			var asked time.Duration
			for tries := 0; len(left) > 0; tries++ {
				if tries > 1000 {
					t.Fatalf("%d alerts never arrive", len(left))
				}
				err := d.Deliver(t.Context(), left)
				asked = max(asked, sinks.RetryAfter(err))
				retry, refused := sinks.Outcome(len(left), err)
				if len(refused) > 0 {
					t.Fatalf("refused: %v", refused[0].Err)
				}
				var again []sinks.Alert
				for _, i := range retry {
					again = append(again, left[i])
				}
				left = again
			}
			var order []string
			for _, body := range f.taken {
				i := strings.Index(body, "alert f-a")
				order = append(order, body[i+8:i+11])
			}
			if !tt.again && len(order) != n || len(slices.Compact(slices.Clone(order))) != n || !slices.IsSorted(order) {
				t.Errorf("%d messages for %d alerts, in order: %v", len(order), n, slices.IsSorted(order))
			}
			if asked != tt.asked {
				t.Errorf("the wait that was asked for is %v, want %v", asked, tt.asked)
			}
		})
	}
}

// A request that the shutdown ends is not delivered, and the rest is not tried.
func TestInterrupted(t *testing.T) {
	f := newFake(t, taken)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	err := open(t, Config{URL: fixed(f.server.URL)}).Deliver(ctx, []sinks.Alert{alert("a1", "x"), alert("a2", "x")})
	if retry, refused := sinks.Outcome(2, err); !errors.Is(err, context.Canceled) || len(retry) != 2 || len(refused) != 0 {
		t.Errorf("%v", err)
	}
}

// A URL from a file may change while weir runs; it must not lead out in plain text.
func TestURLIsCheckedAgain(t *testing.T) {
	for _, u := range []string{"http://soc.example.org/x", "ftp://127.0.0.1/", "", "https://a b/"} {
		err := open(t, Config{URL: fixed(u)}).Deliver(t.Context(), []sinks.Alert{alert("a1", "x")})
		if retry, _ := sinks.Outcome(1, err); len(retry) != 1 || !strings.HasPrefix(err.Error(), "url: ") {
			t.Errorf("%q: %v", u, err)
		}
	}
}

// FuzzTitle: whatever the title, each service takes the message.
func FuzzTitle(f *testing.F) {
	for _, title := range hostile {
		f.Add(title)
	}
	judges := map[string]func(*http.Request, []byte) (int, string){Slack: judgeAsSlack, PagerDuty: judgeAsPagerDuty, Teams: judgeAsTeams}
	paths := map[string]string{Slack: "/services/T0001/B0002/s3cret", PagerDuty: "/v2/enqueue", Teams: "/x?sig=s3cret"}
	f.Fuzz(func(t *testing.T, title string) {
		for name, judge := range judges {
			s := services[name]
			template, err := parse(s.text)
			if err != nil {
				t.Fatal(err)
			}
			body, err := template.render(alert("a1", title).Value, routingKey, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.NewRequest(http.MethodPost, "https://x.example.org"+paths[name], nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			if status, answer := judge(r, body); status >= 300 {
				t.Errorf("%s: %d %s\n%s", name, status, answer, body)
			}
			if name == Slack && strings.ContainsAny(string(body), "<>") {
				t.Errorf("a control character of Slack is not escaped:\n%s", body)
			}
		}
	})
}

// BenchmarkDeliver sends alerts to a server on loopback, one in a request and a
// hundred.
func BenchmarkDeliver(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	for _, bench := range []struct {
		name string
		conf Config
	}{{"ocsf", Config{Template: OCSF}}, {"ocsf, batch 100", Config{Template: OCSF, Batch: 100}}, {"teams", Config{Template: Teams, Interval: 1}}} {
		b.Run(bench.name, func(b *testing.B) {
			bench.conf.URL, bench.conf.Method = fixed(server.URL), "POST"
			d, err := New(bench.conf)
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			batch := make([]sinks.Alert, 100)
			for i := range batch {
				batch[i] = alert(fmt.Sprint(i), "x")
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
