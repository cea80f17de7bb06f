package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/redact"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// processor turns one raw record into its event and signals. It is used by one
// goroutine at a time: it owns mappers, an engine and an event.
type processor struct {
	shared  *shared
	mappers map[string]normalize.Mapper // by raw topic
	sources map[string]string
	rules   *detections.RuleSet
	engine  *detections.Engine
	event   ocsf.Event
	redact  *redact.Redactor
	text    []byte // of the event, before it has its own memory
	limit   int    // bytes of an output record
}

// keptText is the greatest text whose memory a processor keeps for the next.
const keptText = 1 << 20

func newProcessor(s *shared, all []sources.Source, rules *detections.RuleSet) *processor {
	p := &processor{
		shared: s, mappers: map[string]normalize.Mapper{}, sources: map[string]string{},
		rules: rules, engine: rules.NewEngine(),
		limit: s.limit(), redact: s.redact.NewRedactor(),
	}
	for _, src := range all {
		topic := s.names.Raw(src.Name)
		p.mappers[topic] = src.NewMapper()
		p.sources[topic] = src.Name
	}
	return p
}

// processed is what a raw record became: an event with its signals, or a dead
// letter.
type processed struct {
	source   string
	key      seenKey
	time     int64 // of the event, milliseconds; 0 for a dead letter
	event    *kgo.Record
	backfill bool // of a collector of old data
	signals  []signalRecord
	dead     *kgo.Record
	redact   redact.Counts
	stage    event.Stage
	reason   event.Reason
}

// headerBackfill is on raw records of a collector of old data: they feed rules without
// a block only, and say nothing of how far event time has come.
const headerBackfill = "backfill"

// signalRecord is the record of a match or, with a failure, of an evaluation error.
type signalRecord struct {
	*kgo.Record
	rule    string
	failure failure
}

// process never fails: what cannot be mapped is a dead letter, a panic too.
func (p *processor) process(r *kgo.Record, oversized bool) (out processed) {
	rec := broker.DecodeRaw(p.sources[r.Topic], r)
	if oversized {
		return p.reject(&rec, event.StageDetect, event.ReasonTooLarge, "its event or a signal of it is larger than Kafka takes; raise max.message.bytes of the topics")
	}
	defer func() {
		if cause := recover(); cause != nil {
			p.shared.log.Error("panic while processing a record", slog.String(logkey.Cause, kindOfPanic(cause)), slog.String(logkey.Object, rec.Origin.Object),
				slog.Int64(logkey.Position, rec.Origin.Position), slog.String(logkey.Stack, string(debug.Stack())))
			out = p.reject(&rec, event.StageDetect, event.ReasonPanic, fmt.Sprintf("panic: %v; please report it", cause))
		}
	}()
	ev := &p.event
	ev.Reset()
	redacted := p.redact.Redact(&rec)
	if err := p.mappers[r.Topic].Map(&rec, ev); err != nil {
		return p.rejectMapping(&rec, err)
	}
	normalize.AddContext(&rec, ev)
	ev.Metadata.SetProcessedTime(time.Now().UnixMilli())
	value := p.encode(ev)
	if len(value) > p.limit {
		return p.reject(&rec, event.StageDetect, event.ReasonTooLarge,
			fmt.Sprintf("its event has %d bytes, the events topic takes %d", len(value), p.limit))
	}
	uid := ev.Metadata.UID()
	out = processed{
		source: rec.Source,
		key:    newSeenKey(uid, rec.Bytes()),
		redact: redacted,
		time:   ev.Time(),
		event: &kgo.Record{
			Topic: p.shared.names.Events(),
			Key:   []byte(uid),
			Value: value,
			Headers: []kgo.RecordHeader{
				{Key: headerClass, Value: []byte(ev.Class().Name())},
				{Key: headerUID, Value: []byte(uid)},
				{Key: headerSource, Value: []byte(rec.Source)},
				{Key: headerSchema, Value: []byte(ocsf.Version)},
			},
		},
	}
	out.backfill = broker.Header(r, headerBackfill) != ""
	p.engine.Evaluate(ev, func(s *detections.Signal) {
		if out.backfill && p.rules.Rule(s.Rule).Block() != detections.BlockNone {
			return
		}
		record := &kgo.Record{Topic: p.shared.names.Signals(), Key: s.Key(), Value: s.AppendJSON(nil)}
		out.signals = append(out.signals, signalRecord{Record: record, rule: s.Rule, failure: failureOf(s)})
	})
	return out
}

// encode is the event's JSON in memory of its own, of its size: to grow there would
// leave as much again as garbage.
func (p *processor) encode(ev *ocsf.Event) []byte {
	text := ev.AppendJSON(p.text[:0])
	if p.text = text; cap(text) > keptText {
		p.text = nil
	}
	return slices.Clone(text)
}

// kindOfPanic is what the log may say of a panic: Go's own errors as they are, of
// any other only the type, since it may quote the record.
func kindOfPanic(cause any) string {
	if err, ok := cause.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", cause)
}

func (p *processor) rejectMapping(rec *event.Record, err error) processed {
	var reason *normalize.Error
	if errors.As(err, &reason) {
		return p.reject(rec, event.StageNormalize, reason.Reason, reason.Text())
	}
	return p.reject(rec, event.StageNormalize, event.ReasonSyntax, err.Error())
}

func (p *processor) reject(rec *event.Record, stage event.Stage, reason event.Reason, detail string) processed {
	return processed{source: rec.Source, stage: stage, reason: reason, dead: p.shared.deadLetter(&event.DeadLetter{
		Source: rec.Source, Stage: stage, Reason: reason, Detail: detail, Origin: rec.Origin, Value: rec.Bytes(),
	})}
}
