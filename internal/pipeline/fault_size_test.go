package pipeline

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/deadletter"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/schemas/event"
)

// setLimit sets how large a batch a topic takes.
func setLimit(t *testing.T, opts broker.Options, topic, limit string) {
	t.Helper()
	cl, err := opts.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	answers, err := kadm.NewClient(cl).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &limit}}, topic)
	if err == nil {
		err = answers[0].Err
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestLimitLowered lowers what topics take while records go through them. Batches
// are then too large, but no record is: none may become a dead letter.
func TestLimitLowered(t *testing.T) {
	const (
		records = 5000
		// Less than a batch of all records has, compressed, and more than any one
		// record, roll-ups of 11 kB included.
		lowered = "15500"
	)
	names := broker.Names{Prefix: "hosted."}
	for _, tt := range []struct {
		topic string
		held  Fault // of the role that writes it, until all that it reads is there
	}{
		{names.Raw("aws.cloudtrail"), ""},
		{names.Events(), FaultDetectBegin}, {names.Signals(), FaultDetectBegin}, {names.Seen(), FaultDetectBegin},
		{names.Alerts(), FaultCorrelateBegin},
	} {
		t.Run(tt.topic, func(t *testing.T) {
			slow(t, tt.topic == names.Events())
			t.Parallel()
			h := hostBroker(t)
			w := h.world(t)
			w.config.Kafka.Partitions.Alerts = 1 // all of them in one batch
			o := faultOptions()
			o.batchRecords = batchRecords
			g := newGate(tt.held, 1)
			o.Faults = g.at
			s := w.start(t, o)
			if tt.held != "" {
				g.wait(t, s)
			} else {
				s.until(t, "all are ready", s.ready)
			}
			setLimit(t, h.options(), tt.topic, lowered)
			w.appendLogs(t, 0, records, 0)
			if tt.held != "" {
				s.until(t, "what comes before has done all", func() bool {
					c := s.stats.Snapshot().Sources["aws.cloudtrail"]
					return c.Read == records && (tt.held == FaultDetectBegin || c.Normalized+c.DeadLettered == records)
				})
				close(g.open)
			}
			s.until(t, "the limit is met", func() bool { return strings.Contains(s.log.String(), "starting over") })
			want := calmBooksOf(t, records)
			s.until(t, "all are ready again", s.ready)
			s.untilStored(t, total(want.Events))
			s.drain(t)
			w.settleAs(t, want)
		})
	}
}

// TestTooLarge takes records through the pipeline that are too large at one step or
// another, by themselves or by what becomes of them: each is a dead letter of that
// step, and all others go their way.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	const (
		limit   = 64_000
		records = 200
		reads   = 8 // more than the threshold of the rule burst
	)
	h := hostBroker(t)
	w := h.world(t)
	w.appendLines(t, "")
	if err := w.run(t.Context(), Options{Once: true}); err != nil { // makes the topics
		t.Fatal(err)
	}
	setLimit(t, h.options(), broker.Names{Prefix: w.config.Kafka.TopicPrefix}.Events(), fmt.Sprint(limit))

	// A byte that is not UTF-8 takes three bytes in each string that repeats it.
	invalid := func(n int) string { return strings.Repeat("\xff", n) }
	line := func(id, operation, user, parameter string) string {
		return fmt.Sprintf(`{"eventVersion":"1.11","eventID":%q,"eventTime":"2026-11-18T09:30:00Z","eventSource":"cloudtrail.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","userIdentity":{"type":"IAMUser","userName":"%s"},"requestParameters":{"name":"%s"}}`+"\n",
			id, operation, user, parameter)
	}
	lines := []string{
		line("record", "DescribeTrails", "dana", strings.Repeat("x", limit/4+1)),
		line("event", "DescribeTrails", "dana", invalid(15_000)),
		line("key-"+strings.Repeat("k", 12_000), "DescribeTrails", "dana", invalid(3_000)), // Kafka refuses the event, weir would not
		line("signal", "GetSecretValue", invalid(7_400), "secret"),                         // three times in the signal, twice in the event
	}
	for i := range reads { // the alert repeats the name of each
		lines = append(lines, line(fmt.Sprintf("read-%d", i), "GetSecretValue", invalid(3_500), "secret"))
	}
	w.appendLogs(t, 0, records/2, 0)
	w.appendLines(t, strings.Join(lines, ""))
	w.appendLogs(t, records/2, records, 0)
	if err := w.run(t.Context(), Options{Once: true, Workers: 2, batchRecords: faultBatch}); err != nil {
		t.Fatal(err)
	}

	opts, release := w.reach(t)
	defer release()
	letters := map[string]int{}
	eachCommitted(t, opts, broker.Names{Prefix: w.config.Kafka.TopicPrefix}.DLQ(), func(r *kgo.Record) {
		letter, err := deadletter.Decode(r)
		if err != nil {
			t.Fatal(err)
		}
		if letter.Reason == event.ReasonTooLarge {
			letters[string(letter.Stage)]++
		}
	})
	if diff := cmp.Diff(map[string]int{"collect": 1, "detect": 3, "correlate": 1}, letters); diff != "" {
		t.Errorf("dead letters of what is too large (-want +got):\n%s", diff)
	}
	got := w.audit(t)
	checkOnce(t, got)
	if want := records - records/40 + reads; total(got.Events) != want || got.Raw != want+3 {
		t.Errorf("%d events of %d raw records, want %d of %d", total(got.Events), got.Raw, want, want+3)
	}
}

// TestRecordAboveTheTopicsLimit hands a record to collect that the topic does not
// take, from a collector that does not know that limit: it is a dead letter, and what
// came with it is there.
func TestRecordAboveTheTopicsLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t.TempDir())
	p, err := open(t.Context(), Options{
		Config: w.config, Roles: Roles, Sources: sources.Builtin().All(), Log: slog.New(slog.DiscardHandler), Stats: NewStats(), batchRecords: batchRecords,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	c := &collectRole{shared: &p.shared}
	cl, err := c.opts.New(t.Context(), kgo.TransactionalID("test"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	record := func(position int64, size int) event.Record {
		return event.Record{Source: "aws.cloudtrail", Origin: event.Origin{Object: "push:large", Position: position}, Value: make([]byte, size)}
	}
	done := make(chan error, 1)
	batch := ingest.Batch{
		Records: []event.Record{record(0, 10), record(1, c.limit()+1), record(2, c.limit())},
		Cursors: []ingest.Cursor{{Key: "large", Value: []byte("3")}},
	}
	request := putRequest{collector: namedCollector{name: "push", source: "aws.cloudtrail"}, batch: batch, done: done}
	if err := c.commit(t.Context(), cl, []putRequest{request}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var raw []int64
	eachCommitted(t, p.opts, p.names.Raw("aws.cloudtrail"), func(r *kgo.Record) { raw = append(raw, broker.OriginOf(r).Position) })
	slices.Sort(raw)
	if diff := cmp.Diff([]int64{0, 2}, raw); diff != "" {
		t.Errorf("positions of raw records (-want +got):\n%s", diff)
	}
	var letters []event.DeadLetter
	eachCommitted(t, p.opts, p.names.DLQ(), func(r *kgo.Record) {
		letter, err := deadletter.Decode(r)
		if err != nil {
			t.Fatal(err)
		}
		letters = append(letters, letter)
	})
	if len(letters) != 1 || letters[0].Stage != event.StageCollect || letters[0].Reason != event.ReasonTooLarge ||
		letters[0].Size != int64(c.limit()+1) || letters[0].Origin.Position != 1 || len(letters[0].Value) != deadletter.KeptHead {
		t.Errorf("the dead letters are %+v", letters)
	}
	if n := p.stats.Snapshot().Letters[letterKind{event.StageCollect, "aws.cloudtrail", event.ReasonTooLarge}.String()]; n != 1 {
		t.Errorf("%d dead letters are counted", n)
	}
}
