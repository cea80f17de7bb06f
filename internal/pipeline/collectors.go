package pipeline

import (
	"fmt"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/ingest/file"
	"github.com/weir-security/weir/ingest/webhook"
	"github.com/weir-security/weir/internal/config"
)

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
