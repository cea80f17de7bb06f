package ndjson

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-security/weir/sinks"
)

func alert(uid string) sinks.Alert {
	return sinks.Alert{ID: uid, Value: fmt.Appendf(nil, `{"class_uid":2004,"metadata":{"uid":%q},"message":"A trail was stopped"}`, uid)}
}

func open(t *testing.T, path string) *Destination {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func deliver(t *testing.T, d *Destination, alerts ...sinks.Alert) {
	t.Helper()
	if err := d.Deliver(context.Background(), alerts); err != nil {
		t.Fatal(err)
	}
}

// uids are the ids in the file, in order.
func uids(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		if !strings.HasSuffix(line, "\n") {
			t.Errorf("the last line is torn: %q", line)
		}
		_, rest, _ := strings.Cut(line, `"uid":"`)
		uid, _, _ := strings.Cut(rest, `"`)
		list = append(list, uid)
	}
	return strings.Join(list, " ")
}

func TestEachAlertOnceAcrossRestarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.ndjson")
	d := open(t, path)
	deliver(t, d, alert("a"), alert("b"), alert("a"))
	deliver(t, d, alert("b"), alert("c"))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, path)
	deliver(t, d, alert("c"), alert("d"), alert("a"))
	if got, want := uids(t, path), "a b c d"; got != want {
		t.Errorf("have %q, want %q", got, want)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode is %o, want 600", mode)
	}
}

func TestTornLineIsCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.ndjson")
	whole := string(alert("a").Value) + "\n"
	for cut := range len(alert("b").Value) {
		text := whole + string(alert("b").Value[:cut])
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d := open(t, path)
		deliver(t, d, alert("a"), alert("b"))
		d.Close()
		if got, want := uids(t, path), "a b"; got != want {
			t.Fatalf("cut at %d: have %q, want %q", cut, got, want)
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.ndjson")
	d := open(t, path)
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("second Open: %v, want a refusal", err)
	}
	d.Close()
	open(t, path)
}

func TestForeignFileIsRefusedAndUntouched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	const text = "buy milk\nand bread"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path)
	if err == nil || !strings.Contains(err.Error(), "notes.txt:1:") {
		t.Errorf("Open: %v, want a refusal that names the line", err)
	}
	if data, _ := os.ReadFile(path); string(data) != text {
		t.Errorf("the file is now %q", data)
	}
}

func TestRefusalsArePerAlert(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.ndjson")
	d := open(t, path)
	err := d.Deliver(context.Background(), []sinks.Alert{alert("a"), {ID: "x", Value: []byte(`{"metadata":{}}`)}, {ID: "y", Value: []byte("{")}, alert("b")})
	retry, refused := sinks.Outcome(4, err)
	if len(retry) != 0 || len(refused) != 2 || refused[0].Index != 1 || refused[1].Index != 2 {
		t.Errorf("retry %v, refused %v", retry, refused)
	}
	if got, want := uids(t, path), "a b"; got != want {
		t.Errorf("have %q, want %q", got, want)
	}
}

func TestLineBreaksStayInOneLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.ndjson")
	d := open(t, path)
	deliver(t, d, sinks.Alert{ID: "a", Value: []byte("{\n \"metadata\": {\r\n\"uid\":\"a\"}}")})
	if got, want := uids(t, path), "a"; got != want {
		t.Errorf("have %q, want %q", got, want)
	}
}

// brokenFile fails after some writes, in the middle of one.
type brokenFile struct {
	*os.File
	failWrite, failSync, failTruncate bool
}

var errDisk = errors.New("disk full")

func (f *brokenFile) WriteAt(p []byte, at int64) (int, error) {
	if f.failWrite {
		n, _ := f.File.WriteAt(p[:len(p)/2], at)
		return n, errDisk
	}
	return f.File.WriteAt(p, at)
}

func (f *brokenFile) Sync() error {
	if f.failSync {
		return errDisk
	}
	return f.File.Sync()
}

func (f *brokenFile) Truncate(n int64) error {
	if f.failTruncate {
		return errDisk
	}
	return f.File.Truncate(n)
}

func TestFailedAppendLeavesNothing(t *testing.T) {
	for _, fault := range []brokenFile{{failWrite: true}, {failSync: true}, {failWrite: true, failTruncate: true}} {
		path := filepath.Join(t.TempDir(), "alerts.ndjson")
		d := open(t, path)
		deliver(t, d, alert("a"))
		good := d.file.(*os.File)
		fault.File = good
		d.file = &fault
		if err := d.Deliver(context.Background(), []sinks.Alert{alert("b"), alert("c")}); !errors.Is(err, errDisk) {
			t.Errorf("Deliver: %v, want %v", err, errDisk)
		}
		d.file = good
		deliver(t, d, alert("c"))
		if got, want := uids(t, path), "a c"; got != want {
			t.Errorf("have %q, want %q", got, want)
		}
	}
}
