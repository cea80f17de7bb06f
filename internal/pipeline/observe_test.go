package pipeline

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/schemas/ocsf"
)

// valueOf is what a scrape would read of one counter or gauge.
func valueOf(t *testing.T, m prometheus.Metric) float64 {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.GetCounter().GetValue() + out.GetGauge().GetValue()
}

func TestLag(t *testing.T) {
	s := &shared{stats: NewStats()}
	o := s.observe(RoleDetect, "", "weir.detect", "raw.a")
	p := partition{"raw.a", 3}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	type lag struct{ Records, Seconds float64 }
	look := func(committed, end int64) lag {
		o.lag(p, committed, end, now)
		return lag{
			valueOf(t, s.stats.Telemetry.LagRecords.WithLabelValues("weir.detect", "raw.a", "3")),
			valueOf(t, s.stats.Telemetry.LagEventTime.WithLabelValues("weir.detect", "raw.a", "3")),
		}
	}
	var got []lag
	got = append(got, look(10, 30)) // another process' partition
	o.done(p, 15, now.Add(-time.Hour).UnixMilli())
	got = append(got, look(10, 30)) // this process knows better than the group
	o.done(p, 20, 0)
	got = append(got, look(20, 30)) // only dead letters: the time stays
	o.done(p, 30, now.Add(-time.Minute).UnixMilli())
	got = append(got, look(30, 30)) // all is done, however old it was
	o.forget(p)
	got = append(got, look(40, 45)) // given to another process, which has gone on
	want := []lag{{20, 0}, {15, 3600}, {10, 3600}, {0, 0}, {5, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lag (-want +got):\n%s", diff)
	}
}

// TestLagBehindAnAbortedTransaction shows no lag where all that a group has not
// committed are markers and records of an aborted transaction: a drained pipeline would
// otherwise seem to be behind until something else is written.
func TestLagBehindAnAbortedTransaction(t *testing.T) {
	p, err := open(t.Context(), Options{
		Config: newWorld(t.TempDir()).config, Roles: []Role{RoleDetect}, Sources: sources.Builtin().All(),
		Log: slog.New(slog.DiscardHandler), Stats: NewStats(), batchRecords: batchRecords,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	group, topic := p.group("detect"), p.names.Raw("aws.cloudtrail")
	cl, err := p.opts.New(t.Context(), kgo.TransactionalID("test"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	const each = 3
	transact := func(end kgo.TransactionEndTry) {
		t.Helper()
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for range each {
			if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := cl.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	o := p.observe(RoleDetect, "", group, topic)
	defer o.End()
	looks := func() (shown []float64) {
		t.Helper()
		for range 3 {
			if err := p.lookUpLag(t.Context()); err != nil {
				t.Fatal(err)
			}
			shown = append(shown, valueOf(t, p.stats.Telemetry.LagRecords.WithLabelValues(group, topic, "0")))
		}
		return shown
	}
	var got [][]float64
	transact(kgo.TryCommit)
	got = append(got, looks()) // nothing is committed
	var done kadm.Offsets
	done.AddOffset(topic, 0, each, -1)
	if err := p.adm.CommitAllOffsets(t.Context(), group, done); err != nil {
		t.Fatal(err)
	}
	transact(kgo.TryAbort)
	got = append(got, looks()) // two markers and what was aborted
	transact(kgo.TryCommit)
	got = append(got, looks())
	want := [][]float64{{each + 1, each, each}, {each + 2, 0, 0}, {2*each + 3, 2*each + 2, 2*each + 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lag in three looks each (-want +got):\n%s", diff)
	}
}

const unhealthyRule = `id: unhealthy
title: A name that is no duration
status: stable
severity: low
description: Its condition errs on every name that is no duration.
attack: [T1685.002]
false_positives: [None.]
class: api_activity
when: api.operation == "StopLogging" && duration(actor.user.name) > duration("1s")
alert: {title: "{api.operation}"}
tests:
  - {name: fires, source: aws.cloudtrail, raw: "{}", alerts: [{severity: low}]}
  - {name: is silent, source: aws.cloudtrail, raw: "{}", alerts: []}
`

func TestRuleHealth(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"weir-rules.yaml": "format: 1\n", "unhealthy.yaml": unhealthyRule} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rules, err := detections.Load(dir, detections.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := &shared{stats: NewStats(), log: slog.New(slog.NewJSONHandler(&log, nil))}
	workers := []*processor{newProcessor(s, nil, rules), newProcessor(s, nil, rules)}
	h := newRuleHealth(s, rules, workers)

	ev := &ocsf.Event{}
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.API.SetOperation("StopLogging")
	ev.Actor.User.SetName("alice")
	evaluate := func(w *processor) {
		w.engine.Evaluate(ev, func(s *detections.Signal) {
			if s.Error == "" {
				t.Error("the rule matches")
			}
		})
	}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for i, step := range []struct {
		after         time.Duration
		last          bool
		errors, lines int
	}{
		{0, false, 2, 1},
		{time.Millisecond, false, 2, 1}, // too early for a look
		{time.Second, false, 6, 1},      // counted, but it was logged a second ago
		{time.Minute, false, 8, 2},
		{time.Millisecond, true, 10, 2}, // at the end whenever it is
	} {
		now = now.Add(step.after)
		evaluate(workers[0])
		evaluate(workers[1])
		h.look(now, step.last)
		if got := valueOf(t, s.stats.Telemetry.RuleErrors.WithLabelValues("unhealthy")); got != float64(step.errors) {
			t.Errorf("step %d: %v errors, want %d", i, got, step.errors)
		}
		if got := strings.Count(log.String(), "\n"); got != step.lines {
			t.Errorf("step %d: %d lines, want %d:\n%s", i, got, step.lines, log.String())
		}
	}
	if !strings.Contains(log.String(), `"rule":"unhealthy","count":2`) || strings.Contains(log.String(), "alice") {
		t.Errorf("the log should name the rule and nothing of the event:\n%s", log.String())
	}
}
