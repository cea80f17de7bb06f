package pipeline

import (
	"bufio"
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
	"github.com/weir-security/weir/internal/sources"
)

// world is one input with everything that a pipeline makes of it, in one
// directory. Its logs have a fixed origin, so that two worlds with equal logs
// have equal uids and alert ids.
type world struct {
	dir    string
	config *config.Config
}

const (
	worldRecords = 6000 // of them one in 40 is broken; more than a collector puts at once
	worldBroken  = worldRecords / 40
)

func newWorld(dir string) *world {
	cfg := config.Default()
	cfg.Instance = "test"
	cfg.Kafka.Embedded = &config.Embedded{Dir: filepath.Join(dir, "broker")}
	cfg.Kafka.Partitions = config.Partitions{Raw: 2, Events: 2, Signals: 2, Alerts: 2}
	cfg.Rules.Dir = filepath.Join("testdata", "rules")
	cfg.Lake.Dir = filepath.Join(dir, "lake")
	// Logs are made in order of time, but a partition is read without regard to the
	// others: nothing may be late here.
	cfg.Lateness.Default = time.Hour
	cfg.Collectors = []config.Collector{{
		Name: "trail", Type: config.CollectorFile, Source: "aws.cloudtrail",
		File: &config.FileCollector{Path: filepath.Join(dir, "logs"), Origin: "test", PollInterval: 20 * time.Millisecond},
	}}
	cfg.Alerts = []config.Alert{{Name: "file", Type: config.AlertFile, File: &config.FileAlert{Path: filepath.Join(dir, "alerts.ndjson")}}}
	cfg.ShutdownTimeout = 10 * time.Second
	useCluster(dir, cfg)
	return &world{dir: dir, config: cfg}
}

// writeLogs makes the input: CloudTrail records, one a line, some of them broken.
func (w *world) writeLogs(t testing.TB) {
	t.Helper()
	var b strings.Builder
	for i := range worldRecords {
		if i%40 == 7 {
			fmt.Fprintf(&b, "{\"eventID\": \"broken-%d\", \n", i)
			continue
		}
		b.WriteString(trailRecord(i) + "\n")
	}
	path := filepath.Join(w.dir, "logs", "trail.ndjson")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func trailRecord(i int) string {
	name, service := "DescribeInstances", "ec2.amazonaws.com"
	switch {
	case i%25 == 3:
		name, service = "StopLogging", "cloudtrail.amazonaws.com"
	case i%3 == 0:
		name, service = "GetSecretValue", "secretsmanager.amazonaws.com"
	}
	at := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC).Add(time.Duration(i) * 6 * time.Second)
	user := []string{"alice", "bob", "carol"}[i%7%3]
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE%s","arn":"arn:aws:iam::111122223333:user/%s","accountId":"111122223333","userName":%q},"eventTime":%q,"eventSource":%q,"eventName":%q,"awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.%d","userAgent":"aws-cli/2.31.0","requestParameters":null,"responseElements":null,"requestID":"r-%d","eventID":"00000000-0000-4000-8000-%012d","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`,
		strings.ToUpper(user), user, user, at.Format(time.RFC3339), service, name, i%250+1, i, i)
}

// run takes the world's input through the pipeline once.
func (w *world) run(ctx context.Context, o Options) error {
	rules, err := detections.Load(w.config.Rules.Dir, detections.LoadOptions{})
	if err != nil {
		return err
	}
	o.Config, o.Sources, o.Rules, o.Terminal = w.config, sources.All(), rules, io.Discard
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return Run(ctx, ctx, o)
}

// books is what is in a world after a run, by reading it as others would.
type books struct {
	Raw, Dead, Duplicates int
	Events                map[string]int // by uid, in the topic
	Alerts                map[string]int // by id, in the topic
	EventRows             map[string]int // by uid, in Parquet
	AlertRows             map[string]int // by id, in Parquet
	Delivered             map[string]int // by id, in the file destination
}

func (w *world) audit(t testing.TB) books {
	t.Helper()
	b := books{
		Events: map[string]int{}, Alerts: map[string]int{}, Delivered: map[string]int{},
		EventRows: w.rows(t, "events"), AlertRows: w.rows(t, "findings"),
	}
	opts, release := w.reach(t)
	defer release()
	names := broker.Names{Prefix: w.config.Kafka.TopicPrefix}
	eachCommitted(t, opts, names.Raw("aws.cloudtrail"), func(*kgo.Record) { b.Raw++ })
	eachCommitted(t, opts, names.DLQ(), func(*kgo.Record) { b.Dead++ })
	eachCommitted(t, opts, names.Events(), func(r *kgo.Record) { b.Events[string(r.Key)]++ })
	eachCommitted(t, opts, names.Alerts(), func(r *kgo.Record) { b.Alerts[string(r.Key)]++ })
	for _, id := range fileAlerts(t, w.config.Alerts[0].File.Path) {
		b.Delivered[id]++
	}
	return b
}

// eachCommitted visits what a read_committed consumer of a topic sees.
func eachCommitted(t testing.TB, opts broker.Options, topic string, visit func(*kgo.Record)) {
	t.Helper()
	ranges, err := opts.VisibleRanges(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	if err := opts.ReadRange(t.Context(), topic, ranges[topic], visit); err != nil {
		t.Fatal(err)
	}
}

// rows counts, by metadata.uid, the rows of a table: as a reader that lists
// files and reads them.
func (w *world) rows(t testing.TB, table string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	root := filepath.Join(w.config.Lake.Dir, table)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			readUIDs(t, path, counts)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

func readUIDs(t testing.TB, path string, counts map[string]int) {
	t.Helper()
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer f.Close()
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	tbl, err := r.ReadTable(context.Background())
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer tbl.Release()
	column := tbl.Column(tbl.Schema().FieldIndices("metadata")[0])
	for _, chunk := range column.Data().Chunks() {
		metadata := chunk.(*array.Struct)
		at, _ := metadata.DataType().(interface{ FieldIdx(string) (int, bool) }).FieldIdx("uid")
		uids := metadata.Field(at).(*array.String)
		for i := range uids.Len() {
			counts[uids.Value(i)]++
		}
	}
}

func fileAlerts(t testing.TB, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var ids []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var alert struct {
			Metadata struct {
				UID string `json:"uid"`
			} `json:"metadata"`
		}
		if err := json.Unmarshal(lines.Bytes(), &alert); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		ids = append(ids, alert.Metadata.UID)
	}
	return ids
}
