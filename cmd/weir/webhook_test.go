package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const webhookConfig = `
kafka: {embedded: {dir: data/broker}}
lake: {dir: data/lake}
collectors:
  - name: k8s
    type: webhook
    source: kubernetes.audit
    listen: %s
    # printf %%s "$TOKEN" | sha256sum
    token_sha256: {blue: [c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a]}
alerts:
  - {name: file, type: file, path: alerts.ndjson}
log: {level: warn}
`

// TestWebhookToAlert starts weir with a webhook collector and the built-in rules, and
// pushes a batch as an API server does: the alert arrives.
func TestWebhookToAlert(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGINT to send")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "weir.yaml"), fmt.Appendf(nil, webhookConfig, address), 0o600); err != nil {
		t.Fatal(err)
	}
	event, err := os.ReadFile("../../detections/rules/testdata/kubernetes/create_cluster_role_binding.json")
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var output strings.Builder
	cmd := exec.CommandContext(ctx, executable)
	cmd.Args = []string{"weir", "run", "--config", "weir.yaml"} // TestMain makes it weir
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	push(ctx, t, "http://"+address, `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[`+string(event)+`]}`)
	alert := firstAlert(ctx, t, filepath.Join(dir, "alerts.ndjson"))
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("weir ended with %v\n%s", err, output.String())
	}
	if want := "cluster-admin given to system:serviceaccount:payments:default by jonas.meyer@example.com"; alert != want {
		t.Errorf("the alert is %q, want %q", alert, want)
	}
}

// push sends a batch until it is answered 200.
func push(ctx context.Context, t *testing.T, url, body string) {
	t.Helper()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer correct horse battery staple")
		resp, err := http.DefaultClient.Do(req)
		switch {
		case ctx.Err() != nil:
			t.Fatal("weir does not listen")
		case err != nil: // it is starting
			time.Sleep(20 * time.Millisecond)
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("answer %s", resp.Status)
		}
		return
	}
}

// firstAlert waits for the title of the first alert of a file.
func firstAlert(ctx context.Context, t *testing.T, file string) string {
	t.Helper()
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(file)
		line, _, whole := strings.Cut(string(text), "\n")
		if err != nil || !whole {
			continue
		}
		var alert struct {
			FindingInfo struct {
				Title string `json:"title"`
			} `json:"finding_info"`
		}
		if err := json.Unmarshal([]byte(line), &alert); err != nil {
			t.Fatal(err)
		}
		return alert.FindingInfo.Title
	}
	t.Fatal("no alert arrived")
	return ""
}
