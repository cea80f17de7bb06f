package telemetry

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clock is a Telemetry with a clock that a test moves.
func clock(t *Telemetry) (advance func(time.Duration)) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	t.Health.now = func() time.Time { return now }
	return func(d time.Duration) { now = now.Add(d) }
}

func TestReadiness(t *testing.T) {
	tel := New()
	advance := clock(tel)
	h := &tel.Health
	check := func(step string, want ...RoleHealth) {
		t.Helper()
		if diff := cmp.Diff(want, h.Roles()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	h.Expect("store", "deliver")
	starting := RoleHealth{Role: "deliver", Reasons: []string{"starting"}}
	check("at first", RoleHealth{Role: "store", Reasons: []string{"starting"}}, starting)

	store := h.Part("store", "")
	check("opened", RoleHealth{Role: "store", Reasons: []string{"has not joined its consumer group or opened its inputs yet"}}, starting)
	store.Works()
	siem, file := h.Part("deliver", "siem"), h.Part("deliver", "file")
	file.Works()
	check("one of two", RoleHealth{Role: "store", Ready: true},
		RoleHealth{Role: "deliver", Reasons: []string{"siem: has not joined its consumer group or opened its inputs yet"}})
	siem.Waits("the destination does not take alerts", time.Minute)
	check("a dead destination", RoleHealth{Role: "store", Ready: true},
		RoleHealth{Role: "deliver", Ready: true, Notes: []string{"siem: the destination does not take alerts"}})

	advance(31 * time.Second)
	file.Works()
	check("store hangs", RoleHealth{Role: "store", Reasons: []string{"no sign of work for 31s"}},
		RoleHealth{Role: "deliver", Ready: true, Notes: []string{"siem: the destination does not take alerts"}})

	store.Works()
	siem.Works()
	store.Stop("weir.events/1", errors.New("layout 2 is unknown"))
	check("a partition has stopped", RoleHealth{Role: "store", Reasons: []string{"weir.events/1 has stopped: layout 2 is unknown"}},
		RoleHealth{Role: "deliver", Ready: true})
	store.Resume("weir.events/1")
	siem.End()
	check("somebody else's", RoleHealth{Role: "store", Ready: true}, RoleHealth{Role: "deliver", Reasons: []string{"siem: ended"}})
}

func TestReadinessNeedsKafka(t *testing.T) {
	tel := New()
	advance := clock(tel)
	tel.Health.Expect("collect")
	part := tel.Health.Part("collect", "")
	tel.Health.Kafka(nil)
	advance(20 * time.Second)
	part.Works()
	tel.Health.Kafka(errors.New("connection refused"))
	if r := tel.Health.Roles()[0]; !r.Ready {
		t.Errorf("not ready after 20 s: %v", r.Reasons)
	}
	advance(20 * time.Second)
	part.Works()
	want := []RoleHealth{{Role: "collect", Reasons: []string{"no answer from Kafka for 40s: connection refused"}}}
	if diff := cmp.Diff(want, tel.Health.Roles()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	tel.Health.Kafka(nil)
	if r := tel.Health.Roles()[0]; !r.Ready {
		t.Errorf("not ready although Kafka is back: %v", r.Reasons)
	}
}

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestPaths(t *testing.T) {
	tel := New()
	h := tel.Handler(false)
	for _, step := range []struct {
		name, path string
		status     int
		before     func()
	}{
		{name: "alive without roles", path: PathHealth, status: 200},
		{name: "nothing expected is not ready", path: PathReady, status: 503},
		{name: "before the first sign", path: PathReady, status: 503, before: func() { tel.Health.Expect("detect", "store") }},
		{name: "one role is ready", path: PathReady + "/detect", status: 200, before: func() { tel.Health.Part("detect", "").Works() }},
		{name: "the other is not", path: PathReady + "/store", status: 503},
		{name: "so the process is not", path: PathReady, status: 503},
		{name: "now both", path: PathReady, status: 200, before: func() { tel.Health.Part("store", "").Works() }},
		{name: "a role that does not run here", path: PathReady + "/deliver", status: 404},
		{name: "profiles are off", path: pathPprof, status: 404},
		{name: "profiles are off, each of them", path: pathPprof + "heap", status: 404},
		{name: "profiles are off, the default mux too", path: pathPprof + "cmdline", status: 404},
	} {
		if step.before != nil {
			step.before()
		}
		status, body := get(t, h, step.path)
		if status != step.status {
			t.Errorf("%s: %s answers %d %s, want %d", step.name, step.path, status, body, step.status)
		}
	}
	if status, body := get(t, tel.Handler(true), pathPprof+"goroutine?debug=1"); status != 200 || !strings.Contains(body, "goroutine profile") {
		t.Errorf("profiles answer %d %.100s", status, body)
	}
}

func TestReadyBody(t *testing.T) {
	tel := New()
	tel.Health.Expect("detect")
	tel.Health.Part("detect", "").Works()
	_, body := get(t, tel.Handler(false), PathReady)
	var got readiness
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(readiness{Ready: true, Roles: []RoleHealth{{Role: "detect", Ready: true}}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, metrics := get(t, tel.Handler(false), PathMetrics); !strings.Contains(metrics, `weir_ready{role="detect"} 1`) {
		t.Error("weir_ready is not 1")
	}
}

func TestStart(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	s, err := Start(New(), "127.0.0.1:0", false, log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(New(), s.Addr(), false, log); err == nil || !strings.Contains(err.Error(), "metrics.listen") {
		t.Errorf("a second server on one address: %v", err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr()+PathHealth, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("%d %s %v", resp.StatusCode, body, err)
	}
	resp.Body.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := http.DefaultClient.Do(req); err == nil {
		t.Error("the server answers after its end")
	}
}
