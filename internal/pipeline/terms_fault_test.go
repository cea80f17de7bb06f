package pipeline

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
)

// rememberingRules are rules whose decisions need what terms hold: values that were seen,
// for long and for less than the timeline, and buckets of what did not happen.
var rememberingRules = map[string]string{
	"long":   rememberingRule("long", "first_seen: {of: src_endpoint.ip, by: [actor.user.name], for: 30d}"),
	"short":  rememberingRule("short", "first_seen: {of: api.operation, by: [actor.user.name, src_endpoint.ip], for: 6m}"),
	"absent": rememberingRule("absent", "absence: {of: {class: api_activity, when: 'api.operation == \"StopLogging\"', by: [actor.user.name]}, within: 1m}"),
}

func rememberingRule(id, block string) string {
	when := `api.operation != "ListUsers"` // that of the last records, which nothing decides
	if id == "absent" {
		when = `api.operation == "StopInstances"`
		block = block[:len(block)-1] + ", by: [actor.user.name]}"
	}
	return fmt.Sprintf("id: %s\ntitle: %s\nstatus: stable\nseverity: low\nclass: api_activity\nwhen: '%s'\n%s\n", id, id, when, block) +
		"tests:\n  - {name: a, source: aws.cloudtrail, raw: \"{}\", alerts: [{}]}\n  - {name: b, source: aws.cloudtrail, raw: \"{}\", alerts: []}\n"
}

// TestKilledWhileTermsAreTrimmed kills a process at each step of writing terms again and
// deleting those before, again and again: what was learnt is neither forgotten nor taken
// for more than it was.
func TestKilledWhileTermsAreTrimmed(t *testing.T) {
	for _, fault := range TrimFaults {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			tl := newTimeline(4003)
			tl.rules = rememberingRules
			tl.settings.Raw, tl.settings.Signals = 2, 2
			w := tl.world(t, fastDir(t))
			killed := 0
			const portions = 6
			for part := range slices.Chunk(tl.arrivals, (len(tl.arrivals)+portions-1)/portions) {
				w.arrive(t, part)
				v := visit{Kind: kindKill, Fault: fault, Nth: 1, Batch: 10, Workers: 1, TrimTerms: 10}
				if runVictim(t, w, v) == endKilled {
					killed++
				}
			}
			if killed == 0 {
				t.Errorf("no process was killed at %s: the test tests nothing", fault)
			}
			if err := w.run(t.Context(), Options{Once: true, Workers: 1, batchRecords: 10, trimTerms: 10}); err != nil {
				t.Fatal(err)
			}
			tl.check(t, w, false)
			w.checkTrimmed(t)
		})
	}
}

// checkTrimmed demands that terms were deleted, and that none of those left is broken.
func (w *world) checkTrimmed(t *testing.T) {
	t.Helper()
	opts, release := w.reach(t)
	defer release()
	topic := broker.Names{Prefix: w.config.Kafka.TopicPrefix}.Terms()
	eachCommitted(t, opts, topic, func(r *kgo.Record) {
		if _, err := detections.ParseTerm(r.Key, r.Value); err != nil {
			t.Error(err)
		}
	})
	cl, err := opts.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	deleted := int64(0)
	for id := range w.config.Kafka.Partitions.Signals {
		span, err := broker.WholeRange(t.Context(), kadm.NewClient(cl), topic, id)
		if err != nil {
			t.Fatal(err)
		}
		deleted += span.From
	}
	if deleted == 0 {
		t.Error("nothing of terms was deleted")
	}
}
