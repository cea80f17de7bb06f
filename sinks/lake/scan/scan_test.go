package scan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// newLake writes events into a lake in a directory, in some batches.
func newLake(t testing.TB, batches ...[]*ocsf.Event) lake.Store {
	t.Helper()
	dir, err := lake.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	w := lake.NewWriter(dir)
	for i, events := range batches {
		rows := make([]lake.Row, len(events))
		for j, ev := range events {
			rows[j] = lake.Row{Offset: int64(j), Value: ev.AppendJSON(nil), KafkaTime: noon}
		}
		b := lake.Batch{TopicID: [16]byte{1}, Partition: int32(i), Start: 0, End: int64(len(events))}
		res, err := w.Write(t.Context(), lake.Events, b, rows)
		if err != nil || len(res.Rejected) > 0 {
			t.Fatal(err, res.Rejected)
		}
	}
	return dir
}

// scanned is what a query gives, as JSON in order.
func scanned(t testing.TB, store lake.Store, q Query) ([]string, Stats) {
	t.Helper()
	var got []string
	var total Stats
	files, err := q.Files(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		stats, err := q.Read(t.Context(), store, f, func(ev *ocsf.Event) error {
			got = append(got, string(ev.AppendJSON(nil)))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		total.Add(stats)
	}
	return got, total
}

// call is an API call at some minutes after noon.
func call(i, minutes int, operation, user string) *ocsf.Event {
	ev := new(ocsf.Event)
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetActivityID(ocsf.APIActivityActivityIDRead)
	ev.SetTime(noon.Add(time.Duration(minutes) * time.Minute).UnixMilli())
	ev.Metadata.SetUID(fmt.Sprintf("uid-%d", i))
	if operation != "" {
		ev.API.SetOperation(operation)
	}
	ev.Actor.User.SetName(user)
	ev.SetSeverityID(ocsf.SeverityIDInformational)
	ev.SetRawData(fmt.Sprintf(`{"n":%d}`, i))
	r := ev.AddResources()
	r.SetUID(fmt.Sprintf("arn:%d", i))
	r.SetName("bucket")
	ev.AddResources().SetType("other")
	return ev
}

func signIn(i int) *ocsf.Event {
	ev := new(ocsf.Event)
	ev.SetClass(ocsf.ClassAuthentication)
	ev.SetActivityID(ocsf.AuthenticationActivityIDLogon)
	ev.SetTime(noon.UnixMilli())
	ev.Metadata.SetUID(fmt.Sprintf("sign-in-%d", i))
	return ev
}

func texts(events ...*ocsf.Event) []string {
	var list []string
	for _, ev := range events {
		list = append(list, string(ev.AppendJSON(nil)))
	}
	return list
}

func TestEverything(t *testing.T) {
	a, b, c := call(1, 5, "GetObject", "alice"), call(2, 3, "PutObject", "bob"), signIn(3)
	got, stats := scanned(t, newLake(t, []*ocsf.Event{a, b, c}), Query{Table: lake.Events})
	if diff := cmp.Diff(texts(b, a, c), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if want := (Stats{Files: 2, Groups: 2, GroupsNow: 2, Rows: 3, Events: 3}); stats != want {
		t.Errorf("stats %+v, want %+v", stats, want)
	}
}

func TestTimeAndClass(t *testing.T) {
	old := call(9, -3*24*60, "GetObject", "old")
	a, b := call(1, 5, "GetObject", "alice"), call(2, 3, "PutObject", "bob")
	q := Query{Table: lake.Events, From: noon.Add(3 * time.Minute), To: noon.Add(5 * time.Minute),
		Classes: map[ocsf.ClassUID]Columns{ocsf.ClassAPIActivity: {}}}
	got, stats := scanned(t, newLake(t, []*ocsf.Event{a, b, signIn(3), old}), q)
	if diff := cmp.Diff(texts(b), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if stats.Files != 1 {
		t.Errorf("%d files were opened: another class or day", stats.Files)
	}
}

// A time far from its arrival's is in a partition that is no day.
func TestOutOfRange(t *testing.T) {
	far := call(1, 60*24*60, "GetObject", "alice")
	q := Query{Table: lake.Events, From: noon.AddDate(0, 0, 30), To: noon.AddDate(0, 0, 90)}
	got, _ := scanned(t, newLake(t, []*ocsf.Event{far, call(2, 0, "GetObject", "bob")}), q)
	if diff := cmp.Diff(texts(far), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestColumns(t *testing.T) {
	q := Query{Table: lake.Events, Classes: map[ocsf.ClassUID]Columns{
		ocsf.ClassAPIActivity: {Attributes: []string{"class_uid", "time", "resources.type", "actor.user", "no.such"}}}}
	got, _ := scanned(t, newLake(t, []*ocsf.Event{call(1, 0, "GetObject", "alice")}), q)
	want := []string{fmt.Sprintf(`{"actor":{"user":{"name":"alice"}},"class_uid":6003,"resources":[{},{"type":"other"}],"time":%d}`, noon.UnixMilli())}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestConditions(t *testing.T) {
	get, put := call(1, 1, "GetObject", "alice"), call(2, 2, "PutObject", "bob")
	none, admin := call(3, 3, "", "carol"), call(4, 4, "PutObject", "admin")
	store := newLake(t, []*ocsf.Event{get, put, none, admin})
	operation := func(texts ...string) Equality { return Equality{Path: "api.operation", Texts: texts} }
	user := func(texts ...string) Equality { return Equality{Path: "actor.user.name", Texts: texts} }
	for _, tt := range []struct {
		name       string
		conditions [][]Equality
		want       []string
		unread     bool // nothing is read of the row group
	}{
		{"one", [][]Equality{{operation("PutObject")}}, texts(put, admin), false},
		{"all of a condition", [][]Equality{{operation("PutObject"), user("admin", "root")}}, texts(admin), false},
		{"any condition", [][]Equality{{operation("GetObject")}, {user("admin")}}, texts(get, admin), false},
		{"a condition without equalities", [][]Equality{{operation("GetObject")}, {}}, texts(get, put, none, admin), false},
		{"an absent one is empty", [][]Equality{{operation("")}}, texts(none), false},
		{"beyond the greatest", [][]Equality{{operation("Zzz")}}, nil, true},
		{"not in the bloom filter", [][]Equality{{operation("ListObjects")}}, nil, true},
		{"an attribute the class lacks", [][]Equality{{Equality{Path: "no.such", Texts: []string{"x"}}}}, texts(get, put, none, admin), false},
		{"numbers", [][]Equality{{{Path: "severity_id", Numbers: []int64{1}}}}, texts(get, put, none, admin), false},
		{"other numbers", [][]Equality{{{Path: "severity_id", Numbers: []int64{5}}}}, nil, true},
		{"an absent number is zero", [][]Equality{{{Path: "count", Numbers: []int64{0}}}}, texts(get, put, none, admin), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := Query{Table: lake.Events, Classes: map[ocsf.ClassUID]Columns{ocsf.ClassAPIActivity: {Conditions: tt.conditions}}}
			got, stats := scanned(t, store, q)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if unread := stats.GroupsNow == 0; unread != tt.unread {
				t.Errorf("row groups unread: %v, want %v", unread, tt.unread)
			}
		})
	}
}

// TestPruningLosesNothing holds every query against reading all and choosing.
func TestPruningLosesNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	operations := []string{"", "GetObject", "PutObject", "AssumeRole", "x\u00e9", "zz"}
	users := []string{"alice", "bob", "carol", "dave"}
	var batches [][]*ocsf.Event
	var all []*ocsf.Event
	for b := range 6 {
		var events []*ocsf.Event
		for i := range 40 {
			ev := call(b*1000+i, rnd.IntN(4*24*60), operations[rnd.IntN(1+b)], users[rnd.IntN(len(users))])
			events = append(events, ev)
		}
		batches = append(batches, events)
		all = append(all, events...)
	}
	store := newLake(t, batches...)
	pick := func(from []string) []string { return from[:1+rnd.IntN(2)] }
	for range 30 {
		rnd.Shuffle(len(operations), func(i, j int) { operations[i], operations[j] = operations[j], operations[i] })
		from := noon.Add(time.Duration(rnd.IntN(5000)) * time.Minute)
		to := from.Add(time.Duration(1+rnd.IntN(3000)) * time.Minute)
		wantOps, wantUsers := pick(operations), pick(users)
		q := Query{Table: lake.Events, From: from, To: to, Classes: map[ocsf.ClassUID]Columns{ocsf.ClassAPIActivity: {
			Attributes: []string{"class_uid", "metadata.uid"}, Conditions: [][]Equality{{{Path: "api.operation", Texts: wantOps}, {Path: "actor.user.name", Texts: wantUsers}}}}}}
		got, _ := scanned(t, store, q)
		var want []string
		for _, ev := range all {
			at := time.UnixMilli(ev.Time())
			if !at.Before(from) && at.Before(to) && slices.Contains(wantOps, ev.API.Operation()) && slices.Contains(wantUsers, ev.Actor.User.Name()) {
				want = append(want, fmt.Sprintf(`{"class_uid":6003,"metadata":{"uid":%q}}`, ev.Metadata.UID()))
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v: -want +got:\n%s", q, diff)
		}
	}
}
