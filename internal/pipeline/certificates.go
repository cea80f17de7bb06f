package pipeline

import (
	"errors"
	"fmt"

	httppush "github.com/weir-security/weir/ingest/http"
	"github.com/weir-security/weir/ingest/webhook"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
)

// CheckCertificates reads the certificates and keys of kafka and of the collectors as
// the start does, without the network: that a pair belongs together and that a file of
// authorities holds one. Those of destinations are OpenDestination's.
func CheckCertificates(cfg *config.Config) error {
	var all []error
	if t := cfg.Kafka.TLS; t != nil {
		if _, err := broker.TLSConfig(t); err != nil {
			all = append(all, fmt.Errorf("kafka: %w", err))
		}
	}
	p := &pipeline{Options: Options{Config: cfg}}
	for i := range cfg.Collectors {
		c := &cfg.Collectors[i]
		var err error
		switch c.Type {
		case config.CollectorWebhook:
			_, err = webhook.New(p.pushed(c, c.Webhook))
		case config.CollectorHTTP:
			_, err = httppush.New(httppush.Config{Server: p.pushed(c, &c.HTTP.WebhookCollector)})
		case config.CollectorEventHub:
			if _, err = broker.TLSConfig(&config.TLS{CAFile: c.EventHub.CAFile}); err != nil {
				err = fmt.Errorf("collector %s: %w", c.Name, err)
			}
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}
