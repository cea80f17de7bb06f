package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/sinks"
)

// answering is a server that takes everything, as Splunk and Elasticsearch say it.
func answering(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			body = io.NopCloser(gunzip(t, r.Body))
		}
		switch {
		case strings.HasPrefix(r.URL.Path, "/services/collector"):
			_, _ = io.WriteString(w, `{"text":"Success","code":0}`)
		case r.URL.Path == "/_bulk":
			var items []string
			for lines := bufio.NewScanner(body); lines.Scan(); lines.Scan() { // an action, then its document
				var action struct {
					Create struct {
						ID string `json:"_id"`
					}
				}
				if err := json.Unmarshal(lines.Bytes(), &action); err != nil {
					t.Error(err)
				}
				items = append(items, fmt.Sprintf(`{"create":{"_id":%q,"status":201}}`, action.Create.ID))
			}
			fmt.Fprintf(w, `{"errors":false,"items":[%s]}`, strings.Join(items, ","))
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// swallowing is a receiver of syslog that reads everything and ends when weir does.
func swallowing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	return l.Addr().String()
}

// Of every type of destination that refuses an alert: it is a dead letter with the
// answer, and those before and behind it arrive.
func TestRefusedAlertsStopNothing(t *testing.T) {
	broken := []byte(`{"finding_info":`)
	noise := make([]byte, 30_000)
	for i := range noise {
		noise[i] = byte('a' + rand.IntN(26))
	}
	large := fmt.Appendf(nil, `{"finding_info":{"uid":"x"},"message":"%s"}`, noise)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	url := answering(t)
	yaml := fmt.Sprintf(`
kafka: {embedded: {}}
alerts:
  - {name: terminal, type: terminal}
  - {name: file, type: file, path: %[1]s}
  - {name: splunk, type: splunk, url: "%[2]s", token: 00000000-0000-0000-0000-000000000000}
  - {name: elastic, type: elastic, url: "%[2]s"}
  - {name: webhook, type: webhook, url: "%[2]s/hook"}
  - {name: teams, type: webhook, url: "%[2]s/hook", template: teams, interval: 1ms}
  - {name: batch, type: webhook, url: "%[2]s/hook", batch: 10}
  - {name: syslog, type: syslog, address: "%[3]s", transport: tcp}
  - {name: kafka, type: kafka, brokers: ["%[4]s"], topic: out, max_message: 10kB}
`, filepath.Join(t.TempDir(), "alerts.ndjson"), url, swallowing(t), cluster.ListenAddrs()[0])
	cfg, err := config.Parse("weir.yaml", []byte(yaml), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range cfg.Alerts {
		a := &cfg.Alerts[i]
		t.Run(a.Name, func(t *testing.T) {
			bad := broken
			if a.Type == config.AlertKafka { // which takes any bytes, but not too many
				bad = large
			}
			d, err := OpenDestination(cfg, a, DestinationOptions{Terminal: io.Discard})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			m := newMemoryLog(t, 1, 5)
			m.partitions[0][2].Value = bad
			loop := m.delivery(d.Deliver)
			loop.log = slog.New(slog.NewTextHandler(t.Output(), nil))
			drain, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			if err := loop.run(t.Context(), drain, m.poll(5)); err != nil {
				t.Fatal(err)
			}
			if m.left() != 0 || len(m.letters) != 1 || m.letters["a000002"] == "" {
				t.Errorf("%d alerts left, dead letters %v", m.left(), m.letters)
			}
			if n := loop.stats.Snapshot().Delivered["test"]; n != 4 {
				t.Errorf("%d alerts delivered, want 4", n)
			}
			if _, err := RenderAlerts(cfg, a, []sinks.Alert{sinks.NewTestAlert(a.Name, time.Now())}); err != nil {
				t.Errorf("render: %v", err)
			}
		})
	}
}

func gunzip(t *testing.T, r io.Reader) io.Reader {
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Error(err)
		return bytes.NewReader(nil)
	}
	return z
}

// A secret file that is replaced while weir runs is read again.
func TestSecretFileIsReadAgain(t *testing.T) {
	var tokens []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens = append(tokens, r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, `{"text":"Success","code":0}`)
	}))
	defer s.Close()
	file := filepath.Join(t.TempDir(), "token")
	writeFile(t, file, "first\n")
	cfg, err := config.Parse("weir.yaml", fmt.Appendf(nil, `
kafka: {embedded: {}}
alerts:
  - {name: splunk, type: splunk, url: "%s", token_file: %s}
  - {name: webhook, type: webhook, url: "%s", header_files: {Authorization: %s}}
`, s.URL, file, s.URL, file), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range cfg.Alerts {
		tokens = nil
		d, err := OpenDestination(cfg, &cfg.Alerts[i], DestinationOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for _, token := range []string{"first", "second"} {
			writeFile(t, file, token+"\n")
			if err := d.Deliver(t.Context(), []sinks.Alert{sinks.NewTestAlert("x", time.Now())}); err != nil {
				t.Fatal(err)
			}
		}
		if len(tokens) != 2 || !strings.Contains(tokens[0], "first") || !strings.Contains(tokens[1], "second") {
			t.Errorf("%s sent %q", cfg.Alerts[i].Name, tokens)
		}
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
