package pipeline

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/sources"
)

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// newWebhookWorld is a world whose logs are pushed to it.
func newWebhookWorld(t *testing.T) *world {
	w := newWorld(t.TempDir())
	w.config.Collectors = []config.Collector{{
		Name: "k8s", Type: config.CollectorWebhook, Source: "kubernetes.audit",
		Webhook: &config.WebhookCollector{Listen: freeAddress(t), Timeout: 10 * time.Second},
	}}
	return w
}

// serve runs the world's pipeline until stop, which returns what Run returned.
func (w *world) serve(t *testing.T, stats *Stats) (stop func() error) {
	t.Helper()
	rules, err := detections.Load(w.config.Rules.Dir, detections.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	drain, cancel := context.WithCancel(t.Context())
	end := make(chan error, 1)
	go func() { // ends with the drain
		end <- Run(t.Context(), drain, Options{
			Config: w.config, Sources: sources.Builtin().All(), Rules: rules, Terminal: io.Discard, Log: slog.New(slog.DiscardHandler), Stats: stats,
		})
	}()
	return func() error {
		cancel()
		return <-end
	}
}

// auditBatch is a list of n audit events with the stages of a request each.
func auditBatch(n int) string {
	events := make([]string, 0, 2*n)
	for i := range n {
		for _, stage := range []string{"RequestReceived", "ResponseComplete"} {
			events = append(events, fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"5b1c7e90-3a4d-4e2f-8c6b-%012d","stage":%q,`+
				`"requestURI":"/api/v1/namespaces/payments/configmaps","verb":"list","user":{"username":"jonas.meyer@example.com","groups":["developers"]},"sourceIPs":["203.0.113.40"],`+
				`"objectRef":{"resource":"configmaps","namespace":"payments","apiVersion":"v1"},"requestReceivedTimestamp":"2026-11-18T09:41:%02d.104233Z","stageTimestamp":"2026-11-18T09:41:%02d.119871Z"}`,
				i, stage, i%60, i%60))
		}
	}
	return `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[` + strings.Join(events, ",") + `]}`
}

// eventually waits for a condition that somebody else makes true.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after a minute", what)
		}
	}
}

// TestWebhookRetry sends a batch, hangs up before the answer, and sends it again, as an
// API server does, also to the process after a restart: each event is there once.
func TestWebhookRetry(t *testing.T) {
	const requests = 30
	w := newWebhookWorld(t)
	address := w.config.Collectors[0].Webhook.Listen
	body := auditBatch(requests)
	const events = 2 * requests

	stats := NewStats()
	counts := func() Counts { return stats.Snapshot().Sources["kubernetes.audit"] }
	stop := w.serve(t, stats)
	var conn net.Conn
	eventually(t, "connect", func() (ok bool) {
		c, err := net.Dial("tcp", address)
		conn = c
		return err == nil
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if err := req.Write(conn); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the batch is durable", func() bool { return counts().Read == events })
	_ = conn.Close() // the answer is not read

	postAudit(t, address, body)
	eventually(t, "both batches went through", func() bool { return counts().Normalized+counts().Duplicates == 2*events })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if c := counts(); c.Duplicates != events || c.Read != 2*events {
		t.Errorf("counts are %+v", c)
	}

	stats = NewStats()
	stop = w.serve(t, stats)
	eventually(t, "connect again", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	postAudit(t, address, body)
	eventually(t, "the third batch went through", func() bool { return counts().Normalized+counts().Duplicates == events })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if c := counts(); c.Duplicates != events {
		t.Errorf("after a restart counts are %+v", c)
	}
	checkAuditEvents(t, w, events)
}

func postAudit(t *testing.T, address, body string) {
	t.Helper()
	resp, err := http.Post("http://"+address, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("answer %d %s", resp.StatusCode, answer)
	}
}

// checkAuditEvents wants events in the topic and in the lake, each once.
func checkAuditEvents(t *testing.T, w *world, events int) {
	t.Helper()
	opts, release := w.reach(t)
	defer release()
	names := broker.Names{Prefix: w.config.Kafka.TopicPrefix}
	inTopic := map[string]int{}
	eachCommitted(t, opts, names.Events(), func(r *kgo.Record) { inTopic[string(r.Key)]++ })
	for place, counts := range map[string]map[string]int{"the topic": inTopic, "the lake": w.rows(t, "events")} {
		if len(counts) != events {
			t.Errorf("%s has %d events, want %d", place, len(counts), events)
		}
		if n := slices.Max(slices.Collect(maps.Values(counts))); n != 1 {
			t.Errorf("%s has an event %d times", place, n)
		}
	}
}

// TestWebhookOnce: it would never end.
func TestWebhookOnce(t *testing.T) {
	if err := newWebhookWorld(t).run(t.Context(), Options{Once: true}); err == nil || !strings.Contains(err.Error(), "cannot run once") {
		t.Errorf("error %v", err)
	}
}
