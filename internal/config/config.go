// Package config is weir's configuration: one YAML file, one struct.
//
// The keys of the file, their documentation, how a value is read, checked and
// shown again stand once, in schema.go. Reading is strict: an unknown key, a
// value of the wrong form and an environment variable that is not set are
// errors, and all of them are reported at once, each with its place.
package config

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/weir-security/weir/internal/yamlpos"
)

// Config is the whole configuration. A value that Default or Load returned is
// complete and valid; nothing changes it afterwards.
type Config struct {
	// File is the file that was loaded, empty for the defaults.
	File string
	// Instance names this process among all that share a cluster. It is part of
	// its transactional ids, so it must survive a restart and be its own.
	Instance string

	Kafka Kafka
	// Sources are the settings of sources, by name.
	Sources    map[string]Source
	Collectors []Collector
	Rules      Rules
	Redact     Redact
	Dedup      Dedup
	Lateness   Lateness
	// IdleAfter is how long a raw partition may be silent before it no longer
	// holds the watermark back.
	IdleAfter time.Duration
	Lake      Lake
	Alerts    []Alert
	Limits    Limits
	Log       Log
	Metrics   Metrics
	// ShutdownTimeout is how long a stop may take to drain.
	ShutdownTimeout time.Duration

	places map[string]place // where the file sets a key, by its path
}

// Kafka says which cluster, and how weir's topics on it are named and made.
// Exactly one of Brokers and Embedded is set.
type Kafka struct {
	Brokers     []string
	Embedded    *Embedded
	TopicPrefix string
	GroupPrefix string
	// Partitions, ReplicationFactor and Retention apply to topics that weir creates.
	Partitions        Partitions
	ReplicationFactor int16 // 0: the broker's default
	Retention         Retention
	SASL              *SASL // nil: no authentication
	TLS               *TLS  // nil: plain text
}

// Embedded is the broker in weir's own process.
type Embedded struct {
	Dir string
}

// Partitions is the number of partitions by kind of topic.
type Partitions struct {
	Raw, Events, Signals, Alerts int32
}

// Retention is how long records stay, by kind of topic.
type Retention struct {
	Raw, Events, Signals, Alerts, DLQ time.Duration
}

// Rules says where the rules are.
type Rules struct {
	Dir string // empty: the rules built into the binary
}

// Dedup bounds the memory for records that were seen already.
type Dedup struct {
	Horizon time.Duration
	MaxKeys int
}

// Lateness is how long after the others an event may come and still count.
type Lateness struct {
	Default time.Duration
	Sources map[string]time.Duration
}

// Of returns the lateness that a source is allowed.
func (l Lateness) Of(source string) time.Duration {
	if d, ok := l.Sources[source]; ok {
		return d
	}
	return l.Default
}

// Limits bounds what one input may cost.
type Limits struct {
	Record int64 // bytes of one raw record
}

// Log is weir's own log on standard error.
type Log struct {
	Level  string // "debug", "info", "warn", "error"
	Format string // "text", "json"
}

// Metrics is how weir is seen from outside: probes, metrics and profiles over
// HTTP.
type Metrics struct {
	Listen string // host:port; empty: nothing listens
	Pprof  bool   // profiles too; only with a loopback address
}

const (
	defaultBrokerDir = "data/broker"
	defaultLakeDir   = "data/lake"
)

// Default is the configuration without a file: the embedded broker and the lake
// below ./data, alerts on the terminal, nothing to collect.
func Default() *Config {
	return &Config{
		Instance: hostname(),
		Kafka: Kafka{
			Embedded:    &Embedded{Dir: defaultBrokerDir},
			TopicPrefix: "weir.",
			GroupPrefix: "weir.",
			Partitions:  Partitions{Raw: 1, Events: 1, Signals: 1, Alerts: 1},
			Retention: Retention{
				Raw: 24 * time.Hour, Events: 168 * time.Hour, Signals: 96 * time.Hour,
				Alerts: 720 * time.Hour, DLQ: 336 * time.Hour,
			},
		},
		Redact:    Redact{Enabled: true},
		Dedup:     Dedup{Horizon: time.Hour, MaxKeys: clusterPartitions * clusterKeys},
		Lateness:  Lateness{Default: 10 * time.Minute},
		IdleAfter: 30 * time.Second,
		Lake: Lake{
			Dir:   defaultLakeDir,
			Flush: Flush{Rows: 50_000, Bytes: 64 << 20, Age: time.Minute, Idle: 5 * time.Second, Memory: 128 << 20},
		},
		Alerts:          []Alert{{Name: "console", Type: AlertTerminal}},
		Limits:          Limits{Record: maxRecord},
		Log:             Log{Level: "info", Format: "text"},
		ShutdownTimeout: 30 * time.Second,
	}
}

// What differs with brokers from Default, which is for the embedded one. That has one
// process to serve and syncs its disk for every partition of every transaction, twice
// for its records and twice for its marker: partitions would cost it much and give
// nothing. It remembers as many keys in one as the others do in all of theirs.
const (
	clusterPartitions = 4
	clusterKeys       = 1_000_000
)

// adaptToBrokers gives what the file leaves open the defaults of a cluster.
func (c *Config) adaptToBrokers(r *reader) {
	p := &c.Kafka.Partitions
	for path, to := range map[string]*int32{"raw": &p.Raw, "events": &p.Events, "signals": &p.Signals} {
		if !r.given("kafka.partitions." + path) {
			*to = clusterPartitions
		}
	}
	if !r.given("dedup.max_keys") {
		c.Dedup.MaxKeys = clusterKeys
	}
}

// hostname is the host's name, or "weir" on a host that has none.
func hostname() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "weir"
}

// Options is what Load needs to know from outside of the file.
type Options struct {
	// Sources is the names that a collector may give as its source.
	Sources []string
	// CheckFormat tells what is wrong with a custom format of a source; nil: nothing.
	CheckFormat func(source, format string) error
	// CheckRedact tells what is wrong with items of redact.
	CheckRedact CheckRedact
	// Env looks an environment variable up; nil is os.LookupEnv.
	Env func(name string) (value string, set bool)
}

// Load reads the configuration file name. An error about the file's content is
// yamlpos.Problems; any other is the operating system's.
func Load(name string, opts Options) (*Config, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(name, data, opts)
}

// Parse reads a configuration from memory. name is the file it came from: it
// stands in messages, and relative paths in the configuration start at its
// directory, so that a file means the same whatever directory weir starts in.
// An error is yamlpos.Problems.
func Parse(name string, data []byte, opts Options) (*Config, error) {
	if opts.Env == nil {
		opts.Env = os.LookupEnv
	}
	r := &reader{doc: yamlpos.Parse(name, data), dir: filepath.Dir(name), opts: opts, places: map[string]place{}}
	c := Default()
	c.File = name
	c.Kafka.Embedded = nil
	c.Lake.Dir = r.join(c.Lake.Dir)
	c.places = r.places

	if root := r.doc.Root(); root.Exists() {
		section(c.fields()).read(r, root)
		if c.Kafka.Embedded == nil {
			c.adaptToBrokers(r)
		}
		if root.IsMapping() {
			c.check(r)
		}
	}
	if problems := r.doc.Problems(); len(problems) > 0 {
		return nil, problems
	}
	return c, nil
}
