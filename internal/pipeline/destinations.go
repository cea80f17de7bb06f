package pipeline

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/elastic"
	"github.com/weir-security/weir/sinks/kafka"
	"github.com/weir-security/weir/sinks/ndjson"
	"github.com/weir-security/weir/sinks/sentinel"
	"github.com/weir-security/weir/sinks/splunk"
	"github.com/weir-security/weir/sinks/syslog"
	"github.com/weir-security/weir/sinks/terminal"
	"github.com/weir-security/weir/sinks/webhook"
)

// opened is a destination with how the deliver role is to use it.
type opened struct {
	sinks.Destination
	name  string
	route sinks.Route
	most  int // alerts in one call of Deliver
}

// bulk is how many alerts a destination gets at once that takes many.
const bulk = 500

// DestinationOptions are what destinations need beside their configuration.
type DestinationOptions struct {
	Terminal io.Writer
	Color    bool
}

// OpenDestination makes the destination of a configuration, without the network. That
// of a file takes the file's lock.
func OpenDestination(cfg *config.Config, a *config.Alert, o DestinationOptions) (sinks.Destination, error) {
	d, err := openDestination(cfg, a, o)
	if err != nil {
		return nil, fmt.Errorf("alerts %s: %w", a.Name, err)
	}
	return d, nil
}

// openDestination is the one place where a type of destination meets its package.
func openDestination(cfg *config.Config, a *config.Alert, o DestinationOptions) (sinks.Destination, error) {
	switch a.Type {
	case config.AlertTerminal:
		return terminal.New(o.Terminal, terminal.Options{Color: o.Color}), nil
	case config.AlertFile:
		return ndjson.Open(a.File.Path)
	case config.AlertSplunk:
		return splunk.New(splunkConfig(a.Name, a.Splunk))
	case config.AlertElastic:
		return elastic.New(elasticConfig(a.Name, a.Elastic))
	case config.AlertSentinel:
		return sentinel.New(sentinelConfig(a.Name, a.Sentinel))
	case config.AlertSyslog:
		return syslog.New(syslogConfig(cfg.Instance, a.Name, a.Syslog))
	case config.AlertWebhook:
		c, err := webhookConfig(a.Name, a.Webhook)
		if err != nil {
			return nil, err
		}
		return webhook.New(c)
	case config.AlertKafka:
		c, err := kafkaConfig(a.Name, a.Kafka)
		if err != nil {
			return nil, err
		}
		return kafka.New(c)
	}
	return nil, fmt.Errorf("unknown type %q", a.Type)
}

// RenderAlerts shows what a destination would send, without the network and without
// opening a file.
func RenderAlerts(cfg *config.Config, a *config.Alert, alerts []sinks.Alert) (messages []sinks.Message, err error) {
	var printed bytes.Buffer
	switch a.Type {
	case config.AlertTerminal:
		err = terminal.New(&printed, terminal.Options{}).Deliver(context.Background(), alerts)
		return []sinks.Message{{Target: "the terminal", Body: printed.Bytes()}}, err
	case config.AlertFile:
		for _, alert := range alerts {
			messages = append(messages, sinks.Message{Target: "append to " + a.File.Path, Body: append(bytes.TrimSpace(alert.Value), '\n')})
		}
		return messages, nil
	}
	d, err := OpenDestination(cfg, a, DestinationOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	renderer, can := d.(sinks.Renderer)
	if !can {
		return nil, fmt.Errorf("alerts %s: a destination of type %s cannot show what it sends", a.Name, a.Type)
	}
	return renderer.Render(alerts)
}

// RouteOf is the route of a destination; that of one without is for every alert.
func RouteOf(a *config.Alert) sinks.Route {
	if a.Route == nil {
		return sinks.Route{}
	}
	return sinks.Route{
		MinSeverity: sinks.SeverityID(a.Route.MinSeverity), Sources: a.Route.Sources,
		Rules: a.Route.Rules, Tags: a.Route.Tags, NoRollups: !a.Route.Rollups,
	}
}

// deliverers makes the runners of the deliver role, one for each destination.
func (p *pipeline) deliverers() ([]runner, error) {
	var all []runner
	for i := range p.Config.Alerts {
		a := &p.Config.Alerts[i]
		d, err := OpenDestination(p.Config, a, DestinationOptions{Terminal: p.Terminal, Color: p.Color})
		if err != nil {
			return nil, err
		}
		p.closers = append(p.closers, d.Close)
		made := opened{Destination: d, name: a.Name, route: RouteOf(a), most: bulk}
		if a.Webhook != nil {
			made.most = a.Webhook.Batch
		}
		r := &deliverRole{shared: &p.shared, opened: made}
		all = append(all, runner{RoleDeliver, r.run})
	}
	return all, nil
}

// reading reads a secret as it is when it is used; nil if there is none.
func reading(value config.Secret, file string) func(context.Context) (string, error) {
	if value == "" && file == "" {
		return nil
	}
	return func(context.Context) (string, error) {
		secret, err := config.ReadSecret(value, file)
		return string(secret), err
	}
}

func orNoTLS(t *config.TLS) config.TLS {
	if t == nil {
		return config.TLS{}
	}
	return *t
}

func splunkConfig(name string, c *config.SplunkAlert) splunk.Config {
	t := orNoTLS(c.TLS)
	return splunk.Config{
		Name: name, URL: c.URL, Token: reading(c.Token, c.TokenFile), Index: c.Index, Source: c.Source, Sourcetype: c.Sourcetype, Host: c.Host,
		Ack: c.Ack, AckTimeout: c.AckTimeout, MaxBytes: int(c.MaxBytes), Timeout: c.Timeout,
		CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile,
	}
}

func elasticConfig(name string, c *config.ElasticAlert) elastic.Config {
	t := orNoTLS(c.TLS)
	return elastic.Config{
		Name: name, URL: c.URL, Index: c.Index, APIKey: reading(c.APIKey, c.APIKeyFile),
		Username: c.Username, Password: reading(c.Password, c.PasswordFile), Bearer: reading(c.BearerToken, c.BearerTokenFile),
		MaxBytes: int(c.MaxBytes), Timeout: c.Timeout, CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile,
	}
}

func sentinelConfig(name string, c *config.SentinelAlert) sentinel.Config {
	return sentinel.Config{
		Name: name, Endpoint: c.Endpoint, RuleID: c.RuleID, Stream: c.Stream, Credential: c.Credential, TenantID: c.TenantID, ClientID: c.ClientID,
		ClientSecret: reading(c.ClientSecret, c.ClientSecretFile), CertificateFile: c.CertificateFile,
		CertificatePassword: reading(c.CertificatePassword, c.CertificatePasswordFile), TokenFile: c.TokenFile,
		AuthorityHost: c.AuthorityHost, Scope: c.Scope, MaxBytes: int(c.MaxBytes), Timeout: c.Timeout, CAFile: c.CAFile,
	}
}

func syslogConfig(instance, name string, c *config.SyslogAlert) syslog.Config {
	conf := syslog.Config{
		Name: name, Address: c.Address, Transport: c.Transport, Facility: c.Facility, Hostname: c.Hostname, Enterprise: c.Enterprise,
		MaxMessage: int(c.MaxMessage), Confirm: c.Confirm, Timeout: c.Timeout,
	}
	if conf.Hostname == "" {
		conf.Hostname = instance
	}
	if c.TLS != nil {
		conf.TLS = func() (*tls.Config, error) { return broker.TLSConfig(c.TLS) }
	}
	return conf
}

func webhookConfig(name string, c *config.WebhookAlert) (webhook.Config, error) {
	t := orNoTLS(c.TLS)
	conf := webhook.Config{
		Name: name, URL: reading(c.URL, c.URLFile), Method: c.Method, Template: c.Template, ContentType: c.ContentType,
		Headers: map[string]webhook.Read{}, Secret: reading(c.Secret, c.SecretFile), Accept: c.Accept, Batch: c.Batch, Interval: c.Interval,
		MaxBody: int(c.MaxBody), Timeout: c.Timeout, CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile,
	}
	for header, value := range c.Headers {
		conf.Headers[header] = reading(value, "")
	}
	for header, file := range c.HeaderFiles {
		conf.Headers[header] = reading("", file)
	}
	if s := c.Signature; s != nil {
		conf.Signature, conf.SignatureKey = s.Header, reading(s.Key, s.KeyFile)
	}
	if c.TemplateFile != "" {
		text, err := os.ReadFile(c.TemplateFile)
		if err != nil {
			return conf, fmt.Errorf("read template_file: %w", err)
		}
		conf.Template, conf.TemplateText = "", string(text)
		if len(bytes.TrimSpace(text)) == 0 {
			return conf, fmt.Errorf("template_file %s is empty", c.TemplateFile)
		}
	}
	return conf, nil
}

func kafkaConfig(name string, c *config.KafkaAlert) (kafka.Config, error) {
	security, err := broker.Security(c.TLS, c.SASL)
	return kafka.Config{
		Name: name, Brokers: c.Brokers, Topic: c.Topic, Security: security, MaxMessage: int(c.MaxMessage), Timeout: c.Timeout,
	}, err
}
