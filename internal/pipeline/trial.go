package pipeline

import (
	"log/slog"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/deadletter"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/normalize/redact"
	"github.com/weir-security/weir/schemas/event"
)

// Trial is detect's work on single records without its effects: what mapping,
// limits and rules make of them now. One goroutine uses it.
type Trial struct {
	processor *processor
	names     broker.Names
}

// NewTrial makes a trial by the given sources, redaction and rules. opts tells how large an
// event may be.
func NewTrial(opts broker.Options, names broker.Names, all []sources.Source, policy *redact.Policy, rules *detections.RuleSet, log *slog.Logger) *Trial {
	s := &shared{opts: opts, names: names, redact: policy, log: log}
	return &Trial{newProcessor(s, all, rules), names}
}

// Try returns the reason and detail for which a record would be a dead letter, or
// no reason if it would be an event.
func (t *Trial) Try(r *event.Record) (event.Reason, string) {
	out := t.processor.process(broker.EncodeRaw(t.names, r), false)
	if out.dead == nil {
		return "", ""
	}
	d, err := deadletter.Decode(out.dead)
	if err != nil {
		return out.reason, err.Error()
	}
	return d.Reason, d.Detail
}
