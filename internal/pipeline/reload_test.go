package pipeline

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/telemetry"
	filewatch "github.com/weir-security/weir/internal/watch"
	"github.com/weir-security/weir/schemas/ocsf"
)

// reloadRule is a rule that alerts on every event of an operation.
func reloadRule(operation string) string {
	return `id: each
title: Each
status: stable
severity: low
class: api_activity
when: api.operation == "` + operation + `"
tests:
  - {name: fires, source: aws.cloudtrail, raw: "{}", alerts: [{}]}
  - {name: silent, source: aws.cloudtrail, raw: "{}", alerts: []}
`
}

// TestReload changes the rules under a running pipeline, breaks them, mends them and
// asks by a signal. Each record is judged by one set, whole, and none is lost or
// counted twice.
func TestReload(t *testing.T) {
	w := newWorld(t.TempDir())
	dir := filepath.Join(w.dir, "rules")
	w.config.Rules.Dir = dir
	put := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("weir-rules.yaml", "format: 1\n")
	put("each.yaml", reloadRule("StopLogging"))
	hup := make(chan os.Signal, 1)
	s := startReloading(t, w, hup)

	next := 0
	more := func() {
		t.Helper()
		w.appendLogs(t, next, next+300, 0)
		next += 300
		until(t, "the records are through", func() bool {
			return sum(s.scrape(t)["weir_events_total"]) == float64(wholeRecords(next))
		})
	}
	inUse := func(rules string) {
		t.Helper()
		loaded, err := detections.Load(dir, detections.LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		until(t, rules+" are in use", func() bool {
			f := s.scrape(t)["weir_ruleset_rules"]
			return len(f.GetMetric()) == 1 && sum(f, "digest="+loaded.Digest()) > 0
		})
	}
	more()
	put("each.yaml", reloadRule("DescribeInstances")) // told
	inUse("other rules")
	more()

	put("each.yaml", reloadRule("GetSecretValue")+"nonsense: true\n")
	until(t, "broken rules are refused", func() bool { return sum(s.scrape(t)["weir_rules_reload_total"], "outcome=refused") > 0 })
	if got := sum(s.scrape(t)["weir_rules_reload_successful"]); got != 0 {
		t.Errorf("weir_rules_reload_successful is %v", got)
	}
	if status, body := s.get(t, telemetry.PathReady); status != http.StatusOK || !strings.Contains(body, "are refused (1 wrong)") || !strings.Contains(body, `unknown key \"nonsense\"`) {
		t.Errorf("readiness is %d: %s", status, body)
	}
	more() // by the rules before

	if err := os.Remove(filepath.Join(dir, "weir-rules.yaml")); err != nil { // no rules directory any more
		t.Fatal(err)
	}
	before := sum(s.scrape(t)["weir_rules_reload_total"], "outcome=refused")
	hup <- syscall.SIGHUP
	until(t, "the signal was heard", func() bool { return sum(s.scrape(t)["weir_rules_reload_total"], "outcome=refused") > before })

	put("each.yaml", reloadRule("GetSecretValue"))
	put("weir-rules.yaml", "format: 1\n")
	inUse("mended rules")
	if got := sum(s.scrape(t)["weir_rules_reload_successful"]); got != 1 {
		t.Errorf("weir_rules_reload_successful is %v", got)
	}
	if _, body := s.get(t, telemetry.PathReady); strings.Contains(body, "refused") {
		t.Errorf("readiness still has the refusal: %s", body)
	}
	more()

	wanted := expectedReloads(next)
	until(t, "the alerts are through", func() bool { return sum(s.scrape(t)["weir_alerts_total"]) >= float64(len(wanted)) })
	s.drain()
	if err := <-s.ended; err != nil {
		t.Fatal(err)
	}
	if log := s.log.String(); !strings.Contains(log, "are refused") || !strings.Contains(log, "rules are in use") {
		t.Errorf("the log does not tell of it: %s", log)
	}
	checkReloads(t, w, wanted)
}

// wholeRecords is how many of the first n records are not broken.
func wholeRecords(n int) int {
	whole := 0
	for i := range n {
		if !isBroken(i) {
			whole++
		}
	}
	return whole
}

// expectedReloads is the operation that each record's rule set asked for: 300 records
// by each state of the rules.
func expectedReloads(records int) map[string]string {
	operations := []string{"StopLogging", "DescribeInstances", "DescribeInstances", "GetSecretValue"}
	want := map[string]string{}
	for i := range records {
		operation := operations[i/300]
		if !isBroken(i) && strings.Contains(trailRecord(i), `"eventName":"`+operation+`"`) {
			want[trailUID(i)] = operation
		}
	}
	return want
}

func trailUID(i int) string {
	record := trailRecord(i)
	at := strings.Index(record, `"eventID":"`) + len(`"eventID":"`)
	return record[at : at+36]
}

// checkReloads holds the alerts against what is expected, each once, and the rule sets
// that they name against those that correlate can look up.
func checkReloads(t *testing.T, w *world, wanted map[string]string) {
	t.Helper()
	opts, release := w.reach(t)
	defer release()
	names := broker.Names{Prefix: w.config.Kafka.TopicPrefix}
	sets := map[string]bool{}
	eachCommitted(t, opts, names.Rulesets(), func(r *kgo.Record) { sets[string(r.Key)] = true })
	if len(sets) != 3 {
		t.Errorf("%d rule sets were announced, want 3", len(sets))
	}
	got := map[string]int{}
	eachCommitted(t, opts, names.Alerts(), func(r *kgo.Record) {
		var ev ocsf.Event
		if err := ev.UnmarshalJSON(r.Value); err != nil {
			t.Fatal(err)
		}
		for i := range ev.FindingInfo.RelatedEvents {
			got[ev.FindingInfo.RelatedEvents[i].UID()]++
		}
	})
	for uid, operation := range wanted {
		if got[uid] != 1 {
			t.Errorf("event %s (%s): %d alerts, want 1", uid, operation, got[uid])
		}
		delete(got, uid)
	}
	for uid, n := range got {
		t.Errorf("event %s: %d alerts, want none", uid, n)
	}
}

// startReloading is startService with rules that are watched.
func startReloading(t *testing.T, w *world, hup <-chan os.Signal) *service {
	t.Helper()
	load := func() (*detections.RuleSet, error) {
		return detections.Load(w.config.Rules.Dir, detections.LoadOptions{})
	}
	rules, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return startServiceWith(t, w, func(o *Options) {
		o.Rules = rules
		o.Reload = &Reload{Dir: w.config.Rules.Dir, Load: load, Signal: hup,
			watch: filewatch.Options{Settle: 10 * time.Millisecond, Poll: time.Hour}}
	})
}
