package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/pipeline"
	"github.com/weir-security/weir/internal/suggest"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks"
)

// testDestinations are what `body` of a test names when no configuration is given:
// one of each kind, with the settings that they have by default.
const testDestinations = `
kafka: {embedded: {dir: none}}
alerts:
  - {name: terminal, type: terminal}
  - {name: file, type: file, path: alerts.ndjson}
  - {name: slack, type: webhook, template: slack, url: https://hooks.slack.com/services/T00000000/B00000000/test}
  - {name: teams, type: webhook, template: teams, url: https://example.com/teams}
  - {name: pagerduty, type: webhook, template: pagerduty, url: https://events.pagerduty.com/v2/enqueue, secret: test}
  - {name: webhook, type: webhook, url: https://example.com/alerts}
  - {name: splunk, type: splunk, url: https://splunk.example.com:8088, token: test}
  - {name: elastic, type: elastic, url: https://elastic.example.com:9200, api_key: test}
  - {name: sentinel, type: sentinel, endpoint: https://weir.westeurope-1.ingest.monitor.azure.com, rule_id: dcr-00000000000000000000000000000000, stream: Custom-Weir_CL, credential: managed_identity}
  - {name: syslog, type: syslog, address: syslog.example.com:6514}
  - {name: kafka, type: kafka, brokers: [kafka.example.com:9092], topic: alerts}
`

// bodyRenderer renders alerts for the destinations of a configuration; nil for
// testDestinations.
func bodyRenderer(cfg *config.Config) (detections.RenderFunc, error) {
	if cfg == nil || len(cfg.Alerts) == 0 {
		var err error
		if cfg, err = config.Parse("destinations of tests", []byte(testDestinations), config.Options{}); err != nil {
			return nil, fmt.Errorf("destinations of tests: %w", err)
		}
	}
	var reader sinks.Reader
	return func(destination string, alert *ocsf.Event) ([]byte, error) {
		a, err := destinationNamed(cfg, destination)
		if err != nil {
			return nil, err
		}
		rendered, err := reader.Read(alert.Metadata.UID(), alert.AppendJSON(nil))
		if err != nil {
			return nil, err
		}
		messages, err := pipeline.RenderAlerts(cfg, a, []sinks.Alert{rendered})
		if err != nil {
			return nil, err
		}
		var body bytes.Buffer
		for _, m := range messages {
			body.Write(bytes.TrimSuffix(m.Body, []byte("\n")))
			body.WriteByte('\n')
		}
		return bytes.TrimSuffix(body.Bytes(), []byte("\n")), nil
	}, nil
}

func destinationNamed(cfg *config.Config, name string) (*config.Alert, error) {
	var names []string
	for i := range cfg.Alerts {
		if cfg.Alerts[i].Name == name {
			return &cfg.Alerts[i], nil
		}
		names = append(names, cfg.Alerts[i].Name)
	}
	return nil, fmt.Errorf("there is no destination %q%s (there are %s)", name, suggest.Hint(name, names), strings.Join(names, ", "))
}
