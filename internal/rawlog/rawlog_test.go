package rawlog

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// call is a CloudTrail record of its own id.
func call(id int) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","eventTime":"2026-11-18T09:41:07Z","eventSource":"iam.amazonaws.com","eventName":"ListUsers",`+
		`"awsRegion":"us-east-1","sourceIPAddress":"198.51.100.24","userIdentity":{"type":"IAMUser","userName":"ines.koch"},"eventID":"c-%d"}`, id)
}

// audit is a Kubernetes audit event of its own id.
func audit(id int) string {
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"k-%d","stage":"ResponseComplete",`+
		`"requestURI":"/api/v1/namespaces/shop/secrets/db","verb":"get","user":{"username":"system:serviceaccount:shop:web"},"sourceIPs":["203.0.113.9"],`+
		`"objectRef":{"resource":"secrets","namespace":"shop","name":"db","apiVersion":"v1"},"responseStatus":{"code":200},`+
		`"requestReceivedTimestamp":"2026-11-18T09:41:07.100000Z","stageTimestamp":"2026-11-18T09:41:07.110000Z"}`, id)
}

// collect reads inputs, given as object and text by turns, and returns the uids of
// events and the rejects as "object@position reason".
func collect(t *testing.T, r *Reader, inputs ...string) {
	t.Helper()
	for i := 0; i < len(inputs); i += 2 {
		if err := r.Read(t.Context(), inputs[i], strings.NewReader(inputs[i+1])); err != nil {
			t.Fatal(err)
		}
	}
}

func recorder(into *[]string) Handler {
	return Handler{
		Event: func(rec *event.Record, ev *ocsf.Event) error {
			*into = append(*into, rec.Source+" "+ev.Metadata.UID())
			return nil
		},
		Reject: func(d *event.DeadLetter) error {
			*into = append(*into, fmt.Sprintf("%v %s %s", d.Origin, d.Reason, d.Source))
			return nil
		},
	}
}

// Without a name the source is found for each record: streams may mix them.
func TestSourceIsFound(t *testing.T) {
	var got []string
	collect(t, New(Options{}, recorder(&got)),
		"a", `{"Records":[`+call(1)+","+call(2)+`]}`,
		"b", audit(1)+"\n"+call(3)+"\n"+`{"what":"else"}`+"\n"+audit(2)+"\n",
	)
	want := []string{
		"aws.cloudtrail c-1", "aws.cloudtrail c-2",
		"kubernetes.audit k-1", "aws.cloudtrail c-3", fmt.Sprintf("b@%d wrong_source aws.cloudtrail", len(audit(1))+len(call(3))+2), "kubernetes.audit k-2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events and rejects (-want +got):\n%s", diff)
	}
}

// A named source is taken at its word: another's records are rejects.
func TestSourceIsNamed(t *testing.T) {
	var got []string
	r := New(Options{Source: normalize.AWSCloudTrail}, recorder(&got))
	collect(t, r, "a", call(1)+"\n"+audit(1)+"\n"+call(2)+"\n")
	want := []string{"aws.cloudtrail c-1", fmt.Sprintf("a@%d wrong_source aws.cloudtrail", len(call(1))+1), "aws.cloudtrail c-2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events and rejects (-want +got):\n%s", diff)
	}
	events, rejects := r.Counts.Total()
	if events != 2 || rejects != 1 || r.Counts.Rejects[event.ReasonWrongSource] != 1 {
		t.Errorf("counts are %+v", r.Counts)
	}
}

// panicking panics on the first record.
type panicking struct{ calls int }

func (p *panicking) Map(*event.Record, *ocsf.Event) error {
	p.calls++
	panic(fmt.Sprintf("call %d", p.calls))
}

// A panic costs one record: the next one has a fresh mapper.
func TestPanicIsAReject(t *testing.T) {
	var got []string
	r := New(Options{Source: normalize.AWSCloudTrail}, recorder(&got))
	r.mappers.made[normalize.AWSCloudTrail] = &panicking{}
	collect(t, r, "a", call(1)+"\n"+call(2)+"\n")
	if diff := cmp.Diff([]string{"a@0 panic aws.cloudtrail", "aws.cloudtrail c-2"}, got); diff != "" {
		t.Errorf("events and rejects (-want +got):\n%s", diff)
	}
}

func TestCutOffCompression(t *testing.T) {
	var whole bytes.Buffer
	z := gzip.NewWriter(&whole)
	for i := range 500 {
		fmt.Fprintln(z, call(i))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	r := New(Options{}, recorder(&got))
	collect(t, r, "a", whole.String()[:whole.Len()/2])
	events, rejects := r.Counts.Total()
	if events == 0 || rejects != 1 || r.Counts.Rejects[event.ReasonTruncated] != 1 {
		t.Errorf("counts are %+v", r.Counts)
	}
}

func TestErrorsEndTheReading(t *testing.T) {
	full := errors.New("disk is full")
	r := New(Options{}, Handler{Event: func(*event.Record, *ocsf.Event) error { return full }})
	if err := r.Read(t.Context(), "a", strings.NewReader(call(1)+"\n"+call(2))); !errors.Is(err, full) {
		t.Errorf("the handler's error became %v", err)
	}
	var got []string
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := New(Options{}, recorder(&got)).Read(ctx, "a", strings.NewReader(call(1)+"\n"+call(2))); !errors.Is(err, context.Canceled) {
		t.Errorf("the interrupt became %v", err)
	}
}

func TestDeadLetterKeepsTheBytes(t *testing.T) {
	for _, value := range []string{"", "text <&> \u2028", "\xff\x00 bytes"} {
		var b bytes.Buffer
		d := event.DeadLetter{
			Source: "gateway.nginx", Stage: event.StageNormalize, Reason: event.ReasonSyntax, Detail: "no access line",
			Origin: event.Origin{Object: "file:a", Position: 7}, Value: []byte(value), Size: int64(len(value)), SHA256: "00",
		}
		if err := NewDeadLetterWriter(&b).Write(&d); err != nil {
			t.Fatal(err)
		}
		var line map[string]any
		if err := json.Unmarshal(b.Bytes(), &line); err != nil || strings.Count(b.String(), "\n") != 1 {
			t.Fatalf("not one line of JSON: %q: %v", b.String(), err)
		}
		got, isText := line["value"].(string)
		if !isText {
			bytes, err := base64.StdEncoding.DecodeString(line["value_base64"].(string))
			if err != nil {
				t.Fatal(err)
			}
			got = string(bytes)
		}
		if got != value || line["object"] != "file:a" || line["position"] != 7.0 || line["reason"] != "syntax" {
			t.Errorf("%q is written as %s", value, b.String())
		}
	}
}

func TestInputs(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"logs/b/2.json", "logs/a.json", "logs/.hidden", "logs/.cache/3.json", "one.json"} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	here, err := os.Getwd() // dir may be a link
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return "file:" + filepath.ToSlash(here) + "/" + name }
	for _, test := range []struct {
		name, origin string
		args, want   []string
	}{
		{"files", "", []string{"one.json", "logs/.hidden"}, []string{file("one.json"), file("logs/.hidden")}},
		{"a directory", "", []string{"logs"}, []string{file("logs/a.json"), file("logs/b/2.json")}},
		{"a directory with an origin", "s3://trail/", []string{"logs"}, []string{"s3://trail/a.json", "s3://trail/b/2.json"}},
		{"a file with an origin", "s3://trail", []string{"one.json"}, []string{"s3://trail/one.json"}},
		{"standard input", "", []string{"-"}, []string{"stdin"}},
	} {
		inputs, err := Inputs(test.args, test.origin)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		var got []string
		for _, in := range inputs {
			got = append(got, in.Object)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if _, err := Inputs([]string{"one.json", "nope", "nor-this"}, ""); !errors.Is(err, os.ErrNotExist) ||
		!strings.Contains(err.Error(), "nope") || !strings.Contains(err.Error(), "nor-this") {
		t.Errorf("missing files: %v", err)
	}
}

// stream is n records, made as they are read.
type stream struct {
	next, n int
	rest    []byte
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		if s.next == s.n {
			return 0, io.EOF
		}
		s.rest = append(s.rest[:0], call(s.next)+"\n"...)
		s.next++
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Memory does not grow with the input: 50 MB are read with a heap of a few MB.
func TestConstantMemory(t *testing.T) {
	const limit = 16 << 20
	var most uint64
	n := 0
	r := New(Options{}, Handler{Event: func(*event.Record, *ocsf.Event) error {
		if n++; n%5_000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		return nil
	}})
	if err := r.Read(t.Context(), "a", &stream{n: 200_000}); err != nil {
		t.Fatal(err)
	}
	if events, _ := r.Counts.Total(); events != 200_000 || r.Counts.Bytes < 2*limit {
		t.Errorf("read %d events in %d bytes", events, r.Counts.Bytes)
	}
	if most > limit {
		t.Errorf("the heap reached %d MiB", most>>20)
	}
}
