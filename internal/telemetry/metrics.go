package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Telemetry is what one process shows. Safe for concurrent use.
//
// Counters of records count what is durable: a role adds to them after its
// transaction has committed.
type Telemetry struct {
	Health Health

	// What became of records, by source.
	ReadRecords *prometheus.CounterVec // source
	ReadBytes   *prometheus.CounterVec // source
	Events      *prometheus.CounterVec // source
	Duplicates  *prometheus.CounterVec // source
	Redactions  *prometheus.CounterVec // source, action
	DeadLetters *prometheus.CounterVec // stage, source, reason
	Alerts      *prometheus.CounterVec // source
	Rollups     prometheus.Counter

	// How the roles fare.
	Transactions        *prometheus.CounterVec   // role, outcome
	TransactionDuration *prometheus.HistogramVec // role
	Latency             *prometheus.HistogramVec // role
	LagRecords          *prometheus.GaugeVec     // group, topic, partition
	LagEventTime        *prometheus.GaugeVec     // group, topic, partition

	// The rules.
	Ruleset       *prometheus.GaugeVec   // digest
	RulesReload   *prometheus.CounterVec // outcome
	RuleMatches   *prometheus.CounterVec // rule
	RuleErrors    *prometheus.CounterVec // rule
	RuleUngrouped *prometheus.CounterVec // rule

	// The correlator, by partition of signals.
	CorrelatorGroups    *prometheus.GaugeVec // partition
	CorrelatorSignals   *prometheus.GaugeVec // partition
	CorrelatorWatermark *prometheus.GaugeVec // partition
	CorrelatorTerms     *prometheus.GaugeVec // partition
	LateSignals         prometheus.Counter
	OverflowSignals     prometheus.Counter
	ForgottenTerms      prometheus.Counter
	RuleFailures        prometheus.Counter

	// The lake, by table.
	LakeFiles    *prometheus.CounterVec // table
	LakeRows     *prometheus.CounterVec // table
	LakeBytes    *prometheus.CounterVec // table
	LakeCommits  *prometheus.CounterVec // table
	LakeBuffered *prometheus.GaugeVec   // table
	LakeRetries  prometheus.Counter

	// The destinations.
	Deliveries       *prometheus.CounterVec // destination
	DeliveryRetries  *prometheus.CounterVec // destination
	DeliveryRefusals *prometheus.CounterVec // destination
	DeliverySkips    *prometheus.CounterVec // destination

	// Kafka is to be a hook of every Kafka client.
	Kafka Kafka

	build *prometheus.GaugeVec // version
	// of the last look at changed rules; both without labels
	reloadWell, reloadTime *prometheus.GaugeVec
	registry               *prometheus.Registry
	own                    []prometheus.Collector // those named weir_
}

// Outcomes of a transaction.
const (
	Committed = "committed"
	Aborted   = "aborted"
)

// Buckets in seconds. Latency has the goals of weir among them: 1 s at the 99th
// percentile, and 15 s after a kill.
var (
	latencyBuckets     = []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30, 60, 300, 1800, 7200, 86400}
	transactionBuckets = []float64{.0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
)

// New makes the metrics, all at zero.
func New() *Telemetry {
	t := &Telemetry{registry: prometheus.NewRegistry()}
	t.Health.parts = map[string]*Part{}
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	t.records()
	t.roles()
	t.rules()
	t.lake()
	t.destinations()
	t.kafka()
	t.build = t.gauge("weir_build_info", "Always 1; the label is the version of the binary.", "version")
	t.own = append(t.own, readyCollector{&t.Health})
	t.registry.MustRegister(t.own...)
	return t
}

// RulesReloaded tells how a look at changed rules ended: well, or they were refused.
func (t *Telemetry) RulesReloaded(well bool, at time.Time) {
	if !well {
		t.reloadWell.WithLabelValues().Set(0)
		return
	}
	t.reloadWell.WithLabelValues().Set(1)
	t.reloadTime.WithLabelValues().Set(float64(at.UnixMilli()) / 1000)
}

// Version sets the version of weir_build_info.
func (t *Telemetry) Version(v string) { t.build.WithLabelValues(v).Set(1) }

func (t *Telemetry) records() {
	t.ReadRecords = t.counter("weir_read_records_total", "Records that collect has read, and pieces of input that are none.", "source")
	t.ReadBytes = t.counter("weir_read_bytes_total", "Bytes of the records that collect has read, without envelopes.", "source")
	t.Events = t.counter("weir_events_total", "Records that became an event.", "source")
	t.Duplicates = t.counter("weir_duplicates_total", "Records dropped because they were seen within dedup.horizon.", "source")
	t.Redactions = t.counter("weir_redactions_total", "Values of records that were redacted, dropped or hashed before they were mapped.", "source", "action")
	t.DeadLetters = t.counter("weir_dead_letters_total", "Records written to the topic dlq.", "stage", "source", "reason")
	t.Alerts = t.counter("weir_alerts_total", "Alerts, without roll-ups.", "source")
	t.Rollups = t.single("weir_rollups_total", "Roll-ups of alerts.")
}

func (t *Telemetry) roles() {
	t.Transactions = t.counter("weir_transactions_total", "Kafka transactions by outcome: committed or aborted.", "role", "outcome")
	t.TransactionDuration = t.histogram("weir_transaction_duration_seconds", "Time from the begin of a transaction to its commit.", transactionBuckets, "role")
	t.Latency = t.histogram("weir_latency_seconds", "Time from the Kafka timestamp of a role's input record to the commit of what became of it.", latencyBuckets, "role")
	t.LagRecords = t.gauge("weir_lag_records", "Offsets of a partition that a consumer group has not committed.", "group", "topic", "partition")
	t.LagEventTime = t.gauge("weir_lag_event_time_seconds", "Age, by event time, of the last record that was handled, while others wait; 0 when none does.", "group", "topic", "partition")
}

func (t *Telemetry) rules() {
	t.RulesReload = t.counter("weir_rules_reload_total", "Looks at changed rules by outcome: accepted, refused (the ones before go on), unchanged.", "outcome")
	for _, outcome := range []string{"accepted", "refused", "unchanged"} {
		t.RulesReload.WithLabelValues(outcome)
	}
	t.reloadWell = t.gauge("weir_rules_reload_successful", "1 if the rules that are in the directory are those in use, 0 if they were refused.")
	t.reloadTime = t.gauge("weir_rules_reload_success_timestamp_seconds", "When rules were last loaded without a mistake.")
	t.reloadWell.WithLabelValues().Set(1)
	t.reloadTime.WithLabelValues().Set(0)
	t.Ruleset = t.gauge("weir_ruleset_rules", "Number of rules that run, of the rule set with this digest.", "digest")
	t.RuleMatches = t.counter("weir_rule_matches_total", "Events that a rule's condition matched: signals.", "rule")
	t.RuleErrors = t.counter("weir_rule_errors_total", "Evaluations of a rule that ended in an error: possibly missed matches.", "rule")
	t.RuleUngrouped = t.counter("weir_rule_ungrouped_total", "Matches of a stateful rule on events that lack an attribute of its group: they count nowhere.", "rule")
	t.CorrelatorGroups = t.gauge("weir_correlator_groups", "Groups in the correlator's state.", "partition")
	t.CorrelatorSignals = t.gauge("weir_correlator_signals", "Signals in the correlator's state.", "partition")
	t.CorrelatorWatermark = t.gauge("weir_correlator_watermark_seconds", "Event time up to which the log is complete, seconds since the epoch.", "partition")
	t.CorrelatorTerms = t.gauge("weir_correlator_terms", "Values that first_seen rules know, in the correlator's state.", "partition")
	t.OverflowSignals = t.single("weir_correlator_overflow_signals_total", "Signals that were not kept because a group, or all of them, had too many: possibly missed hits, or roll-ups that count too little.")
	t.ForgottenTerms = t.single("weir_correlator_forgotten_terms_total", "Values that first_seen rules gave up because there were too many: they will be new again.")
	t.RuleFailures = t.single("weir_rule_error_findings_total", "Findings about rules that could not be evaluated, at most one for each rule and hour.")
	t.LateSignals = t.single("weir_correlator_late_signals_total", "Signals behind the watermark, which count in no window any more.")
}

func (t *Telemetry) lake() {
	t.LakeFiles = t.counter("weir_lake_files_total", "Parquet files written.", "table")
	t.LakeRows = t.counter("weir_lake_rows_total", "Rows of the files written.", "table")
	t.LakeBytes = t.counter("weir_lake_bytes_total", "Bytes of the files written.", "table")
	t.LakeCommits = t.counter("weir_lake_commits_total", "Batches of offsets committed.", "table")
	t.LakeBuffered = t.gauge("weir_lake_buffered_rows", "Rows in memory that no file holds yet.", "table")
	t.LakeRetries = t.single("weir_lake_retries_total", "Times that the lake took no files and is tried again.")
}

func (t *Telemetry) destinations() {
	t.Deliveries = t.counter("weir_deliveries_total", "Alerts and roll-ups that a destination took.", "destination")
	t.DeliveryRetries = t.counter("weir_delivery_retries_total", "Alerts and roll-ups that a destination did not take and that are sent again.", "destination")
	t.DeliveryRefusals = t.counter("weir_delivery_refusals_total", "Alerts and roll-ups that a destination refused for good.", "destination")
	t.DeliverySkips = t.counter("weir_deliveries_skipped_total", "Alerts and roll-ups that the route of a destination leaves out.", "destination")
}

func (t *Telemetry) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	t.own = append(t.own, v)
	return v
}

func (t *Telemetry) single(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	t.own = append(t.own, c)
	return c
}

func (t *Telemetry) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	t.own = append(t.own, v)
	return v
}

func (t *Telemetry) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	t.own = append(t.own, v)
	return v
}
