package lake

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
)

func openTestDir(t testing.TB, root string) *Dir {
	t.Helper()
	d, err := NewDir(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func write(t testing.TB, root string, table Table, b Batch, rows []Row) Result {
	t.Helper()
	res, err := NewWriter(openTestDir(t, root)).Write(context.Background(), table, b, rows)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// paths are the files of a result without their names.
func dirs(res Result) []string {
	var list []string
	for _, f := range res.Files {
		list = append(list, filepath.ToSlash(filepath.Dir(f.Path)))
	}
	return list
}

func TestPartitions(t *testing.T) {
	kafka := noon
	at := func(offset int, class ocsf.ClassUID, when time.Time) Row {
		var ev ocsf.Event
		ev.SetClass(class)
		ev.SetTime(when.UnixMilli())
		return Row{Offset: int64(offset), Value: ev.AppendJSON(nil), KafkaTime: kafka}
	}
	const day = 24 * time.Hour
	rows := []Row{
		at(0, ocsf.ClassAPIActivity, noon),
		at(1, ocsf.ClassAuthentication, noon),
		at(2, ocsf.ClassAPIActivity, time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC).Add(-time.Millisecond)),
		at(3, ocsf.ClassAPIActivity, noon.Add(day)),
		at(4, ocsf.ClassAPIActivity, noon.Add(day+time.Millisecond)),
		at(5, ocsf.ClassAPIActivity, noon.Add(-400*day)),
		at(6, ocsf.ClassAPIActivity, noon.Add(-400*day-time.Millisecond)),
		at(7, ocsf.ClassAPIActivity, time.UnixMilli(-1<<63)),
		at(9, ocsf.ClassAPIActivity, time.UnixMilli(1<<63-1)),
	}
	b := Batch{TopicID: [16]byte{0xab, 15: 0xcd}, Partition: 3, Start: 0, End: 10}
	res := write(t, t.TempDir(), Events, b, rows)
	want := []File{
		{Path: "events/class=api_activity/day=2025-09-29/ab0000000000000000000000000000cd-3-0-10-1.parquet", Rows: 1},
		{Path: "events/class=api_activity/day=2026-11-02/ab0000000000000000000000000000cd-3-0-10-1.parquet", Rows: 1},
		{Path: "events/class=api_activity/day=2026-11-03/ab0000000000000000000000000000cd-3-0-10-1.parquet", Rows: 1},
		{Path: "events/class=api_activity/day=2026-11-04/ab0000000000000000000000000000cd-3-0-10-1.parquet", Rows: 1},
		{Path: "events/class=api_activity/day=out_of_range/ab0000000000000000000000000000cd-3-0-10-1.parquet", Rows: 4},
		{Path: "events/class=authentication/day=2026-11-03/ab0000000000000000000000000000cd-3-0-10-1.parquet", Rows: 1},
	}
	for i, f := range res.Files {
		if !f.Created || f.Bytes == 0 {
			t.Errorf("%s: created %v, %d bytes", f.Path, f.Created, f.Bytes)
		}
		res.Files[i].Created, res.Files[i].Bytes = false, 0
	}
	if diff := cmp.Diff(want, res.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestRowsAreSorted(t *testing.T) {
	var ev ocsf.Event
	var rows []Row
	for i, minute := range []int{5, 1, 3, 1, 5, 0} {
		cloudTrailEvent(&ev, i)
		ev.SetTime(noon.Add(time.Duration(minute) * time.Minute).UnixMilli())
		ev.SetCount(int32(i))
		rows = append(rows, row(i, &ev))
	}
	root := t.TempDir()
	res := write(t, root, Events, Batch{TopicID: [16]byte{1}, End: 6}, rows)
	var order []string
	for _, got := range readFile(t, filepath.Join(root, res.Files[0].Path)) {
		order = append(order, got.(map[string]any)["count"].(interface{ String() string }).String())
	}
	if want := []string{"5", "1", "3", "2", "0", "4"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v: by time, then offset", order, want)
	}
}

func TestRejected(t *testing.T) {
	rows := cloudTrailRows(3)
	bad := []struct{ value, want string }{
		{`{`, "parse json"},
		{`[]`, "class_uid"},
		{`{"class_uid":4711,"time":1}`, "class_uid 4711"},
		{`{"class_uid":6003}`, "time"},
		{`{"class_uid":6003,"time":"now"}`, `time "now"`},
		{`{"class_uid":6003,"time":1793707200000,"no_such":1}`, "no_such"},
		{`{"class_uid":6003,"time":1793707200000,"severity_id":"high"}`, "severity_id"},
		{`{"class_uid":6003,"time":1793707200000,"finding_info":{"uid":"x"}}`, "finding_info is no attribute of the class api_activity"},
		{`{"class_uid":6003,"time":1793707200000,"time":1793707200001}`, "twice"},
	}
	for _, b := range bad {
		rows = slices.Insert(rows, 1, Row{Value: []byte(b.value), KafkaTime: noon})
	}
	for i := range rows {
		rows[i].Offset = int64(i)
	}
	b := Batch{TopicID: [16]byte{1}, End: int64(len(rows))}
	root := t.TempDir()
	res := write(t, root, Events, b, rows)
	if len(res.Files) != 1 || res.Files[0].Rows != 3 {
		t.Errorf("files %v, want one with the three good rows", res.Files)
	}
	if len(res.Rejected) != len(bad) {
		t.Fatalf("%d rejected, want %d", len(res.Rejected), len(bad))
	}
	for i, r := range res.Rejected {
		want := bad[len(bad)-1-i].want // each was put in front of the last
		if r.Index != i+1 || !strings.Contains(r.Err.Error(), want) {
			t.Errorf("rejected row %d with %q, want row %d and %q", r.Index, r.Err, i+1, want)
		}
	}
	again := write(t, root, Events, b, rows)
	if len(again.Rejected) != len(bad) || again.Files[0].Created {
		t.Errorf("a repeat gives %d rejected, created %v", len(again.Rejected), again.Files[0].Created)
	}
}

func TestFindingsTakeFindingsOnly(t *testing.T) {
	var ev ocsf.Event
	ev.SetClass(ocsf.ClassDetectionFinding)
	ev.SetTime(noon.UnixMilli())
	rows := append([]Row{row(0, &ev)}, cloudTrailRows(2)[1])
	res := write(t, t.TempDir(), Findings, Batch{TopicID: [16]byte{1}, End: 2}, rows)
	if want := []string{"findings/class=detection_finding/day=2026-11-03"}; !slices.Equal(dirs(res), want) {
		t.Errorf("files in %v, want %v", dirs(res), want)
	}
	if len(res.Rejected) != 1 || res.Rejected[0].Index != 1 {
		t.Errorf("rejected %v, want row 1", res.Rejected)
	}
}

func TestEmptyBatch(t *testing.T) {
	res := write(t, t.TempDir(), Events, Batch{TopicID: [16]byte{1}, Start: 7, End: 9}, nil)
	if len(res.Files)+len(res.Rejected) > 0 {
		t.Errorf("have %v, want nothing", res)
	}
}

func TestImpossibleCalls(t *testing.T) {
	rows := cloudTrailRows(2)
	good := Batch{TopicID: [16]byte{1}, End: 2}
	tests := []struct {
		name  string
		table Table
		batch Batch
		rows  []Row
	}{
		{"no table", 0, good, rows},
		{"no topic id", Events, Batch{End: 2}, rows},
		{"offset behind the end", Events, Batch{TopicID: [16]byte{1}, End: 1}, rows},
		{"offset before the start", Events, Batch{TopicID: [16]byte{1}, Start: 1, End: 2}, rows},
		{"offset twice", Events, good, []Row{rows[0], rows[0]}},
		{"wrong order", Events, good, []Row{rows[1], rows[0]}},
	}
	w := NewWriter(openTestDir(t, t.TempDir()))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if res, err := w.Write(context.Background(), tt.table, tt.batch, tt.rows); err == nil {
				t.Errorf("have %v, want an error", res)
			}
		})
	}
}

// TestPurity writes the same batch with a fresh writer and with one that has
// written something else before, and wants the same bytes.
func TestPurity(t *testing.T) {
	rows := cloudTrailRows(500)
	b := Batch{TopicID: [16]byte{1}, End: 500}
	one, two := t.TempDir(), t.TempDir()
	first := write(t, one, Events, b, rows)
	used := NewWriter(openTestDir(t, two))
	for n := range 3 {
		if _, err := used.Write(context.Background(), Events, Batch{TopicID: [16]byte{2}, Partition: int32(n), End: 500}, rows[n*20:]); err != nil {
			t.Fatal(err)
		}
	}
	second, err := used.Write(context.Background(), Events, b, rows)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("results differ:\n%s", diff)
	}
	for _, f := range first.Files {
		if !bytes.Equal(readBytes(t, filepath.Join(one, f.Path)), readBytes(t, filepath.Join(two, f.Path))) {
			t.Errorf("%s differs", f.Path)
		}
	}
}
