package pipeline

import (
	"fmt"

	httppush "github.com/weir-security/weir/ingest/http"
	"github.com/weir-security/weir/ingest/webhook"
	"github.com/weir-security/weir/internal/config"
)

func (p *pipeline) webhook(c *config.Collector) (*webhook.Collector, error) {
	if p.Once {
		return nil, fmt.Errorf("collector %s: %w", c.Name, webhook.ErrOnce)
	}
	return webhook.New(p.pushed(c, c.Webhook))
}

func (p *pipeline) http(c *config.Collector) (*httppush.Collector, error) {
	if p.Once {
		return nil, fmt.Errorf("collector %s: %w", c.Name, httppush.ErrOnce)
	}
	h := c.HTTP
	server := p.pushed(c, &h.WebhookCollector)
	server.Basic = h.Basic
	return httppush.New(httppush.Config{
		Server: server,
		Format: p.format(c.Source), Content: h.Content, Envelope: h.Envelope, SameBody: h.SameBody,
	})
}

// pushed is who may push to a collector, and at what cost.
func (p *pipeline) pushed(c *config.Collector, w *config.WebhookCollector) webhook.Config {
	cfg := webhook.Config{
		Name: c.Name, Source: c.Source,
		Listen: w.Listen, Tokens: w.Tokens,
		Timeout: w.Timeout,
		Drain:   min(w.Timeout, p.Config.ShutdownTimeout/2),
		Limits: webhook.Limits{
			Record: p.recordLimit(),
			Body:   w.Limits.Body, Memory: w.Limits.Memory,
			Requests: w.Limits.Requests, Connections: w.Limits.Connections, Rate: w.Limits.Rate,
		},
		Log: p.log,
	}
	if t := w.TLS; t != nil {
		cfg.TLS = &webhook.TLS{CertFile: t.CertFile, KeyFile: t.KeyFile, ClientCAFile: t.ClientCAFile, ClientNames: t.ClientNames}
	}
	return cfg
}
