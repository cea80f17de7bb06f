package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v4"
)

const everything = `
instance: node-7
kafka:
  brokers: [kafka-1:9092, kafka-2:9092]
  sasl: {mechanism: scram-sha-512, username: weir, password: hunter2}
  tls: {}
collectors:
  - {name: trail, type: file, source: aws.cloudtrail, path: /logs/trail, backfill: true, poll_interval: 1500ms}
sources: {gateway.nginx: {formats: ['$remote_addr "$request" $status']}}
redact: {key: hunter2 hunter2 hunter2, keys: [badge], values: ['emp-\d+'], drop: [managedFields], hash: [user.email]}
lateness: {sources: {gateway.nginx: 2m}}
alerts:
  - {name: console, type: terminal}
  - {name: file, type: file, path: /var/alerts.ndjson}
  - name: soc
    type: webhook
    url: https://hooks.slack.com/services/T0001/B0002/hunter2
    template: slack
    headers: {x-api-key: hunter2, Authorization: Bearer hunter2}
    secret: hunter2
    signature: {key: hunter2}
    accept: [200, 202]
    interval: 1s500ms
    route: {min_severity: high, sources: [aws.cloudtrail], rules: [aws.*], tags: [pci], rollups: false}
  - {name: old, type: syslog, address: "syslog.example.org:6514", tls: {}, facility: local4, hostname: weir-7, confirm: false}
  - {name: splunk, type: splunk, url: "https://hec.example.org:8088", token: hunter2, ack: true}
  - {name: elastic, type: elastic, url: "https://es.example.org:9200/x", username: weir, password: hunter2}
  - {name: opensearch, type: elastic, url: "https://os.example.org:9200", api_key: hunter2}
  - {name: sentinel, type: sentinel, endpoint: "https://weir-abcd.westeurope-1.ingest.monitor.azure.com", rule_id: dcr-0123, credential: client_secret, tenant_id: t, client_id: c, client_secret: hunter2}
  - {name: other, type: kafka, brokers: [other-1:9092], topic: alerts, sasl: {mechanism: oauthbearer, token_url: "https://login.example.org/token", client_id: weir, client_secret: hunter2}}
`

func parse(t *testing.T, file, text string) *Config {
	t.Helper()
	c, err := Parse(file, []byte(text), testOptions)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What `config show` prints is the configuration itself.
func TestYAMLLoadsAgain(t *testing.T) {
	for name, text := range map[string]string{
		"everything": everything,
		"least":      "kafka: {embedded: {}}\n",
		"no alerts":  "kafka: {embedded: {dir: x}}\nalerts: []\n",
	} {
		want := parse(t, "weir.yaml", text)
		maskAll(want)
		shown, err := want.YAML()
		if err != nil {
			t.Fatal(err)
		}
		got := parse(t, "shown.yaml", string(shown))
		if diff := cmp.Diff(want, got, ignorePlaces, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: loaded again (-want +got):\n%s\nfrom\n%s", name, diff, shown)
		}
	}
}

func TestYAMLSaysWhereFrom(t *testing.T) {
	shown, err := parse(t, "etc/weir.yaml", everything).YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"instance: node-7 # weir.yaml:2\n",
		"brokers: ['kafka-1:9092', 'kafka-2:9092'] # weir.yaml:4\n",
		"poll_interval: 1s500ms # weir.yaml:8\n",
		"default: 10m # default\n",
		"gateway.nginx: 2m # weir.yaml:11\n",
		"- $remote_addr \"$request\" $status # weir.yaml:9\n",
		"- managedFields # weir.yaml:10\n",
		"  path: /var/alerts.ndjson # weir.yaml:14\n",
	} {
		if !strings.Contains(string(shown), want) {
			t.Errorf("lacks %q:\n%s", want, shown)
		}
	}
}

func TestJSONHoldsTheSame(t *testing.T) {
	c := parse(t, "weir.yaml", everything)
	asYAML, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := c.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var fromYAML, fromJSON any
	if err := yaml.Load(asYAML, &fromYAML); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Load(asJSON, &fromJSON); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(asJSON) {
		t.Errorf("no JSON: %s", asJSON)
	}
	if diff := cmp.Diff(fromYAML, fromJSON); diff != "" {
		t.Errorf("JSON differs from YAML:\n%s", diff)
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	c := parse(t, "weir.yaml", everything)
	if c.Kafka.SASL.Password != "hunter2" {
		t.Fatalf("the password is %q", string(c.Kafka.SASL.Password))
	}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "sasl", c.Kafka.SASL, "password", c.Kafka.SASL.Password)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "sasl", c.Kafka.SASL, "password", c.Kafka.SASL.Password)
	asYAML, _ := c.YAML()
	asJSON, _ := c.JSON()
	byYAML, _ := yaml.Dump(c.Kafka.SASL)
	byJSON, _ := json.Marshal(map[string]any{"sasl": c.Kafka.SASL, "password": c.Kafka.SASL.Password})
	for name, text := range map[string]string{
		"%v": fmt.Sprintf("%v", *c.Kafka.SASL), "%+v": fmt.Sprintf("%+v", *c.Kafka.SASL), "%#v": fmt.Sprintf("%#v", *c.Kafka.SASL),
		"%s": fmt.Sprintf("%s", c.Kafka.SASL.Password), "%q": fmt.Sprintf("%q", c.Kafka.SASL.Password), "%x": fmt.Sprintf("%x", c.Kafka.SASL.Password),
		"slog": logged.String(), "YAML": string(asYAML), "JSON": string(asJSON), "yaml": string(byYAML), "json": string(byJSON),
	} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("%s shows the secret: %s", name, text)
		}
		if !strings.Contains(text, mask) && name != "%x" {
			t.Errorf("%s does not show that there is a secret: %s", name, text)
		}
	}
}

func TestPasswordFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("hunter2\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := parse(t, filepath.Join(dir, "weir.yaml"), `
kafka: {brokers: [a:1], sasl: {mechanism: plain, username: weir, password_file: password}}`)
	if got := string(c.Kafka.SASL.Password); got != "hunter2" {
		t.Errorf("the password is %q", got)
	}
	shown, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if s := string(shown); strings.Contains(s, "password:") || !strings.Contains(s, "password_file: "+filepath.Join(dir, "password")) {
		t.Errorf("shown as\n%s", s)
	}
}
