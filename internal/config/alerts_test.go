package config

import (
	pathpkg "path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAlerts(t *testing.T) {
	c := parse(t, "weir.yaml", everything)
	webhook := newWebhookAlert()
	webhook.URL, webhook.Template, webhook.Secret = "https://hooks.slack.com/services/T0001/B0002/hunter2", TemplateSlack, "hunter2"
	webhook.Headers = map[string]Secret{"X-Api-Key": "hunter2", "Authorization": "Bearer hunter2"}
	webhook.Signature = &Signature{Header: "X-Weir-Signature", Key: "hunter2"}
	webhook.Accept, webhook.Interval = []int{200, 202}, 1500*time.Millisecond
	syslog := newSyslogAlert()
	syslog.Address, syslog.TLS, syslog.Facility, syslog.Hostname, syslog.Confirm = "syslog.example.org:6514", &TLS{}, "local4", "weir-7", false
	splunk, elastic, opensearch, sentinel := newSplunkAlert(), newElasticAlert(), newElasticAlert(), newSentinelAlert()
	splunk.URL, splunk.Token, splunk.Ack = "https://hec.example.org:8088", "hunter2", true
	elastic.URL, elastic.Username, elastic.Password = "https://es.example.org:9200/x", "weir", "hunter2"
	opensearch.URL, opensearch.APIKey = "https://os.example.org:9200", "hunter2"
	sentinel.Endpoint, sentinel.RuleID = "https://weir-abcd.westeurope-1.ingest.monitor.azure.com", "dcr-0123"
	sentinel.Credential, sentinel.TenantID, sentinel.ClientID, sentinel.ClientSecret = SentinelClientSecret, "t", "c", "hunter2"
	kafka := newKafkaAlert()
	kafka.Brokers, kafka.Topic = []string{"other-1:9092"}, "alerts"
	kafka.SASL = &SASL{Mechanism: SASLOAuthBearer, TokenURL: "https://login.example.org/token", ClientID: "weir", ClientSecret: "hunter2"}
	want := []Alert{
		{Name: "console", Type: AlertTerminal},
		{Name: "file", Type: AlertFile, File: &FileAlert{Path: "/var/alerts.ndjson"}},
		{Name: "soc", Type: AlertWebhook, Webhook: webhook, Route: &AlertRoute{
			MinSeverity: "high", Sources: []string{"aws.cloudtrail"}, Rules: []string{"aws.*"}, Tags: []string{"pci"},
		}},
		{Name: "old", Type: AlertSyslog, Syslog: syslog},
		{Name: "splunk", Type: AlertSplunk, Splunk: splunk},
		{Name: "elastic", Type: AlertElastic, Elastic: elastic},
		{Name: "opensearch", Type: AlertElastic, Elastic: opensearch},
		{Name: "sentinel", Type: AlertSentinel, Sentinel: sentinel},
		{Name: "other", Type: AlertKafka, Kafka: kafka},
	}
	if diff := cmp.Diff(want, c.Alerts); diff != "" {
		t.Errorf("destinations (-want +got):\n%s", diff)
	}
}

func TestMaskURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://hooks.slack.com/services/T0/B0/x": "https://hooks.slack.com/********",
		"https://soc.example.org":                  "https://soc.example.org",
		"https://soc.example.org:8443/":            "https://soc.example.org:8443",
		"https://soc.example.org/?token=x":         "https://soc.example.org/********",
		"https://u:p@soc.example.org":              "https://soc.example.org/********",
		"not a url \x00":                           mask,
	} {
		if got := MaskURL(in); got != want {
			t.Errorf("MaskURL(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCheckRoutes(t *testing.T) {
	c := parse(t, "weir.yaml", `
kafka: {embedded: {}}
alerts:
  - {name: a, type: terminal, route: {rules: [aws.*, azure.nothing, "*.exec"], tags: [pci, none]}}
  - {name: b, type: terminal, route: {min_severity: high, rules: [k8s.*]}}
  - {name: c, type: terminal, route: {min_severity: high, tags: [pci]}}
  - {name: d, type: terminal}
`)
	rules := []RoutedRule{{"aws.root", "high", []string{"pci"}}, {"k8s.exec", "medium", nil}}
	match := func(pattern, id string) bool { ok, _ := pathpkg.Match(pattern, id); return ok }
	got := c.CheckRoutes(rules, match).Error()
	want := strings.Join([]string{
		`weir.yaml:4:54: warning: alerts[0].route.rules[1]: no rule has the id "azure.nothing"`,
		`weir.yaml:4:92: warning: alerts[0].route.tags[1]: no rule has the tag "none"`,
		`weir.yaml:5:38: warning: alerts[1].route: fits the alerts of no rule: none has all of it`,
	}, "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
