//go:build integration_syslog

package syslog

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/test/integration/process"
)

// rsyslog is a real one: TLS with certificates on both sides, and a file.
type rsyslog struct {
	t       *testing.T
	dir     string
	address string
	process *process.Process
}

// rsyslogConf is what docs/syslog.md tells to configure: a message of more than the
// default 8 kB, and a ruleset without a queue, so that rsyslog has written what it has
// read before it ends a connection.
const rsyslogConf = `
global(workDirectory="%[1]s" maxMessageSize="256k"
  defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="%[1]s/ca.pem"
  defaultNetstreamDriverCertFile="%[1]s/server.pem" defaultNetstreamDriverKeyFile="%[1]s/server.key")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/name" permittedPeer="weir")
input(type="imtcp" address="127.0.0.1" port="%[2]s" ruleset="alerts")
template(name="line" type="string" string="%%structured-data%% %%msg%%\n")
ruleset(name="alerts" queue.type="Direct") { action(type="omfile" file="%[1]s/received.log" template="line") }
`

func newRsyslog(t *testing.T) *rsyslog {
	t.Helper()
	r := &rsyslog{t: t, dir: t.TempDir()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.address = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	writeCertificates(t, r.dir)
	_, port, _ := net.SplitHostPort(r.address)
	conf := fmt.Sprintf(rsyslogConf, r.dir, port)
	if err := os.WriteFile(filepath.Join(r.dir, "rsyslog.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// start starts it in the foreground and waits until it listens.
func (r *rsyslog) start() {
	r.t.Helper()
	_ = os.Remove(filepath.Join(r.dir, "rsyslog.pid")) // of one that was killed
	r.process = process.Start(r.t, process.Options{Name: "rsyslogd", Dir: r.dir}, process.Executable(r.t, "RSYSLOGD"), "-n", "-f", filepath.Join(r.dir, "rsyslog.conf"), "-i", filepath.Join(r.dir, "rsyslog.pid"))
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	r.process.WaitListening(ctx, r.t, r.address)
}

// received is what its file holds: by id of the alert, each message's JSON.
func (r *rsyslog) received() map[string][]string {
	r.t.Helper()
	got := map[string][]string{}
	f, err := os.Open(filepath.Join(r.dir, "received.log"))
	if os.IsNotExist(err) {
		return got
	}
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		element, msg, found := strings.Cut(lines.Text(), "] ")
		if !found || !strings.HasPrefix(element, "[weir@32473 ") {
			r.t.Fatalf("a line of rsyslog is no alert: %s", lines.Text())
		}
		msg = strings.TrimSpace(msg)
		id := idOf(r.t, msg)
		if !strings.Contains(element, `id="`+id+`"`) {
			r.t.Errorf("alert %s has structured data %s", id, element)
		}
		got[id] = append(got[id], msg)
	}
	if err := lines.Err(); err != nil {
		r.t.Fatal(err)
	}
	return got
}

func idOf(t *testing.T, alert string) string {
	t.Helper()
	var a struct{ Metadata struct{ UID string } }
	if err := json.Unmarshal([]byte(alert), &a); err != nil {
		t.Fatalf("no JSON: %v: %s", err, alert)
	}
	return a.Metadata.UID
}
