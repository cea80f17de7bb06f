package pipeline

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/internal/config"
)

// TestHTTPRetry sends requests again, also to the process after a restart: each of their
// lines is one event, and equal lines are several.
func TestHTTPRetry(t *testing.T) {
	w := newWorld(t.TempDir())
	address := freeAddress(t)
	push := &config.HTTPCollector{Content: config.ContentAuto, SameBody: config.SameBodyRetry}
	push.Listen, push.Timeout = address, 20*time.Second
	w.config.Collectors = []config.Collector{{Name: "edge", Type: config.CollectorHTTP, Source: "gateway.nginx", HTTP: push}}

	const (
		a = `192.0.2.7 - - [18/Nov/2026:09:41:20 +0000] "GET /orders/7 HTTP/1.1" 200 512 "-" "shop/2.1"` + "\n"
		b = `192.0.2.8 - - [18/Nov/2026:09:41:20 +0000] "GET /orders/8 HTTP/1.1" 404 9 "-" "shop/2.1"` + "\n"
	)
	requests := []struct{ body, key string }{
		{a + a + b, ""}, // three events
		{a + b, ""},     // two more
		{a + b, "1"},    // two more
		{a + b, "2"},    // and two more
	}
	const lines, events = 9, 9
	for run := range 2 {
		stats := NewStats()
		counts := func() Counts { return stats.Snapshot().Sources["gateway.nginx"] }
		stop := w.serve(t, stats)
		for range 2 {
			for _, r := range requests {
				eventually(t, "the request is answered", func() bool { return pushed(t, address, r.body, r.key) })
			}
		}
		eventually(t, "all went through", func() bool { return counts().Normalized+counts().Duplicates == 2*lines })
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		wantNew := int64(events)
		if run > 0 {
			wantNew = 0
		}
		if c := counts(); c.Normalized != wantNew || c.Read != 2*lines || c.DeadLettered != 0 {
			t.Errorf("run %d: counts are %+v", run, c)
		}
	}
	checkAuditEvents(t, w, events)
}

// pushed reports whether a request was answered 200; nobody may be listening yet.
func pushed(t *testing.T, address, body, key string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/plain")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("answer %d %s", resp.StatusCode, answer)
	}
	return true
}
