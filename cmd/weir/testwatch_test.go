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

// TestWatch: a save runs the tests of the rule that changed, or that read the fixture;
// a mistake is shown, and what changed meanwhile is run after it.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	line := func(code string) string {
		return `raw: '203.0.113.9 - - [18/Nov/2026:09:41:20 +0000] "GET /pot HTTP/1.1" ` + code + ` 157 "-" "curl/8.14.1"'`
	}
	text := func(name, code string) string {
		return "id: " + name + "\ntitle: T\nstatus: stable\nseverity: low\nclass: http_activity\nwhen: http_response.code == " + code + `
tests:
  - {name: found, source: gateway.nginx, ` + line("418") + `, alerts: 1}
  - {name: silent, source: gateway.nginx, ` + line("200") + `, alerts: 0}
`
	}
	save := func(file, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rule := func(name, code string) {
		t.Helper()
		save(name+".yaml", text(name, code))
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
	until("ok: 2 tests of 1 rule")
	save("two.log", strings.Trim(strings.TrimPrefix(line("418"), "raw: "), "'"))
	until("two.log changed")
	until("ok: 4 tests of 2 rules") // nothing reads it yet
	save("two.yaml", strings.Replace(text("two", "418"), "raw: '203", "input: two.log, name: '203", 1))
	until("1 error in the rules") // name is given twice
	save("two.yaml", strings.Replace(text("two", "418"), line("418"), "input: two.log", 1))
	until("ok: 2 tests of 1 rule")
	save("two.log", strings.Trim(strings.TrimPrefix(line("200"), "raw: "), "'"))
	until("two.log changed")
	until("1 of 2 tests failed")
	if err := os.Mkdir(filepath.Join(dir, "lists"), 0o700); err != nil {
		t.Fatal(err)
	}
	save("lists/codes.yaml", "type: strings\nvalues: ['418']\n")
	rule("one", "418 && string(http_response.code) in lists.codes")
	until("ok: 2 tests of 1 rule")
	save("lists/codes.yaml", "type: strings\nvalues: ['404']\n") // two.yaml does not name it
	until("lists/codes.yaml changed")
	until("1 of 2 tests failed")
	stop()
	for range lines { // what is on its way
	}
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}
