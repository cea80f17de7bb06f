package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/internal/telemetry"
	filewatch "github.com/weir-security/weir/internal/watch"
)

// Reload is where the rules of detect come from while it runs.
type Reload struct {
	// Dir is looked at for changes.
	Dir string
	// Load loads and checks the rules of Dir, whole.
	Load func() (*detections.RuleSet, error)
	// Signal asks for a look; nil if nobody does.
	Signal <-chan os.Signal

	watch filewatch.Options // zero for the default
}

// A checkout writes one file after another, so that changes settle.
const (
	reloadSettle = 500 * time.Millisecond
	reloadPoll   = 5 * time.Second
	// reloadTries bounds how often a directory is loaded that changes meanwhile.
	reloadTries = 5
)

// rulesNow is the rules that detect is to use: those of the start, until others are
// loaded. It outlives a pipeline that starts over.
type rulesNow struct {
	set atomic.Pointer[detections.RuleSet]
	// limit is how many bytes of a manifest Kafka takes, 0 before it was asked.
	limit atomic.Int64
	// refused is told of rules that were loaded and cannot be used; nil if none are.
	refused func(error)
}

func newRulesNow(rules *detections.RuleSet) *rulesNow {
	n := &rulesNow{}
	n.set.Store(rules)
	return n
}

// errManifest is in the error of a rule set of which Kafka cannot take the manifest.
var errManifest = errors.New("the rule set is too large for Kafka")

// fits is an error if a rule set's manifest is more than Kafka takes.
func (n *rulesNow) fits(rules *detections.RuleSet) error {
	size, most := int64(len(rules.Manifest().JSON())), n.limit.Load()
	if most > 0 && size > most {
		return tooLarge(fmt.Sprintf("%d bytes, and topics take %d", size, most))
	}
	return nil
}

func tooLarge(size string) error {
	return fmt.Errorf("%w: what correlate has to know of the rules (titles, descriptions, references) has %s; raise max.message.bytes of the topics, or give fewer rules or shorter texts", errManifest, size)
}

// takeBack makes the rules before those that go on, unless others were loaded meanwhile,
// and says why.
func (n *rulesNow) takeBack(next, before *detections.RuleSet, why error) {
	if n.set.CompareAndSwap(next, before) && n.refused != nil {
		n.refused(why)
	}
}

// reloader replaces the rules whole, or not at all: a set with a mistake is refused
// and the one before goes on.
type reloader struct {
	Reload
	now       *rulesNow
	log       *slog.Logger
	telemetry *telemetry.Telemetry
	notes     *detectNotes
}

// startReload watches the rules until the function that it returns is called.
func startReload(ctx context.Context, o *Options, notes *detectNotes) (stop func()) {
	if o.Reload == nil || o.Once {
		return func() {}
	}
	r := &reloader{Reload: *o.Reload, now: o.rules, log: o.Log, telemetry: o.Stats.Telemetry, notes: notes}
	o.rules.refused = r.refuse
	if r.watch == (filewatch.Options{}) {
		r.watch = filewatch.Options{Settle: reloadSettle, Poll: reloadPoll}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // ends with ctx
		defer close(done)
		r.run(ctx)
	}()
	return func() { cancel(); <-done }
}

func (r *reloader) run(ctx context.Context) {
	r.telemetry.RulesReloaded(true, time.Now())
	changed := make(chan struct{}, 1)
	from := filewatch.Look(r.Dir)
	changed <- struct{}{} // since the start loaded them
	watching := make(chan struct{})
	go func() { // ends with ctx
		defer close(watching)
		filewatch.Tree(ctx, r.Dir, from, r.watch, func([]string) {
			select {
			case changed <- struct{}{}:
			default: // one is waiting
			}
		})
	}()
	defer func() { <-watching }()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			r.load()
		case <-r.Signal:
			r.log.Info("SIGHUP: looking at the rules", slog.String(logkey.File, r.Dir))
			r.load()
		}
	}
}

// load takes what is in the directory, if it is well.
func (r *reloader) load() {
	rules, err := r.whole()
	if err == nil {
		err = r.now.fits(rules)
	}
	if err != nil {
		r.refuse(err)
		return
	}
	r.notes.set(&r.notes.rules, "")
	before := r.now.set.Load()
	if rules.Digest() == before.Digest() {
		r.telemetry.RulesReload.WithLabelValues("unchanged").Inc()
		r.telemetry.RulesReloaded(true, time.Now())
		return
	}
	r.telemetry.RulesReload.WithLabelValues("accepted").Inc()
	r.telemetry.RulesReloaded(true, time.Now())
	r.log.Info("rules have changed and were loaded", slog.Int(logkey.Rules, len(rules.Rules())), slog.String(logkey.Ruleset, rules.Digest()))
	r.now.set.Store(rules) // last: detect may refuse it, which is then the last word
}

// whole loads the directory as it is at one time: what changed while it was read is
// read again.
func (r *reloader) whole() (rules *detections.RuleSet, err error) {
	for range reloadTries {
		before := filewatch.Look(r.Dir)
		rules, err = r.Load()
		if len(before.Changed(filewatch.Look(r.Dir))) == 0 {
			return rules, err
		}
	}
	return nil, errors.Join(errors.New("the rules change all the time"), err)
}

// refuse says that what is in the directory is not used, and why.
func (r *reloader) refuse(err error) {
	r.telemetry.RulesReload.WithLabelValues("refused").Inc()
	r.telemetry.RulesReloaded(false, time.Now())
	count, first := 1, err.Error()
	var problems detections.Problems
	if errors.As(err, &problems) {
		if wrong, _ := problems.Split(); len(wrong) > 0 {
			count, first = len(wrong), wrong[0].Error()
		}
	}
	old := r.now.set.Load().Digest()
	r.log.Error("rules have changed and are refused; the ones before go on; weir check says what is wrong",
		slog.String(logkey.File, r.Dir), slog.Int(logkey.Count, count), slog.String(logkey.Error, first), slog.String(logkey.Ruleset, old))
	r.notes.set(&r.notes.rules, fmt.Sprintf("the changed rules are refused (%d wrong) and rule set %s goes on: %s", count, old, first))
}

// renew goes over to rules that were loaded meanwhile, between two transactions. Their
// manifest is in Kafka before the first signal that names it. One that Kafka finds too
// large, as only Kafka knows if the limit was lowered meanwhile, is refused like rules
// with a mistake.
func (d *detectRole) renew(ctx context.Context) error {
	if d.now == nil {
		return nil
	}
	next := d.now.set.Load()
	if next.Digest() == d.rules.Digest() {
		return nil
	}
	if err := d.faults.At(FaultDetectRenewing); err != nil {
		return err
	}
	if err := d.announce(ctx, next); errors.Is(err, errManifest) {
		d.now.takeBack(next, d.rules, err)
		return nil
	} else if err != nil {
		return err
	}
	if err := d.faults.At(FaultDetectRenewed); err != nil {
		return err
	}
	d.health.look(time.Now(), true) // what the engines before have counted
	for _, w := range d.workers {
		w.use(next)
	}
	d.health.end(d.rules, next)
	d.rules = next
	d.health = newRuleHealth(d.shared, next, d.workers)
	d.log.Info("rules are in use", slog.String(logkey.Ruleset, next.Digest()), slog.Int(logkey.Rules, len(next.Rules())))
	return nil
}

// announce writes what correlate needs to know of a rule set.
func (d *detectRole) announce(ctx context.Context, rules *detections.RuleSet) error {
	manifest := &kgo.Record{Topic: d.names.Rulesets(), Key: []byte(rules.Digest()), Value: rules.Manifest().JSON()}
	err := d.producer.ProduceSync(ctx, manifest).FirstErr()
	if errors.Is(err, kerr.MessageTooLarge) {
		err = tooLarge(fmt.Sprintf("%d bytes, and topics take less", len(manifest.Value)))
	}
	if err != nil {
		return fmt.Errorf("write to %s: %w", d.names.Rulesets(), err)
	}
	return nil
}

// use makes the rules those by which the processor goes on.
func (p *processor) use(rules *detections.RuleSet) { p.rules, p.engine = rules, rules.NewEngine() }

// end takes the rules of a set that are not in the next one out of the metrics.
func (h *ruleHealth) end(before, next *detections.RuleSet) {
	h.telemetry.Ruleset.DeleteLabelValues(before.Digest())
	for _, r := range before.Rules() {
		if next.Rule(r.ID) == nil {
			h.telemetry.RuleMatches.DeleteLabelValues(r.ID)
			h.telemetry.RuleErrors.DeleteLabelValues(r.ID)
			h.telemetry.RuleUngrouped.DeleteLabelValues(r.ID)
		}
	}
}
