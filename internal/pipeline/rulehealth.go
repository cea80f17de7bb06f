package pipeline

import (
	"log/slog"
	"maps"
	"time"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/internal/telemetry"
)

// ruleHealth tells how each rule fares in this process: in metrics, and of errors
// in the log, at most once a minute for each rule. An error is possibly a match
// that was missed.
type ruleHealth struct {
	telemetry *telemetry.Telemetry
	log       *slog.Logger
	workers   []*processor
	told      map[string]detections.RuleHealth // sums of all engines
	logged    map[string]time.Time
	looked    time.Time
}

// Health is looked at every lookEvery, and of one rule something is logged every
// logEvery.
const (
	lookEvery = time.Second
	logEvery  = time.Minute
)

// newRuleHealth shows every rule that runs, from the start: one that never
// matched, too.
func newRuleHealth(s *shared, rules *detections.RuleSet, workers []*processor) *ruleHealth {
	h := &ruleHealth{
		telemetry: s.stats.Telemetry, log: s.log, workers: workers,
		told: map[string]detections.RuleHealth{}, logged: map[string]time.Time{},
	}
	running := rules.NewEngine().Health()
	for _, r := range running {
		h.telemetry.RuleMatches.WithLabelValues(r.RuleID)
		h.telemetry.RuleErrors.WithLabelValues(r.RuleID)
		h.telemetry.RuleUngrouped.WithLabelValues(r.RuleID)
	}
	h.telemetry.Ruleset.WithLabelValues(rules.Digest()).Set(float64(len(running)))
	return h
}

// matched counts committed signals by rule.
func (h *ruleHealth) matched(matches map[string]int) {
	for rule, n := range matches {
		h.telemetry.RuleMatches.WithLabelValues(rule).Add(float64(n))
	}
}

// look adds what the engines have counted since the last look. No worker may be
// at work.
func (h *ruleHealth) look(now time.Time, last bool) {
	if !last && now.Sub(h.looked) < lookEvery {
		return
	}
	h.looked = now
	sums := map[string]detections.RuleHealth{}
	for _, w := range h.workers {
		for _, r := range w.engine.Health() {
			if r.Errors == 0 && r.Ungrouped == 0 {
				continue
			}
			sum := sums[r.RuleID]
			sum.Errors += r.Errors
			sum.Ungrouped += r.Ungrouped
			sums[r.RuleID] = sum
		}
	}
	for rule, sum := range sums {
		before := h.told[rule]
		h.telemetry.RuleErrors.WithLabelValues(rule).Add(float64(sum.Errors - before.Errors))
		h.telemetry.RuleUngrouped.WithLabelValues(rule).Add(float64(sum.Ungrouped - before.Ungrouped))
		h.told[rule] = sum
		if sum.Errors > before.Errors && now.Sub(h.logged[rule]) >= logEvery {
			h.logged[rule] = now
			// Not the error itself: it may quote the event.
			h.log.Warn("rule could not be evaluated; run weir replay with it to see why",
				slog.String(logkey.Rule, rule), slog.Int64(logkey.Count, sum.Errors))
		}
	}
}

// failure is an hour in which a rule could not be evaluated on an event of it. The zero
// failure is none.
type failure struct {
	rule string // with its version
	hour int64
}

// failureOf is the failure that a signal tells of.
func failureOf(s *detections.Signal) failure {
	if s.Error == "" {
		return failure{}
	}
	return failure{string(s.Key()), s.Time / time.Hour.Milliseconds()}
}

// failureLog knows which failures were told of, so that a rule that fails on every event
// does not fill signals: correlate makes one finding of an hour's anyway.
type failureLog struct {
	told, telling map[failure]bool
}

// maxFailures bounds what is remembered. To tell twice does no harm.
const maxFailures = 10_000

// isFirst tells whether a failure is to be told of.
func (l *failureLog) isFirst(f failure) bool {
	if l.told[f] || l.telling[f] {
		return false
	}
	if l.telling == nil {
		l.telling = map[failure]bool{}
	}
	l.telling[f] = true
	return true
}

// committed makes what was told final.
func (l *failureLog) committed() {
	if l.told == nil || len(l.told) > maxFailures {
		l.told = map[failure]bool{}
	}
	maps.Copy(l.told, l.telling)
	clear(l.telling)
}

// aborted takes it back.
func (l *failureLog) aborted() { clear(l.telling) }
