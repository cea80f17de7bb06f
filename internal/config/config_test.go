package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var testOptions = Options{
	Sources: []string{"aws.cloudtrail", "azure.activity", "gateway.nginx", "kubernetes.audit"},
	CheckFormat: func(_, format string) error {
		if format == "bad format" {
			return errors.New("it names no field")
		}
		return nil
	},
	CheckRedact: CheckRedact{
		Key:   func(name string) error { return atLeast(name, 3) },
		Value: func(expr string) error { _, err := regexp.Compile(expr); return err },
	},
	Env: func(name string) (string, bool) {
		v, set := map[string]string{"HOST": "kafka-1:9092", "EMPTY": "", "PARTITIONS": "8", "YAML": "x, brokers: [evil:1]"}[name]
		return v, set
	},
}

func atLeast(s string, n int) error {
	if len(s) < n {
		return fmt.Errorf("want %d letters, got %q", n, s)
	}
	return nil
}

var ignorePlaces = cmpopts.IgnoreFields(Config{}, "places", "File")

func TestParse(t *testing.T) {
	got, err := Parse("etc/weir.yaml", []byte(`
instance: node-7
kafka:
  brokers: ["${HOST}", kafka-2:9092]
  partitions: {raw: "${PARTITIONS}", alerts: 2}
  retention: {signals: 7d}
collectors:
  - {name: trail, type: file, source: aws.cloudtrail, path: logs/cloudtrail, origin: "s3://trail/", backfill: true}
  - {name: nginx, type: file, source: gateway.nginx, path: /var/log/nginx, poll_interval: 250ms}
rules: {dir: rules}
lateness: {default: 5m, sources: {gateway.nginx: 2m}}
lake: {flush: {bytes: 1GiB}}
alerts:
  - {name: file, type: file, path: ../alerts.ndjson}
log: {level: debug}
`), testOptions)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Instance = "node-7"
	want.Kafka.Embedded = nil
	want.Kafka.Brokers = []string{"kafka-1:9092", "kafka-2:9092"}
	want.Kafka.Partitions = Partitions{Raw: 8, Events: 4, Signals: 4, Alerts: 2}
	want.Dedup.MaxKeys = 1_000_000
	want.Kafka.Retention.Signals = 168 * time.Hour
	want.Collectors = []Collector{
		{
			Name: "trail", Type: CollectorFile, Source: "aws.cloudtrail", Backfill: true,
			File: &FileCollector{Path: filepath.Join("etc", "logs", "cloudtrail"), Origin: "s3://trail/", PollInterval: time.Second},
		},
		{
			Name: "nginx", Type: CollectorFile, Source: "gateway.nginx",
			File: &FileCollector{Path: "/var/log/nginx", PollInterval: 250 * time.Millisecond},
		},
	}
	want.Rules.Dir = filepath.Join("etc", "rules")
	want.Lateness = Lateness{Default: 5 * time.Minute, Sources: map[string]time.Duration{"gateway.nginx": 2 * time.Minute}}
	want.Lake.Dir = filepath.Join("etc", "data", "lake")
	want.Lake.Flush.Bytes = 1 << 30
	want.Alerts = []Alert{{Name: "file", Type: AlertFile, File: &FileAlert{Path: "alerts.ndjson"}}}
	want.Log.Level = "debug"
	if diff := cmp.Diff(want, got, ignorePlaces); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	if got, want := got.Lateness.Of("gateway.nginx"), 2*time.Minute; got != want {
		t.Errorf("lateness of gateway.nginx is %v, want %v", got, want)
	}
	if got, want := got.Lateness.Of("aws.cloudtrail"), 5*time.Minute; got != want {
		t.Errorf("lateness of aws.cloudtrail is %v, want %v", got, want)
	}
}

// A variable is expanded after the file is parsed: what it holds stays one text.
func TestVariableCannotInjectYAML(t *testing.T) {
	c, err := Parse("weir.yaml", []byte("kafka: {embedded: {dir: \"${YAML}\"}}\n"), testOptions)
	if err != nil {
		t.Fatal(err)
	}
	if c.Kafka.Brokers != nil || c.Kafka.Embedded.Dir != "x, brokers: [evil:1]" {
		t.Errorf("the variable changed the structure: %+v", c.Kafka)
	}
}

// The topic of signals has to hold what correlation may need again.
func TestCheckWindows(t *testing.T) {
	c := parse(t, "weir.yaml", `
kafka:
  embedded: {}
  retention: {signals: 26h}
lateness: {default: 10m, sources: {azure.activity: 1h}}
`)
	if err := c.CheckWindows(25*time.Hour - time.Millisecond); err != nil {
		t.Errorf("26h for less than 25h and 1h of lateness: %v", err)
	}
	err := c.CheckWindows(25 * time.Hour)
	want := "weir.yaml:4:24: kafka.retention.signals: must be more than 26h, " +
		"the longest window and suppression of the rules (25h) and the lateness (1h); it is 26h"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
