package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/sinks/lake"
)

// pipeline is what is open while roles run.
type pipeline struct {
	Options
	shared
	adm      *kadm.Client
	embedded *broker.Embedded // nil with brokers of its own
	closers  []func() error   // last opened, first closed
	problems problems         // of collectors
}

// open reaches Kafka, or starts the embedded broker, and makes sure of the topics.
func open(ctx context.Context, o Options) (*pipeline, error) {
	cfg := o.Config
	p := &pipeline{Options: o, shared: shared{
		names:    broker.Names{Prefix: cfg.Kafka.TopicPrefix},
		groups:   cfg.Kafka.GroupPrefix,
		instance: cfg.Instance,
		clientID: cmp.Or(o.clientID, "weir"),
		flush:    cfg.Lake.Flush,
		redact:   o.Redact,
		log:      o.Log,
		stats:    o.Stats,
		faults:   o.Faults,
		records:  o.batchRecords,
		times:    o.times,
	}}
	if err := p.connect(ctx); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *pipeline) connect(ctx context.Context) error {
	cfg := p.Config.Kafka
	seeds := cfg.Brokers
	if cfg.Embedded != nil {
		var err error
		p.embedded, err = broker.StartEmbeddedWith(cfg.Embedded.Dir, p.log, broker.EmbeddedOptions{Reached: func(s broker.Step) {
			_ = p.faults.At(Fault("broker/" + s)) // a broker can be killed, but not fail
		}})
		if err != nil {
			return err
		}
		p.closers = append(p.closers, p.embedded.Close)
		seeds = p.embedded.Addrs()
	}
	var err error
	if p.opts, err = broker.NewOptions(&cfg, seeds, p.log, kgo.WithHooks(&p.stats.Telemetry.Kafka)); err != nil {
		return err
	}
	if p.client, err = p.opts.New(ctx); err != nil {
		return err
	}
	p.closers = append(p.closers, func() error { p.client.Close(); return nil })
	p.adm = kadm.NewClient(p.client)

	topics := p.used(p.topics())
	if err := broker.EnsureTopics(ctx, p.adm, p.replication(), topics); err != nil {
		return err
	}
	for _, t := range topics {
		p.limited = append(p.limited, t.Name)
	}
	p.opts.MaxMessage, err = broker.MessageLimit(ctx, p.adm, p.limited)
	return err
}

func (p *pipeline) replication() int16 {
	if n := p.Config.Kafka.ReplicationFactor; n > 0 {
		return n
	}
	return -1 // the broker's default
}

// topics is every topic that a pipeline reads or writes.
func (p *pipeline) topics() []broker.Topic {
	n, r := p.Config.Kafka.Partitions, p.Config.Kafka.Retention
	var topics []broker.Topic
	for _, name := range p.rawTopics() {
		topics = append(topics, broker.Topic{Name: name, Partitions: n.Raw, Retention: r.Raw})
	}
	// kfake deletes segments before it writes them compacted: a kill in between would
	// lose them. There collect rewrites its cursors by itself.
	compacted := p.Config.Kafka.Embedded == nil
	return append(topics,
		broker.Topic{Name: p.names.Events(), Partitions: n.Events, Retention: r.Events},
		broker.Topic{Name: p.names.Signals(), Partitions: n.Signals, Retention: r.Signals},
		// A partition for each of signals; a day for what is late.
		broker.Topic{Name: p.names.Terms(), Partitions: n.Signals, Retention: detections.MaxTerm + 24*time.Hour, Compacted: compacted},
		broker.Topic{Name: p.names.Alerts(), Partitions: n.Alerts, Retention: r.Alerts},
		broker.Topic{Name: p.names.DLQ(), Partitions: 1, Retention: r.DLQ},
		// A partition for each of a raw topic's; what was seen is of use for as long as
		// a copy of it may wait in the raw topic, and the horizon longer.
		broker.Topic{Name: p.names.Seen(), Partitions: n.Raw, Retention: r.Raw + p.Config.Dedup.Horizon},
		broker.Topic{Name: p.names.Cursors(), Partitions: 1, Compacted: compacted},
		broker.Topic{Name: p.names.Claims(), Partitions: ingest.Slots},
		broker.Topic{Name: p.names.Rulesets(), Partitions: 1, Compacted: compacted},
	)
}

func (p *pipeline) rawTopics() []string {
	var topics []string
	for _, s := range p.Sources {
		topics = append(topics, p.names.Raw(s.Name))
	}
	return topics
}

// role makes the runners of one role: one, or one for each destination.
func (p *pipeline) role(ctx context.Context, role Role) ([]runner, error) {
	switch role {
	case RoleCollect:
		collectors, err := p.collectors(ctx)
		if err != nil {
			return nil, err
		}
		c := &collectRole{shared: &p.shared, collectors: collectors, problems: &p.problems, once: p.Once}
		if p.Config.Kafka.Embedded != nil {
			c.trimCursors = p.trimCursors
		}
		return []runner{{role, func(ctx, drain context.Context, _ *target) error { return c.run(ctx, drain) }}}, nil
	case RoleDetect:
		d := newDetect(&p.shared, p.Config, p.Sources, p.rules.set.Load(), p.workers())
		d.now = p.rules
		return []runner{{role, d.run}}, nil
	case RoleCorrelate:
		c := newCorrelate(&p.shared)
		if p.Config.Kafka.Embedded != nil {
			c.trimTerms = p.trimTerms
		}
		return []runner{{role, c.run}}, nil
	case RoleStore:
		store := &storeRole{shared: &p.shared, open: p.openLake, once: p.Once}
		// What is wrong with the configuration is said before anything runs.
		first, cancel := context.WithTimeout(ctx, lakeStart)
		defer cancel()
		if err := store.openLake(first); err != nil && !passes(err) {
			return nil, err
		}
		return []runner{{role, store.run}}, nil
	case RoleDeliver:
		return p.deliverers()
	}
	return nil, fmt.Errorf("unknown role %q", role)
}

// openLake opens the configured lake.
func (p *pipeline) openLake(ctx context.Context) (lake.Store, error) {
	return OpenLake(ctx, &p.Config.Lake, p.Config.Instance)
}

func (p *pipeline) workers() int {
	if p.Workers > 0 {
		return p.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func (p *pipeline) close() error {
	var errs []error
	for _, c := range slices.Backward(p.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}
