package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/internal/telemetry"
	"github.com/weir-security/weir/normalize/redact"
)

// service is a world's pipeline that runs until it is drained, with its server.
type service struct {
	stats  *Stats
	server *telemetry.Server
	log    bytes.Buffer // written by one handler, to be read when the service has ended
	drain  context.CancelFunc
	ended  chan error
}

func startService(t *testing.T, w *world) *service {
	t.Helper()
	return startServiceWith(t, w, func(*Options) {})
}

// startServiceWith is startService with other options.
func startServiceWith(t *testing.T, w *world, change func(*Options)) *service {
	t.Helper()
	rules, err := detections.Load(w.config.Rules.Dir, detections.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{stats: NewStats(), ended: make(chan error, 1)}
	log := slog.New(slog.NewJSONHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if s.server, err = telemetry.Start(s.stats.Telemetry, "127.0.0.1:0", false, log); err != nil {
		t.Fatal(err)
	}
	s.stats.Telemetry.Version("test")
	t.Cleanup(func() { _ = s.server.Close() })
	drain, stop := context.WithCancel(t.Context())
	s.drain = stop
	o := Options{Config: w.config, Sources: sources.Builtin().All(), Rules: rules, Terminal: io.Discard, Log: log, Stats: s.stats}
	change(&o)
	go func() { s.ended <- Run(t.Context(), drain, o) }() // ends with the drain
	return s
}

// get is one request to the server.
func (s *service) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.server.Addr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// scrape is what Prometheus would read.
func (s *service) scrape(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	_, body := s.get(t, telemetry.PathMetrics)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatalf("the metrics are not Prometheus' text format: %v", err)
	}
	return families
}

// sum adds the values of a metric with the given labels ("name=value").
func sum(f *dto.MetricFamily, labels ...string) float64 {
	total := 0.0
	for _, m := range f.GetMetric() {
		have := map[string]bool{}
		for _, l := range m.GetLabel() {
			have[l.GetName()+"="+l.GetValue()] = true
		}
		matches := true
		for _, l := range labels {
			matches = matches && have[l]
		}
		if matches {
			total += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return total
}

// until polls a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come about", what)
		}
	}
}

// TestSeenFromOutside runs a pipeline as a service, as an operator does, and holds
// what its server shows to the summary and to the documentation.
func TestSeenFromOutside(t *testing.T) {
	w := newWorld(t.TempDir())
	w.writeLogs(t)
	w.appendLines(t, strings.Replace(trailRecord(worldRecords), `"responseElements":null`, `"responseElements":{"credentials":{"sessionToken":"IQoJb3JpZ2luX2VjEXAMPLETOKEN"}}`, 1)+"\n")
	w.config.Lake.Flush.Idle = 200 * time.Millisecond
	w.config.IdleAfter = time.Second // empty partitions let the watermark go
	policy, err := redact.New(redact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := startServiceWith(t, w, func(o *Options) { o.Redact = policy })
	until(t, "a ready service", func() bool {
		status, _ := s.get(t, telemetry.PathReady)
		return status == http.StatusOK
	})
	for _, role := range Roles {
		if status, body := s.get(t, telemetry.PathReady+"/"+string(role)); status != http.StatusOK {
			t.Errorf("role %s answers %d %s", role, status, body)
		}
	}
	until(t, "an end of the work", func() bool { return idle(s.stats.Snapshot()) })
	var families map[string]*dto.MetricFamily
	var differences string
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		before := s.stats.Snapshot()
		families = s.scrape(t)
		if cmp.Equal(before, s.stats.Snapshot()) { // else something came in between
			if differences = compareWithSummary(families, before); differences == "" {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("metrics and summary differ: %s", differences)
		}
	}
	compareWithDocs(t, families)

	s.drain()
	if err := <-s.ended; err != nil {
		t.Fatal(err)
	}
	status, body := s.get(t, telemetry.PathReady)
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "ended") {
		t.Errorf("after the drain /readyz answers %d %s", status, body)
	}
	for _, piece := range []string{"AIDAEXAMPLE", "192.0.2.", "StopLogging", "broken-7"} {
		if strings.Contains(s.log.String(), piece) {
			t.Errorf("the log quotes a record: %s", piece)
		}
	}
	checkBooks(t, w.audit(t))
}

// idle reports whether everything has come out at the end, by the counts alone.
func idle(snap Snapshot) bool {
	c := snap.Sources["aws.cloudtrail"]
	alerts := c.Alerted + snap.RollUps
	return c.Read == worldRecords+1 && c.Read == c.Normalized+c.DeadLettered+c.Duplicates &&
		alerts > 30 && snap.Rows == c.Normalized+alerts && snap.Delivered["file"] == alerts
}

// compareWithSummary says where the metrics of a service at rest are not those of
// its summary.
func compareWithSummary(families map[string]*dto.MetricFamily, snap Snapshot) (differences string) {
	c := snap.Sources["aws.cloudtrail"]
	source := "source=aws.cloudtrail"
	for _, want := range []struct {
		name   string
		labels []string
		value  int64
	}{
		{"weir_read_records_total", []string{source}, c.Read},
		{"weir_events_total", []string{source}, c.Normalized},
		{"weir_duplicates_total", []string{source}, c.Duplicates},
		{"weir_dead_letters_total", []string{source}, c.DeadLettered},
		{"weir_dead_letters_total", []string{source, "stage=collect", "reason=syntax"}, snap.Letters["aws.cloudtrail: syntax"]},
		{"weir_alerts_total", []string{source}, c.Alerted},
		{"weir_rollups_total", nil, snap.RollUps},
		{"weir_lake_files_total", nil, snap.Files},
		{"weir_lake_rows_total", nil, snap.Rows},
		{"weir_lake_rows_total", []string{"table=events"}, c.Normalized},
		{"weir_lake_rows_total", []string{"table=findings"}, c.Alerted + snap.RollUps},
		{"weir_lake_bytes_total", nil, snap.Bytes},
		{"weir_deliveries_total", []string{"destination=file"}, snap.Delivered["file"]},
		{"weir_latency_seconds", []string{"role=detect"}, c.Normalized + c.Duplicates},
		{"weir_latency_seconds", []string{"role=store"}, snap.Rows},
		{"weir_latency_seconds", []string{"role=deliver"}, snap.Delivered["file"]},
		{"weir_ready", nil, int64(len(Roles))},
		{"weir_lag_records", nil, 0},
		{"weir_lag_event_time_seconds", nil, 0},
		{"weir_rule_errors_total", nil, 0},
		{"weir_delivery_retries_total", nil, 0},
		{"weir_lake_buffered_rows", nil, 0},
	} {
		family := families[want.name]
		if got := sum(family, want.labels...); family == nil || got != float64(want.value) {
			differences += fmt.Sprintf("%s%v is %v, want %d\n", want.name, want.labels, got, want.value)
		}
	}
	for _, name := range []string{
		"weir_read_bytes_total", "weir_rule_matches_total", "weir_kafka_connects_total",
		"weir_kafka_read_bytes_total", "weir_correlator_watermark_seconds",
	} {
		if sum(families[name]) == 0 {
			differences += name + " is 0\n"
		}
	}
	for _, role := range Roles {
		if sum(families["weir_transactions_total"], "role="+string(role), "outcome=committed") == 0 {
			differences += string(role) + " has committed nothing\n"
		}
	}
	return differences
}

var documentedMetric = regexp.MustCompile("(?m)^\\| `(weir_[a-z_]+)` \\|")

// compareWithDocs finds metrics that the page promises and a run does not show,
// and the other way round.
func compareWithDocs(t *testing.T, families map[string]*dto.MetricFamily) {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range documentedMetric.FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = true
		if families[m[1]] == nil {
			t.Errorf("docs/operations.md has %s, the service does not", m[1])
		}
	}
	for name := range families {
		if strings.HasPrefix(name, "weir_") && !documented[name] {
			t.Errorf("the service has %s, docs/operations.md does not", name)
		}
	}
}

// TestStoppedPartition is the readiness of a store that meets an unfinished batch
// of a layout that it does not know.
func TestStoppedPartition(t *testing.T) {
	w := newWorld(t.TempDir())
	w.writeLogs(t)
	if err := w.run(t.Context(), Options{Once: true}); err != nil {
		t.Fatal(err)
	}
	promiseUnknownLayout(t, w)
	s := startService(t, w)
	var body string
	until(t, "a store that is not ready", func() bool {
		var status int
		status, body = s.get(t, telemetry.PathReady+"/store")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "has stopped")
	})
	var answer struct{ Roles []telemetry.RoleHealth }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if reasons := answer.Roles[0].Reasons; len(reasons) == 0 || !strings.Contains(strings.Join(reasons, "\n"), "layout 999") {
		t.Errorf("reasons are %q", reasons)
	}
	until(t, "a ready detect beside it", func() bool {
		status, _ := s.get(t, telemetry.PathReady+"/detect")
		return status == http.StatusOK
	})
	s.drain()
	if err := <-s.ended; err == nil || !strings.Contains(err.Error(), "layout 999") {
		t.Errorf("the service ended with %v", err)
	}
}

// promiseUnknownLayout leaves what a newer weir would leave when it is killed
// between an intent and its files.
func promiseUnknownLayout(t *testing.T, w *world) {
	t.Helper()
	opts, release := w.reach(t)
	defer release()
	cl, err := opts.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	topic := w.config.Kafka.TopicPrefix + "events"
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, Partition: 1, At: 10, LeaderEpoch: -1, Metadata: `{"v":1,"end":20,"layout":999}`})
	if err := kadm.NewClient(cl).CommitAllOffsets(t.Context(), w.config.Kafka.GroupPrefix+string(RoleStore), offsets); err != nil {
		t.Fatal(err)
	}
}
