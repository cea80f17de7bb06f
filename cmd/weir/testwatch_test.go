package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWatch: a save runs the tests of the rule that changed, a mistake is shown, and
// after it everything is run again.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	rule := func(name, code string) {
		t.Helper()
		text := "id: " + name + "\ntitle: T\nstatus: stable\nseverity: low\nclass: http_activity\nwhen: http_response.code == " + code + `
tests:
  - {name: found, source: gateway.nginx, raw: '203.0.113.9 - - [18/Nov/2026:09:41:20 +0000] "GET /pot HTTP/1.1" 418 157 "-" "curl/8.14.1"', alerts: 1}
  - {name: silent, source: gateway.nginx, raw: '203.0.113.9 - - [18/Nov/2026:09:41:20 +0000] "GET /pot HTTP/1.1" 200 157 "-" "curl/8.14.1"', alerts: 0}
`
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "weir-rules.yaml"), []byte("format: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rule("one", "418")
	rule("two", "418")
	out, in := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { // ends with ctx
		code := Run(ctx, []string{"test", "--watch", dir}, strings.NewReader(""), in, &bytes.Buffer{})
		_ = in.Close()
		ended <- code
	}()
	lines := make(chan string)
	go func() { // ends with the output
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	until := func(part string) {
		t.Helper()
		deadline := time.After(time.Minute)
		for {
			select {
			case line, ok := <-lines:
				if !ok || strings.Contains(line, part) {
					return
				}
			case <-deadline:
				t.Fatalf("no line with %q", part)
			}
		}
	}
	until("ok: 4 tests of 2 rules")
	rule("one", "404")
	until("one.yaml changed")
	until("1 of 2 tests failed")
	rule("one", "40x")
	until("1 error in the rules")
	rule("one", "418")
	until("ok: 4 tests of 2 rules")
	stop()
	for range lines { // what is on its way
	}
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}
