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
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/schemas/ocsf"
)

// world is one input with everything that a pipeline makes of it, in one
// directory. Its logs have a fixed origin, so that two worlds with equal logs
// have equal uids and alert ids.
type world struct {
	dir    string
	config *config.Config
	// calm, if there is one, is held by who counts: its writer makes trouble for the
	// brokers.
	calm *sync.RWMutex
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
	useHub(dir, cfg)
	useTimeline(dir, cfg)
	return &world{dir: dir, config: cfg}
}

// writeLogs makes the input: CloudTrail records, one a line, some of them broken.
func (w *world) writeLogs(t testing.TB) {
	t.Helper()
	w.appendLogs(t, 0, worldRecords, 0)
}

// appendLogs appends the records [from, to) of the input. One in again of them is
// delivered a second time, copyAfter records later; none if again is 0.
func (w *world) appendLogs(t testing.TB, from, to, again int) {
	t.Helper()
	var b strings.Builder
	for i := from; i < to; i++ {
		if isBroken(i) {
			fmt.Fprintf(&b, "{\"eventID\": \"broken-%d\", \n", i)
		} else {
			b.WriteString(trailRecord(i) + "\n")
		}
		if isCopied(i-copyAfter, again) {
			b.WriteString(trailRecord(i-copyAfter) + "\n")
		}
	}
	w.appendLines(t, b.String())
}

// appendLines appends to the world's only log.
func (w *world) appendLines(t testing.TB, lines string) {
	t.Helper()
	path := filepath.Join(w.dir, "logs", "trail.ndjson")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(lines); err != nil {
		t.Fatal(err)
	}
}

// copyAfter is far enough for the copy to come in another transaction, or after a
// restart.
const copyAfter = 35

func isBroken(i int) bool { return i%40 == 7 }

func isCopied(i, again int) bool { return again > 0 && i >= 0 && i%again == 0 && !isBroken(i) }

// mostLate bounds, in minutes, how much older a record is than what came before it.
const mostLate = 9

func trailRecord(i int) string {
	name, service := "DescribeInstances", "ec2.amazonaws.com"
	switch {
	case i%25 == 3:
		name, service = "StopLogging", "cloudtrail.amazonaws.com"
	case i%3 == 0:
		name, service = "GetSecretValue", "secretsmanager.amazonaws.com"
	}
	at := time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC).Add(time.Duration(i) * 6 * time.Second)
	if i%11 == 5 {
		at = at.Add(-time.Duration(i%mostLate) * time.Minute)
	}
	return trailRecordOf(i, at, name, service)
}

// trailRecordOf is a record of its own number, of one of three users.
func trailRecordOf(i int, at time.Time, name, service string) string {
	user := []string{"alice", "bob", "carol"}[i%7%3]
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE%s","arn":"arn:aws:iam::111122223333:user/%s","accountId":"111122223333","userName":%q},"eventTime":%q,"eventSource":%q,"eventName":%q,"awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.%d","userAgent":"aws-cli/2.31.0","requestParameters":null,"responseElements":null,"requestID":"r-%d","eventID":"00000000-0000-4000-8000-%012d","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`,
		strings.ToUpper(user), user, user, at.Format(time.RFC3339), service, name, i%250+1, i, i)
}

// run takes the world's input through the pipeline once.
func (w *world) run(ctx context.Context, o Options) error { return w.runUntil(ctx, ctx, o) }

// runUntil runs the world's pipeline until drain is done, or once.
func (w *world) runUntil(ctx, drain context.Context, o Options) error {
	o, err := w.options(o)
	if err != nil {
		return err
	}
	return Run(ctx, drain, o)
}

// options fills in what is the world's.
func (w *world) options(o Options) (Options, error) {
	rules, err := detections.Load(w.config.Rules.Dir, detections.LoadOptions{})
	o.Config, o.Sources, o.Rules, o.Terminal = w.config, w.sources(), rules, io.Discard
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, err
}

// books is what is in a world after a run, by reading it as others would.
type books struct {
	Raw, Dead int
	Events    map[string]int    // by uid, in the topic
	Alerts    map[string]int    // by id, in the topic
	RollUps   map[string]string // by id, without the time of processing
	EventRows map[string]int    // by uid, in Parquet
	AlertRows map[string]int    // by id, in Parquet
	Delivered map[string]int    // by id, in the file destination
	// Rows of topics that are gone, with the broker that was wiped.
	OldEventRows, OldAlertRows map[string]int
}

func (w *world) audit(t testing.TB) books {
	t.Helper()
	b := books{Events: map[string]int{}, Alerts: map[string]int{}, RollUps: map[string]string{}, Delivered: map[string]int{}}
	opts, release := w.reach(t)
	defer release()
	names := broker.Names{Prefix: w.config.Kafka.TopicPrefix}
	b.EventRows, b.OldEventRows = w.rowsByTopic(t, "events", topicID(t, opts, names.Events()))
	b.AlertRows, b.OldAlertRows = w.rowsByTopic(t, "findings", topicID(t, opts, names.Alerts()))
	eachCommitted(t, opts, names.Raw("aws.cloudtrail"), func(*kgo.Record) { b.Raw++ })
	eachCommitted(t, opts, names.DLQ(), func(*kgo.Record) { b.Dead++ })
	eachCommitted(t, opts, names.Events(), func(r *kgo.Record) { b.Events[string(r.Key)]++ })
	eachCommitted(t, opts, names.Alerts(), func(r *kgo.Record) {
		b.Alerts[string(r.Key)]++
		var ev ocsf.Event
		if err := ev.UnmarshalJSON(r.Value); err != nil {
			t.Fatal(err)
		}
		if detections.IsRollup(&ev) {
			ev.Metadata.ClearProcessedTime()
			b.RollUps[string(r.Key)] = string(ev.AppendJSON(nil))
		}
	})
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

// topicID is the id of a topic as the lake's file names have it.
func topicID(t testing.TB, opts broker.Options, topic string) string {
	t.Helper()
	cl, err := opts.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	topics, err := kadm.NewClient(cl).ListTopics(t.Context(), topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", [16]byte(topics[topic].ID))
}

// rows counts, by metadata.uid, the rows of a table: as a reader that lists
// files and reads them.
func (w *world) rows(t testing.TB, table string) map[string]int {
	t.Helper()
	all, _ := w.rowsByTopic(t, table, "")
	return all
}

// rowsByTopic is rows, with those of other topics than the one counted apart.
func (w *world) rowsByTopic(t testing.TB, table, topic string) (current, old map[string]int) {
	t.Helper()
	current, old = map[string]int{}, map[string]int{}
	root := filepath.Join(w.config.Lake.Dir, table)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			counts := current
			if !strings.HasPrefix(filepath.Base(path), topic) {
				counts = old
			}
			readUIDs(t, path, counts)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return current, old
}

// readUIDs counts the values of one column: the others, hundreds of them, cost too
// much to be read for each of thousands of worlds.
func readUIDs(t testing.TB, path string, counts map[string]int) {
	t.Helper()
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer f.Close()
	at := f.MetaData().Schema.ColumnIndexByName("metadata.uid")
	for i := range f.NumRowGroups() {
		group := f.RowGroup(i)
		column, err := group.Column(at)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		uids, levels := make([]parquet.ByteArray, group.NumRows()), make([]int16, group.NumRows())
		for r, left := column.(*file.ByteArrayColumnChunkReader), group.NumRows(); left > 0; {
			rows, values, err := r.ReadBatch(left, uids, levels, nil)
			if err != nil || rows == 0 || int(rows) != values {
				t.Fatalf("%s: %d of %d rows left, of the next %d have %d a metadata.uid: %v", path, left, group.NumRows(), rows, values, err)
			}
			for _, uid := range uids[:values] {
				counts[uid.String()]++
			}
			left -= rows
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
