package deadletter_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/deadletter"
	"github.com/weir-security/weir/internal/pipeline"
	"github.com/weir-security/weir/internal/sources"
)

// world is a pipeline with its logs, broker and lake in one directory.
type world struct {
	dir    string
	config *config.Config
	rules  *detections.RuleSet
	names  broker.Names
	seeds  []string // of Kafka; none: each run has the embedded broker to itself
}

const trail = "aws.cloudtrail"

var quiet = slog.New(slog.DiscardHandler)

// newWorld is a world whose logs are collected as those of the source.
func newWorld(dir, source string) (*world, error) {
	cfg := config.Default()
	cfg.Instance = "test"
	cfg.Kafka.Embedded = &config.Embedded{Dir: filepath.Join(dir, "broker")}
	cfg.Kafka.Partitions = config.Partitions{Raw: 2, Events: 1, Signals: 2, Alerts: 1}
	cfg.Lake.Dir = filepath.Join(dir, "lake")
	cfg.Lateness.Default = 24 * time.Hour // partitions are read without regard to each other: nothing may be late
	cfg.Collectors = []config.Collector{{
		Name: "logs", Type: config.CollectorFile, Source: source,
		File: &config.FileCollector{Path: filepath.Join(dir, "logs"), Origin: "s3://logs", PollInterval: 20 * time.Millisecond},
	}}
	cfg.Alerts = []config.Alert{{Name: "file", Type: config.AlertFile, File: &config.FileAlert{Path: filepath.Join(dir, "alerts.ndjson")}}}
	rules, err := detections.Load(filepath.Join("..", "pipeline", "testdata", "rules"), detections.LoadOptions{})
	return &world{dir: dir, config: cfg, rules: rules, names: broker.Names{Prefix: cfg.Kafka.TopicPrefix}}, err
}

// worldOf is newWorld with one log file.
func worldOf(t *testing.T, source, log string) *world {
	t.Helper()
	w, err := newWorld(t.TempDir(), source)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.dir, "logs", "a.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := w.serve(ctx, ctx, true); err != nil {
		t.Fatal(err)
	}
}

// serve is weir run until drain is done, or --once.
func (w *world) serve(ctx, drain context.Context, once bool) error {
	return pipeline.Run(ctx, drain, pipeline.Options{
		Config: w.config, Sources: sources.Builtin().All(), Rules: w.rules, Once: once, Terminal: io.Discard, Workers: 2, Log: quiet,
	})
}

// share makes the broker one of its own, as Kafka is: pipeline and replay use it at
// the same time.
func (w *world) share(t *testing.T) {
	t.Helper()
	embedded, err := broker.StartEmbedded(w.config.Kafka.Embedded.Dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = embedded.Close() })
	w.on(embedded.Addrs(), w.names.Prefix)
}

// on puts the world's topics on Kafka.
func (w *world) on(seeds []string, prefix string) {
	w.seeds, w.names.Prefix = seeds, prefix
	k := &w.config.Kafka
	k.Embedded, k.Brokers, k.TopicPrefix, k.GroupPrefix, k.ReplicationFactor = nil, seeds, prefix, prefix, 1
}

// withBroker does something with the world's broker.
func (w *world) withBroker(do func(broker.Options) error) error {
	if w.seeds != nil {
		return do(broker.Options{Seeds: w.seeds, Log: quiet, MaxMessage: broker.MaxMessageBytes})
	}
	embedded, err := broker.StartEmbedded(w.config.Kafka.Embedded.Dir, quiet)
	if err != nil {
		return err
	}
	defer embedded.Close()
	return do(broker.Options{Seeds: embedded.Addrs(), Log: quiet, MaxMessage: broker.MaxMessageBytes})
}

// complete fills in what a replay needs of the world.
func (w *world) complete(opts broker.Options, r deadletter.Replay) deadletter.Replay {
	r.Judge.Try = pipeline.NewTrial(opts, w.names, sources.Builtin().All(), nil, w.rules, quiet).Try
	r.Judge.Sources = sources.Builtin()
	r.Judge.RecordLimit = w.config.Limits.Record
	return r
}

func (w *world) replay(t *testing.T, r deadletter.Replay) *deadletter.Result {
	t.Helper()
	var result *deadletter.Result
	err := w.withBroker(func(opts broker.Options) (err error) {
		result, err = w.complete(opts, r).Run(t.Context(), opts, w.names)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// letters is the world's dead letters, each as "place reason", and "replayed" where
// it was.
func (w *world) letters(t *testing.T) (out []string) {
	t.Helper()
	err := w.withBroker(func(opts broker.Options) error {
		log, err := deadletter.Open(t.Context(), opts, w.names.DLQ())
		if err != nil {
			return err
		}
		return log.Each(t.Context(), deadletter.Filter{}, func(l *deadletter.Letter) error {
			text := l.Origin.String() + " " + string(l.Reason)
			if l.Replayed {
				text += " replayed"
			}
			out = append(out, text)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// books is what a world came to, as its readers see it: how often each uid is
// there.
type books struct {
	Events, Alerts, EventRows, AlertRows, Delivered map[string]int
}

func (w *world) audit(t *testing.T) books {
	t.Helper()
	b := books{
		Events: map[string]int{}, Alerts: map[string]int{}, Delivered: w.delivered(t),
		EventRows: w.rows(t, "events"), AlertRows: w.rows(t, "findings"),
	}
	err := w.withBroker(func(opts broker.Options) error {
		for topic, counts := range map[string]map[string]int{w.names.Events(): b.Events, w.names.Alerts(): b.Alerts} {
			if err := eachRecord(t, opts, topic, func(r *kgo.Record) { counts[string(r.Key)]++ }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func eachRecord(t *testing.T, opts broker.Options, topic string, visit func(*kgo.Record)) error {
	ranges, err := opts.VisibleRanges(t.Context(), topic)
	if err != nil {
		return err
	}
	return opts.ReadRange(t.Context(), topic, ranges[topic], visit)
}

// rows counts the rows of a table by metadata.uid.
func (w *world) rows(t *testing.T, name string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	err := filepath.WalkDir(filepath.Join(w.config.Lake.Dir, name), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".parquet") {
			return nil // no table where nothing was written
		}
		return readUIDs(path, counts)
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

func readUIDs(path string, counts map[string]int) error {
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	table, err := r.ReadTable(context.Background())
	if err != nil {
		return err
	}
	defer table.Release()
	column := table.Column(table.Schema().FieldIndices("metadata")[0])
	for _, chunk := range column.Data().Chunks() {
		metadata := chunk.(*array.Struct)
		at, _ := metadata.DataType().(interface{ FieldIdx(string) (int, bool) }).FieldIdx("uid")
		for i := range metadata.Len() {
			counts[metadata.Field(at).(*array.String).Value(i)]++
		}
	}
	return nil
}

func (w *world) delivered(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile(w.config.Alerts[0].File.Path)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for line := range strings.Lines(string(text)) {
		var alert struct{ Metadata struct{ UID string } }
		if err := json.Unmarshal([]byte(line), &alert); err != nil {
			t.Fatal(err)
		}
		counts[alert.Metadata.UID]++
	}
	return counts
}

// await waits until a running pipeline has delivered n alerts.
func (w *world) await(t *testing.T, ended <-chan error, n int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		text, err := os.ReadFile(w.config.Alerts[0].File.Path)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Count(string(text), "\n")
		if got == n {
			return
		}
		select {
		case err := <-ended:
			t.Fatalf("the pipeline ended: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d alerts after a minute", got, n)
		}
	}
}

// call is a CloudTrail record. pad makes it larger.
func call(i int, pad string) string {
	name, service := "DescribeInstances", "ec2.amazonaws.com"
	switch {
	case i%10 == 3:
		name, service = "StopLogging", "cloudtrail.amazonaws.com"
	case i%3 == 0:
		name, service = "GetSecretValue", "secretsmanager.amazonaws.com"
	}
	at := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC).Add(time.Duration(i) * 6 * time.Second)
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::111122223333:user/ines.koch","accountId":"111122223333","userName":"ines.koch"},`+
		`"eventTime":%q,"eventSource":%q,"eventName":%q,"awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.%d","userAgent":"aws-cli/2.31.0","requestParameters":{"note":%q},"responseElements":null,`+
		`"requestID":"r-%d","eventID":"c-%d","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`,
		at.Format(time.RFC3339), service, name, i%250+1, pad, i, i)
}

func calls(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = call(i, "")
	}
	return all
}
