//go:build integration_syslog

package syslog

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weir-security/weir/test/integration/process"
)

// alerts is the configuration of the two destinations: a file, which tells what there
// was to deliver, and rsyslog.
func (r *rsyslog) alerts(file string) string {
	return fmt.Sprintf(`
alerts:
  - {name: file, type: file, path: %[1]s}
  - name: rsyslog
    type: syslog
    address: %[2]s
    max_message: 128KiB
    tls: {ca_file: %[3]s/ca.pem, cert_file: %[3]s/weir.pem, key_file: %[3]s/weir.key}
`, file, r.address, r.dir)
}

// delivered is what the file destination holds, by id.
func delivered(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if strings.HasSuffix(line, "\n") {
			all[idOf(t, line)] = line
		}
	}
	return all
}

// The alerts of the sample run arrive in rsyslog's file, each once and whole.
func TestSampleRun(t *testing.T) {
	r := newRsyslog(t)
	r.start()
	dir := t.TempDir()
	repository, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile(filepath.Join(repository, "deploy", "sample", "weir.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	conf, _, found := strings.Cut(string(sample), "\nalerts:")
	if !found {
		t.Fatal("the sample configuration has no alerts")
	}
	conf = strings.ReplaceAll(strings.ReplaceAll(conf, "../../data/", dir+"/"), "../../", repository+"/")
	file := filepath.Join(dir, "weir.yaml")
	if err := os.WriteFile(file, []byte(conf+r.alerts(filepath.Join(dir, "alerts.ndjson"))), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(os.Getenv("WEIR"), "run", "--config", file, "--once").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, got := delivered(t, filepath.Join(dir, "alerts.ndjson")), r.received()
	if len(want) < 10 || len(got) != len(want) {
		t.Errorf("%d alerts arrived, want %d", len(got), len(want))
	}
	for id, alert := range want {
		if len(got[id]) != 1 {
			t.Errorf("alert %s arrived %d times", id, len(got[id]))
			continue
		}
		if !sameJSON(t, got[id][0], alert) {
			t.Errorf("alert %s arrived as\n%s\nwant\n%s", id, got[id][0], alert)
		}
	}
	t.Logf("%d alerts", len(got))
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

const rule = `title: Trail stopped
status: stable
severity: high
description: One alert for each event.
attack: [T1685.002]
false_positives: [All of them.]
class: api_activity
when: api.operation == "StopLogging"
alert:
  title: "{api.operation} by {actor.user.name}"
tests:
  - name: fires
    source: aws.cloudtrail
    raw: '{"eventName":"StopLogging"}'
    alerts: [{severity: high}]
  - name: is silent
    source: aws.cloudtrail
    raw: '{"eventName":"StartLogging"}'
    alerts: []
`

const (
	rounds   = 12 // of logs, each with a trouble of rsyslog
	perRound = 25 // alerts
)

// rsyslog is killed, stopped and started again while alerts come; it is away when weir
// starts. Each alert arrives, at least once.
func TestKilledAndRestarted(t *testing.T) {
	r := newRsyslog(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"rules/weir-rules.yaml": "format: 1\n", "rules/trail_stopped.yaml": "id: trail_stopped\n" + rule,
		"weir.yaml": "kafka: {embedded: {dir: broker}}\nlake: {dir: lake}\nrules: {dir: rules}\ncollectors:\n" +
			"  - {name: trail, type: file, source: aws.cloudtrail, path: logs, poll_interval: 20ms}" + r.alerts("alerts.ndjson"),
	} {
		write(t, filepath.Join(dir, name), text)
	}
	write(t, filepath.Join(dir, "logs", "trail.ndjson"), "")
	weir := process.Start(t, process.Options{Name: "weir", Dir: dir}, process.Executable(t, "WEIR"), "run", "--config", filepath.Join(dir, "weir.yaml"))
	appendLogs(t, dir, 0)
	awaitAlerts(t, weir, dir, 1) // and rsyslog is not there yet
	for round := 1; round < rounds; round++ {
		if round > 1 {
			r.process.Signal(t, []os.Signal{syscall.SIGKILL, syscall.SIGTERM}[round%2])
			<-r.process.Gone()
		}
		if round%3 == 0 { // alerts meet nobody
			appendLogs(t, dir, round)
			awaitAlerts(t, weir, dir, round+1)
			r.start()
			continue
		}
		r.start()
		appendLogs(t, dir, round)
		if round%4 != 0 { // else it is killed while they are on their way
			awaitAlerts(t, weir, dir, round+1)
		}
	}
	awaitAlerts(t, weir, dir, rounds)
	want := delivered(t, filepath.Join(dir, "alerts.ndjson"))
	deadline := time.Now().Add(100 * time.Second)
	for len(r.received()) < len(want) && time.Now().Before(deadline) && weir.Running() == nil {
		time.Sleep(100 * time.Millisecond)
	}
	got, twice := r.received(), 0
	for id := range want {
		switch len(got[id]) {
		case 0:
			t.Errorf("alert %s was lost", id)
		case 1:
		default:
			twice++
		}
	}
	weir.Stop(t, 40*time.Second)
	if len(want) != rounds*perRound {
		t.Errorf("%d alerts, want %d\n%s", len(want), rounds*perRound, weir.Output())
	}
	t.Logf("%d alerts, %d of them more than once", len(want), twice)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// appendLogs appends the records of a round: each one alerts.
func appendLogs(t *testing.T, dir string, round int) {
	t.Helper()
	var b strings.Builder
	for i := range perRound {
		n := round*perRound + i
		at := time.Date(2026, 11, 3, 9, 0, n, 0, time.UTC)
		fmt.Fprintf(&b, `{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","accountId":"111122223333","userName":"alice"},"eventTime":%q,"eventSource":"cloudtrail.amazonaws.com","eventName":"StopLogging","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.7","eventID":"00000000-0000-4000-8000-%012d","recipientAccountId":"111122223333"}`+"\n", at.Format(time.RFC3339), n)
	}
	f, err := os.OpenFile(filepath.Join(dir, "logs", "trail.ndjson"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(b.String()); err != nil {
		t.Fatal(err)
	}
}

// awaitAlerts waits until so many rounds have alerted.
func awaitAlerts(t *testing.T, weir *process.Process, dir string, rounds int) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); len(delivered(t, filepath.Join(dir, "alerts.ndjson"))) < rounds*perRound; time.Sleep(50 * time.Millisecond) {
		if weir.Running() != nil || time.Now().After(deadline) {
			t.Fatalf("weir has not alerted\n%s", weir.Output())
		}
	}
}
