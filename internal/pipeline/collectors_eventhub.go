package pipeline

import (
	"crypto/tls"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/ingest/eventhub"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
)

func (p *pipeline) eventHub(c *config.Collector) eventhub.Config {
	e := c.EventHub
	cfg := eventhub.Config{
		Name: c.Name, Source: c.Source,
		Namespace: e.Namespace, Hub: e.Hub,
		TLS:    func() (*tls.Config, error) { return broker.TLSConfig(&config.TLS{CAFile: e.CAFile}) },
		Format: p.format(c.Source), Limits: envelope.Limits{Record: p.recordLimit()},
		Once: p.Once, Report: p.problems.report(c.Name), Log: p.log,
	}
	if e.ConnectionString != "" || e.ConnectionStringFile != "" {
		cfg.ConnectionString = func() (string, error) {
			text, err := config.ReadSecret(e.ConnectionString, e.ConnectionStringFile)
			return string(text), err
		}
		return cfg
	}
	cfg.Credential = eventhub.Identity{
		TenantID: e.TenantID, ClientID: e.ClientID,
		ClientSecret: func() (string, error) {
			secret, err := config.ReadSecret(e.ClientSecret, e.ClientSecretFile)
			return string(secret), err
		},
	}.Credential()
	return cfg
}
