package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/ingest/file"
	"github.com/weir-security/weir/ingest/webhook"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/lake"
	"github.com/weir-security/weir/sinks/ndjson"
	"github.com/weir-security/weir/sinks/terminal"
)

// pipeline is what is open while roles run.
type pipeline struct {
	Options
	shared
	adm     *kadm.Client
	closers []func() error // last opened, first closed
}

// open reaches Kafka, or starts the embedded broker, and makes sure of the topics.
func open(ctx context.Context, o Options) (*pipeline, error) {
	cfg := o.Config
	p := &pipeline{Options: o, shared: shared{
		names:    broker.Names{Prefix: cfg.Kafka.TopicPrefix},
		groups:   cfg.Kafka.GroupPrefix,
		instance: cfg.Instance,
		flush:    cfg.Lake.Flush,
		log:      o.Log,
		stats:    o.Stats,
		faults:   o.Faults,
		records:  o.batchRecords,
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
		embedded, err := broker.StartEmbeddedAt(cfg.Embedded.Dir, p.log, func(s broker.Step) {
			_ = p.faults.At(Fault("broker/" + s)) // a broker can be killed, but not fail
		})
		if err != nil {
			return err
		}
		p.closers = append(p.closers, embedded.Close)
		seeds = embedded.Addrs()
	}
	security, err := broker.Security(cfg.TLS, cfg.SASL)
	if err != nil {
		return err
	}
	p.opts = broker.Options{Seeds: seeds, Log: p.log, Extra: append(security, kgo.WithHooks(&p.stats.Telemetry.Kafka))}
	if p.client, err = p.opts.New(ctx); err != nil {
		return err
	}
	p.closers = append(p.closers, func() error { p.client.Close(); return nil })
	p.adm = kadm.NewClient(p.client)

	topics := p.used(p.topics())
	if err := broker.EnsureTopics(ctx, p.adm, p.replication(), topics); err != nil {
		return err
	}
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	p.opts.MaxMessage, err = broker.MessageLimit(ctx, p.adm, names)
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
		broker.Topic{Name: p.names.Alerts(), Partitions: n.Alerts, Retention: r.Alerts},
		broker.Topic{Name: p.names.DLQ(), Partitions: 1, Retention: r.DLQ},
		// A partition for each of a raw topic's; what was seen is of use for as long as
		// a copy of it may wait in the raw topic, and the horizon longer.
		broker.Topic{Name: p.names.Seen(), Partitions: n.Raw, Retention: r.Raw + p.Config.Dedup.Horizon},
		broker.Topic{Name: p.names.Cursors(), Partitions: 1, Compacted: compacted},
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
		collectors, err := p.collectors()
		if err != nil {
			return nil, err
		}
		c := &collectRole{shared: &p.shared, collectors: collectors}
		if p.Config.Kafka.Embedded != nil {
			c.trimCursors = maxCursorRecords
		}
		return []runner{{role, func(ctx, drain context.Context, _ *target) error { return c.run(ctx, drain) }}}, nil
	case RoleDetect:
		return []runner{{role, newDetect(&p.shared, p.Config, p.Sources, p.Rules, p.workers()).run}}, nil
	case RoleCorrelate:
		return []runner{{role, newCorrelate(&p.shared).run}}, nil
	case RoleStore:
		dir, err := lake.NewDir(p.Config.Lake.Dir)
		if err != nil {
			return nil, err
		}
		p.closers = append(p.closers, dir.Close)
		return []runner{{role, (&storeRole{shared: &p.shared, writer: lake.NewWriter(dir)}).run}}, nil
	case RoleDeliver:
		return p.deliverers()
	}
	return nil, fmt.Errorf("unknown role %q", role)
}

func (p *pipeline) workers() int {
	if p.Workers > 0 {
		return p.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// collectors is the one place where a type of collector meets its package.
func (p *pipeline) collectors() ([]namedCollector, error) {
	var all []namedCollector
	for _, c := range p.Config.Collectors {
		switch c.Type {
		case config.CollectorFile:
			col, err := file.New(file.Config{
				Name: c.Name, Source: c.Source,
				Path: c.File.Path, Origin: c.File.Origin, PollInterval: c.File.PollInterval,
				Once:   p.Once,
				Format: p.format(c.Source),
				Limits: envelope.Limits{Record: p.recordLimit()},
				Log:    p.log,
			})
			if err != nil {
				return nil, err
			}
			all = append(all, namedCollector{name: c.Name, source: c.Source, Collector: col})
		case config.CollectorWebhook:
			col, err := p.webhook(&c)
			if err != nil {
				return nil, err
			}
			all = append(all, namedCollector{name: c.Name, source: c.Source, Collector: col})
		default:
			return nil, fmt.Errorf("collector %s: unknown type %q", c.Name, c.Type)
		}
	}
	return all, nil
}

func (p *pipeline) webhook(c *config.Collector) (*webhook.Collector, error) {
	if p.Once {
		return nil, fmt.Errorf("collector %s: %w", c.Name, webhook.ErrOnce)
	}
	w := c.Webhook
	cfg := webhook.Config{
		Name: c.Name, Source: c.Source,
		Listen: w.Listen, Tokens: w.Tokens,
		Timeout: w.Timeout,
		Drain:   min(w.Timeout, p.Config.ShutdownTimeout/2),
		Limits: webhook.Limits{
			Record: int(p.Config.Limits.Record),
			Body:   w.Limits.Body, Memory: w.Limits.Memory,
			Requests: w.Limits.Requests, Connections: w.Limits.Connections, Rate: w.Limits.Rate,
		},
		Log: p.log,
	}
	if t := w.TLS; t != nil {
		cfg.TLS = &webhook.TLS{CertFile: t.CertFile, KeyFile: t.KeyFile, ClientCAFile: t.ClientCAFile, ClientNames: t.ClientNames}
	}
	return webhook.New(cfg)
}

// recordLimit is the largest raw record in bytes: what is configured, and not more
// than a quarter of what the topics take, since an event holds its record twice.
func (p *pipeline) recordLimit() int {
	return min(int(p.Config.Limits.Record), int(p.opts.MaxMessage)/4)
}

func (p *pipeline) format(source string) envelope.Format {
	for _, s := range p.Sources {
		if s.Name == source {
			return s.Format
		}
	}
	return envelope.Format{}
}

// deliverers is the one place where a type of destination meets its package.
func (p *pipeline) deliverers() ([]runner, error) {
	var all []runner
	for _, a := range p.Config.Alerts {
		var d sinks.Destination
		switch a.Type {
		case config.AlertTerminal:
			d = terminal.New(p.Terminal, terminal.Options{Color: p.Color})
		case config.AlertFile:
			f, err := ndjson.Open(a.File.Path)
			if err != nil {
				return nil, err
			}
			d = f
		default:
			return nil, fmt.Errorf("alerts %s: unknown type %q", a.Name, a.Type)
		}
		p.closers = append(p.closers, d.Close)
		r := &deliverRole{shared: &p.shared, name: a.Name, destination: d}
		all = append(all, runner{RoleDeliver, r.run})
	}
	return all, nil
}

func (p *pipeline) close() error {
	var errs []error
	for _, c := range slices.Backward(p.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}
