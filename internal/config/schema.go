package config

import "time"

// maxRecord is a quarter of the 16 MiB that a weir topic takes: above it a record
// and what is made of it might not fit.
const maxRecord = 4 << 20

// MinIdleAfter is the least `idle_after`. A partition that was silent holds the
// watermark back for a while when it is read again: were it silent again before that
// is over, one that is read now and then would hold it for ever.
const MinIdleAfter = 10 * time.Second

// fields is the schema of the file: every key with its documentation and the
// place of its value. Reading, showing and docs/configuration.md follow it.
func (c *Config) fields() []field {
	return []field{
		{"instance", "name of this process: unique in the cluster, the same after a restart", name(&c.Instance)},
		{"kafka", "the cluster, and weir's topics on it", section(c.Kafka.fields())},
		{"sources", "settings of kinds of logs, by name; detect reads the logs of those that are named here, or that a collector has; `weir sources` lists them", settingsBySource(&c.Sources)},
		{"collectors", "the inputs", listOf(&c.Collectors, (*Collector).fields)},
		{"rules", "the detections", section{
			{"dir", "directory that holds `weir-rules.yaml`; empty: the rules built into the binary", optionalPath(&c.Rules.Dir)},
		}},
		{"redact", "credentials in records, before they become events; see redaction.md", section(c.Redact.fields())},
		{"dedup", "records that come twice", section{
			{"horizon", "how far back a duplicate is recognised", duration(&c.Dedup.Horizon, time.Second)},
			{"max_keys", "how many records are remembered at most, by partition; 1000000 with `brokers`", integer(&c.Dedup.MaxKeys, 1, 100_000_000)},
		}},
		{"lateness", "how late an event may come and still count in windows", section{
			{"default", "for every source that is not listed", duration(&c.Lateness.Default, 0)},
			{"sources", "by name of the source", durationsBySource(&c.Lateness.Sources)},
		}},
		{"idle_after", "silence after which a raw partition that is read to its end no longer holds the watermark back; 10s or more", duration(&c.IdleAfter, MinIdleAfter)},
		{"lake", "the Parquet files", section(c.Lake.fields())},
		{"alerts", "the destinations", listOf(&c.Alerts, (*Alert).fields)},
		{"limits", "what one input may cost", section{
			{"record", "bytes of one log event; a larger one is dead-lettered", size(&c.Limits.Record, 1<<10, maxRecord)},
		}},
		{"log", "log of weir itself, on standard error", section{
			{"level", "least level that is written", oneOf(&c.Log.Level, []string{"debug", "info", "warn", "error"})},
			{"format", "form of a line", oneOf(&c.Log.Format, []string{"text", "json"})},
		}},
		{"metrics", "probes and metrics over HTTP, see operations.md", section{
			{"listen", "address of `/healthz`, `/readyz` and `/metrics`; empty: none. They ask for no password", optionalAddress(&c.Metrics.Listen)},
			{"pprof", "profiles below `/debug/pprof/`, too; `listen` must be a loopback address then", boolean(&c.Metrics.Pprof)},
		}},
		{"shutdown_timeout", "how long a stop may take to finish and commit", duration(&c.ShutdownTimeout, time.Second)},
	}
}

func (k *Kafka) fields() []field {
	const whole = 1<<15 - 1
	return []field{
		{"brokers", "addresses `host:port` to begin with; either this or `embedded`", addresses(&k.Brokers)},
		{"embedded", "the broker in weir's own process, for evaluation, tests and small sites", optional(&k.Embedded, newEmbedded, (*Embedded).fields)},
		{"topic_prefix", "begins the name of every topic", prefix(&k.TopicPrefix)},
		{"group_prefix", "begins the name of every consumer group", prefix(&k.GroupPrefix)},
		{"partitions", "of topics that weir creates", section{
			{"raw", "of each `raw.<source>`; cannot be changed later; 4 with `brokers`", integer(&k.Partitions.Raw, 1, whole)},
			{"events", "of `events`; may grow later; 4 with `brokers`", integer(&k.Partitions.Events, 1, whole)},
			{"signals", "of `signals`; cannot be changed later; 4 with `brokers`", integer(&k.Partitions.Signals, 1, whole)},
			{"alerts", "of `alerts`", integer(&k.Partitions.Alerts, 1, whole)},
		}},
		{"replication_factor", "of topics that weir creates; 0: the broker's default", integer(&k.ReplicationFactor, 0, 100)},
		{"retention", "of topics that weir creates", section{
			{"raw", "original records: keep it short", duration(&k.Retention.Raw, time.Minute)},
			{"events", "OCSF events", duration(&k.Retention.Events, time.Minute)},
			{"signals", "matches of conditions; longer than the longest window of a rule", duration(&k.Retention.Signals, time.Minute)},
			{"alerts", "OCSF findings", duration(&k.Retention.Alerts, time.Minute)},
			{"dlq", "what could not be processed, as it came", duration(&k.Retention.DLQ, time.Minute)},
		}},
		{"sasl", "authentication to `brokers`", optional(&k.SASL, newSASL, (*SASL).fields)},
		{"tls", "encryption to `brokers`; `tls: {}` trusts the system's roots", optional(&k.TLS, newTLS, (*TLS).fields)},
	}
}

func newEmbedded(r *reader) *Embedded { return &Embedded{Dir: r.join(defaultBrokerDir)} }

func (e *Embedded) fields() []field {
	return []field{{"dir", "data directory of the embedded broker", path(&e.Dir)}}
}
