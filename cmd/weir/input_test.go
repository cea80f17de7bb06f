package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/weir-security/weir/internal/exitcode"
)

// lines is an output that tells of each line that arrives.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// Who follows a log sees each event at once, and an interrupt ends the waiting.
func TestFollowedInput(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	stdin, log := io.Pipe()
	stdout, stderr := make(lines), new(bytes.Buffer)
	code := make(chan int)
	go func() { code <- Run(ctx, []string{"normalize", "--source", "gateway.nginx"}, stdin, stdout, stderr) }()

	for _, path := range []string{"/first", "/second"} {
		line := `203.0.113.7 - - [18/Nov/2026:09:41:07 +0000] "GET ` + path + ` HTTP/1.1" 200 512 "-" "curl/8.9.1"` + "\n"
		if _, err := io.WriteString(log, line); err != nil {
			t.Fatal(err)
		}
		if got := <-stdout; !strings.Contains(got, path) {
			t.Fatalf("after %s came %s", path, got)
		}
	}
	interrupt()
	if got := <-code; got != int(exitcode.Interrupted) {
		t.Errorf("exit code %d, want %d", got, exitcode.Interrupted)
	}
	if got, want := stderr.String(), "error: interrupted\n"; got != want {
		t.Errorf("standard error is %q, want %q", got, want)
	}
}
