package pipeline

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
)

// TestTermsAreWrittenAgain: with the embedded broker, which does not compact, a start
// that finds too many records leaves each term once, and nothing is forgotten.
func TestTermsAreWrittenAgain(t *testing.T) {
	t.Parallel()
	w, tl := newWorld(fastDir(t)), newTimeline(4001)
	tl.rules = map[string]string{"first": `id: first
title: New address
status: stable
severity: low
class: api_activity
when: "true"
first_seen: {of: src_endpoint.ip, by: [actor.user.name], for: 30d}
tests:
  - {name: a, source: aws.cloudtrail, raw: "{}", alerts: [{}]}
  - {name: b, source: aws.cloudtrail, raw: "{}", alerts: []}
`}
	tl.settings.Raw, tl.settings.Signals = 1, 1
	w = tl.world(t, w.dir)
	const runs = 7
	run := func(lines []string) {
		t.Helper()
		w.arrive(t, lines)
		if err := w.run(t.Context(), Options{Once: true, Workers: 1, batchRecords: 20, trimTerms: 10}); err != nil {
			t.Fatal(err)
		}
	}
	for part := range slices.Chunk(tl.arrivals, len(tl.arrivals)/runs) {
		run(part)
	}
	records, different := 0, map[string]bool{}
	opts, release := w.reach(t)
	eachCommitted(t, opts, broker.Names{Prefix: w.config.Kafka.TopicPrefix}.Terms(), func(r *kgo.Record) {
		if _, err := detections.ParseTerm(r.Key, r.Value); err != nil {
			t.Error(err)
		}
		records++
		different[string(r.Key)] = true
	})
	cl, err := opts.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	span, err := broker.WholeRange(t.Context(), kadm.NewClient(cl), broker.Names{Prefix: w.config.Kafka.TopicPrefix}.Terms(), 0)
	cl.Close()
	release()
	if err != nil || len(different) != 9 || span.From == 0 {
		t.Errorf("%d records of %d terms in %v, %v: nothing was deleted", records, len(different), span, err)
	}
	want, _ := tl.expected(t, w, false)
	got := w.found(t)
	if len(want.Alerts) == 0 || len(want.Alerts) != len(got.Alerts) {
		t.Errorf("%d alerts, want %d", len(got.Alerts), len(want.Alerts))
	}
}

// TestBackfill: what a collector of old data reads feeds rules without a block only,
// and does not make later what others read.
func TestBackfill(t *testing.T) {
	t.Parallel()
	tl := newTimeline(4002)
	const someTests = "tests:\n  - {name: a, source: aws.cloudtrail, raw: \"{}\", alerts: [{}]}\n  - {name: b, source: aws.cloudtrail, raw: \"{}\", alerts: []}\n"
	tl.rules = map[string]string{
		"each":  "id: each\ntitle: Each\nstatus: stable\nseverity: low\nclass: api_activity\nwhen: api.operation == \"StopLogging\"\n" + someTests,
		"burst": "id: burst\ntitle: Burst\nstatus: stable\nseverity: low\nclass: api_activity\nwhen: api.operation == \"StopLogging\"\nthreshold: {count: 2, within: 10m, by: [actor.user.name]}\n" + someTests,
	}
	w := tl.world(t, fastDir(t))
	for i := range w.config.Collectors {
		w.config.Collectors[i].Backfill = w.config.Collectors[i].Type == config.CollectorFile
	}
	w.arrive(t, tl.arrivals)
	runOK(t, w)
	rules, err := detections.Load(w.config.Rules.Dir, detections.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var each []*detections.Signal
	for _, s := range signalsOf(t, rules, tl.arrivals) {
		if s.Rule == "each" {
			each = append(each, s)
		}
	}
	want, _ := detections.Reference(rules.Manifest(), each)
	if got := w.found(t); len(want) == 0 || len(got.Alerts) != len(want) {
		t.Errorf("%d alerts, want %d of the rule without a block", len(got.Alerts), len(want))
	}
	opts, release := w.reach(t)
	defer release()
	eachCommitted(t, opts, broker.Names{Prefix: w.config.Kafka.TopicPrefix}.Signals(), func(r *kgo.Record) {
		if _, h, err := detections.ParseSignal(r.Value); err != nil || h != nil && h.MaxTime != 0 {
			t.Errorf("offset %d: heartbeat %+v, %v", r.Offset, h, err)
		}
	})
}
