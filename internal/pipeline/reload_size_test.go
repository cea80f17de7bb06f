package pipeline

import (
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/telemetry"
	filewatch "github.com/weir-security/weir/internal/watch"
)

// wordy is reloadRule with so many characters of description, which compression does
// not make much shorter.
func wordy(operation string, characters int) string {
	var text strings.Builder
	for text.Len() < characters {
		text.WriteString(rand.Text())
	}
	return reloadRule(operation) + "description: " + text.String()[:characters] + "\n"
}

// TestReloadTooLarge: rules of which Kafka cannot take the manifest are refused like
// those with a mistake, whether that was known when they were loaded or only Kafka
// says it; at the start they end weir with an error that says what to do.
func TestReloadTooLarge(t *testing.T) {
	const limit = 40_000
	h := hostBroker(t)
	w := h.world(t)
	dir := filepath.Join(w.dir, "rules")
	w.config.Rules.Dir = dir
	put := func(text string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"weir-rules.yaml": "format: 1\n", "each.yaml": text} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	hup := make(chan os.Signal, 1)
	load := func() (*detections.RuleSet, error) { return detections.Load(dir, detections.LoadOptions{}) }
	begin := func() *service {
		return startServiceWith(t, w, func(o *Options) {
			var err error
			if o.Rules, err = load(); err != nil {
				t.Fatal(err)
			}
			o.Reload = &Reload{Dir: dir, Load: load, Signal: hup, watch: filewatch.Options{Settle: time.Millisecond, Poll: time.Hour}}
		})
	}
	inUse := func(s *service) {
		t.Helper()
		rules, err := load()
		if err != nil {
			t.Fatal(err)
		}
		until(t, "the rules are in use", func() bool {
			f := s.scrape(t)["weir_ruleset_rules"]
			return len(f.GetMetric()) == 1 && sum(f, "digest="+rules.Digest()) > 0
		})
	}
	refused := func(s *service) {
		t.Helper()
		until(t, "the rules are refused", func() bool {
			hup <- syscall.SIGHUP
			all := s.scrape(t)
			status, body := s.get(t, telemetry.PathReady)
			return sum(all["weir_rules_reload_total"], "outcome=refused") > 0 && sum(all["weir_rules_reload_successful"]) == 0 &&
				status == http.StatusOK && strings.Contains(body, "too large for Kafka")
		})
	}
	end := func(s *service) {
		t.Helper()
		s.drain()
		if err := <-s.ended; err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(s.log.String(), "are refused") {
			t.Errorf("the log does not tell of it: %s", &s.log)
		}
	}
	records := 0
	more := func(s *service) {
		t.Helper()
		w.appendLogs(t, records, records+100, 0)
		before := sum(s.scrape(t)["weir_events_total"])
		records += 100
		until(t, "the records are through", func() bool { return sum(s.scrape(t)["weir_events_total"]) > before })
	}

	put(reloadRule("StopLogging"))
	s := begin()
	inUse(s)
	setLimit(t, h.options(), broker.Names{Prefix: "hosted."}.Rulesets(), "40000")
	put(wordy("GetSecretValue", 2*limit)) // only Kafka knows
	more(s)
	refused(s)
	more(s)
	put(reloadRule("GetSecretValue"))
	more(s)
	inUse(s)
	end(s)

	s = begin()
	inUse(s)
	put(wordy("DescribeInstances", 2*limit)) // it is known
	refused(s)
	more(s)
	put(wordy("DescribeInstances", limit/2))
	more(s)
	inUse(s)
	end(s)

	put(wordy("DescribeInstances", 2*limit))
	s = begin()
	err := <-s.ended
	if err == nil || !strings.Contains(err.Error(), "raise max.message.bytes") {
		t.Errorf("a start with rules that are too large ends with %v", err)
	}
}
