package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-security/weir/sinks"
)

// fake is a server that judges requests as a service documents it, and keeps what it
// took. It is none of the services.
type fake struct {
	t     *testing.T
	judge func(r *http.Request, body []byte) (status int, answer string)
	// trouble answers or breaks a request before it is judged, or after; see faults_test.go.
	before, after func(n int, w http.ResponseWriter) (done bool)

	mu       sync.Mutex
	requests int
	taken    []string // bodies
	headers  []http.Header
	server   *httptest.Server
}

func newFake(t *testing.T, judge func(r *http.Request, body []byte) (int, string)) *fake {
	f := &fake{t: t, judge: judge}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if f.before != nil && f.before(f.requests, w) {
		return
	}
	status, answer := f.judge(r, body)
	if status < 300 {
		f.taken = append(f.taken, string(body))
		f.headers = append(f.headers, r.Header)
	}
	if f.after != nil && f.after(f.requests, w) {
		return
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

// slackObject is a text object of Slack's Block Kit.
type slackObject struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Emoji *bool  `json:"emoji"`
}

func (t slackObject) ok(most int) bool {
	return (t.Type == "plain_text" || t.Type == "mrkdwn") && len(t.Text) >= 1 && len(t.Text) <= most && (t.Type == "plain_text" || t.Emoji == nil)
}

// judgeAsSlack is an incoming webhook of Slack: its Block Kit reference has the limits,
// "Improving error conditions for Incoming Webhooks" the answers.
func judgeAsSlack(r *http.Request, body []byte) (int, string) {
	if r.Method != http.MethodPost || r.URL.Path != "/services/T0001/B0002/s3cret" {
		return 404, "no_service"
	}
	var m struct {
		Text   string `json:"text"`
		Blocks []struct {
			Type     string        `json:"type"`
			Text     *slackObject  `json:"text"`
			Fields   []slackObject `json:"fields"`
			Elements []slackObject `json:"elements"`
		} `json:"blocks"`
	}
	if r.Header.Get("Content-Type") != "application/json" || json.Unmarshal(body, &m) != nil {
		return 400, "invalid_payload"
	}
	if m.Text == "" && len(m.Blocks) == 0 {
		return 400, "no_text"
	}
	if len(m.Text) > 40_000 || len(m.Blocks) > 50 {
		return 400, "invalid_payload"
	}
	for _, b := range m.Blocks {
		ok := false
		switch b.Type {
		case "header":
			ok = b.Text != nil && b.Text.Type == "plain_text" && b.Text.ok(150)
		case "section":
			ok = (b.Text != nil || len(b.Fields) > 0) && len(b.Fields) <= 10 && (b.Text == nil || b.Text.ok(3000))
			for _, f := range b.Fields {
				ok = ok && f.ok(2000)
			}
		case "context":
			ok = len(b.Elements) >= 1 && len(b.Elements) <= 10
			for _, e := range b.Elements {
				ok = ok && e.ok(2000)
			}
		}
		if !ok {
			return 400, "invalid_blocks"
		}
	}
	return 200, "ok"
}

var routingKey = strings.Repeat("a1", 16)

// judgeAsPagerDuty is the Events API v2, as its reference has it.
func judgeAsPagerDuty(r *http.Request, body []byte) (int, string) {
	if r.URL.Path != "/v2/enqueue" || r.Method != http.MethodPost {
		return 404, ""
	}
	if len(body) > 512_000 {
		return 413, ""
	}
	var e struct {
		RoutingKey  string `json:"routing_key"`
		EventAction string `json:"event_action"`
		DedupKey    string `json:"dedup_key"`
		Payload     *struct {
			Summary       string         `json:"summary"`
			Source        string         `json:"source"`
			Severity      string         `json:"severity"`
			Timestamp     string         `json:"timestamp"`
			Class         string         `json:"class"`
			CustomDetails map[string]any `json:"custom_details"`
		} `json:"payload"`
		Client string `json:"client"`
	}
	var wrong []string
	if err := json.Unmarshal(body, &e); err != nil {
		return 400, `{"status":"invalid event","message":"Event object is invalid","errors":["JSON cannot be parsed"]}`
	}
	if len(e.RoutingKey) != 32 {
		wrong = append(wrong, "Length of 'routing_key' is incorrect (should be 32 characters)")
	}
	if e.EventAction != "trigger" && e.EventAction != "acknowledge" && e.EventAction != "resolve" {
		wrong = append(wrong, "'event_action' is missing or unknown")
	}
	if len(e.DedupKey) > 255 {
		wrong = append(wrong, "'dedup_key' is too long")
	}
	if p := e.Payload; p == nil {
		wrong = append(wrong, "'payload' is missing or blank")
	} else {
		if p.Summary == "" || len(p.Summary) > 1024 {
			wrong = append(wrong, "'payload.summary' is missing or blank")
		}
		if p.Source == "" {
			wrong = append(wrong, "'payload.source' is missing or blank")
		}
		if p.Severity != "critical" && p.Severity != "error" && p.Severity != "warning" && p.Severity != "info" {
			wrong = append(wrong, "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')")
		}
		if _, err := time.Parse(time.RFC3339, p.Timestamp); p.Timestamp != "" && err != nil {
			wrong = append(wrong, "'payload.timestamp' is invalid")
		}
	}
	if len(wrong) > 0 {
		answer, _ := json.Marshal(map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": wrong})
		return 400, string(answer)
	}
	return 202, fmt.Sprintf(`{"status":"success","message":"Event processed","dedup_key":%q}`, e.DedupKey)
}

// judgeAsTeams is a workflow's webhook: cards only, 28 KB at most, 202 without a word.
func judgeAsTeams(r *http.Request, body []byte) (int, string) {
	if r.URL.Query().Get("sig") != "s3cret" {
		return 401, `{"error":{"code":"DirectApiAuthorizationRequired"}}`
	}
	if len(body) > 28_000 {
		return 413, ""
	}
	var m struct {
		Type        string `json:"type"`
		Attachments []struct {
			ContentType string `json:"contentType"`
			Content     struct {
				Type    string `json:"type"`
				Version string `json:"version"`
				Body    []struct {
					Type    string `json:"type"`
					Inlines []struct {
						Type, Text string
					} `json:"inlines"`
				} `json:"body"`
			} `json:"content"`
		} `json:"attachments"`
	}
	if json.Unmarshal(body, &m) != nil || m.Type != "message" || len(m.Attachments) != 1 {
		return 400, `{"error":{"code":"TriggerInputSchemaMismatch"}}`
	}
	a := m.Attachments[0]
	if a.ContentType != "application/vnd.microsoft.card.adaptive" || a.Content.Type != "AdaptiveCard" ||
		!regexp.MustCompile(`^1\.[0-5]$`).MatchString(a.Content.Version) || len(a.Content.Body) == 0 {
		return 400, `{"error":{"code":"InvalidCard"}}`
	}
	for _, b := range a.Content.Body {
		if b.Type != "RichTextBlock" || len(b.Inlines) == 0 {
			return 400, `{"error":{"code":"InvalidCard"}}`
		}
		for _, run := range b.Inlines {
			if run.Type != "TextRun" {
				return 400, `{"error":{"code":"InvalidCard"}}`
			}
		}
	}
	return 202, ""
}

// fixed is a secret that does not change.
func fixed(s string) Read { return func(context.Context) (string, error) { return s, nil } }

func open(t *testing.T, c Config) *Destination {
	t.Helper()
	if c.Method == "" {
		c.Method = "POST"
	}
	if c.Template == "" && c.TemplateText == "" {
		c.Template = OCSF
	}
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// alert is one of a rule, with a title of the test's choice.
func alert(id, title string) sinks.Alert {
	quoted, _ := json.Marshal(title)
	value := fmt.Sprintf(`{"class_uid":2004,"metadata":{"uid":%q,"log_provider":"aws.cloudtrail"},"severity_id":5,"severity":"Critical","time":1793700000123,"start_time":1793699000000,"count":3,
"finding_info":{"uid":%q,"title":%s,"desc":"A trail was stopped.","analytic":{"uid":"aws.cloudtrail.logging_disabled"},"attacks":[{"technique":{"uid":"T1685"},"sub_technique":{"uid":"T1685.002"}}]},
"evidences":[{"actor":{"user":{"name":%s}},"src_endpoint":{"ip":"192.0.2.7"}}],
"unmapped":{"weir":{"kind":"alert","references":["https://docs.aws.amazon.com/x"]}}}`, id, "f-"+id, quoted, quoted)
	a, err := new(sinks.Reader).Read(id, []byte(value))
	if err != nil {
		panic(err)
	}
	return a
}
