package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expected outputs")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"weir": main})
}

// TestScripts runs testdata/script/*.txtar: weir as a process, its outputs and
// exit codes.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("REPO", repository(t))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"gzip":     gzipFile,
			"truncate": truncateFile,
			"unquote8": unquoteBytes,
			"fill":     fillFile,
		},
	})
}

// repository is the root of the project, for scripts that use its files.
func repository(t *testing.T) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir + "/../.."
}

// exits runs a command and checks its exit code: exits 3 weir config check.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var failed *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &failed):
		got = failed.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// gzipFile compresses a file: gzip FROM TO.
func gzipFile(ts *testscript.TestScript, _ bool, args []string) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(ts.ReadFile(args[0])))
	ts.Check(errors.Join(err, z.Close()))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b.Bytes(), 0o644))
}

// truncateFile cuts bytes off the end of a file: truncate FILE BYTES.
func truncateFile(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text[:len(text)-n]), 0o644))
}

// unquoteBytes makes the byte 0xff of each ÿ in a file, which no text file can
// hold: unquote8 FILE.
func unquoteBytes(ts *testscript.TestScript, _ bool, args []string) {
	text := bytes.ReplaceAll([]byte(ts.ReadFile(args[0])), []byte("ÿ"), []byte{0xff})
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o644))
}

// fillFile puts a number of letters in place of each @@ in a file: fill FILE BYTES.
func fillFile(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := bytes.ReplaceAll([]byte(ts.ReadFile(args[0])), []byte("@@"), bytes.Repeat([]byte("x"), n))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o644))
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 events", 1: "1 event", 2: "2 events"} {
		if got := count(n, "event"); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
	if got, want := fmt.Sprint(breakdown(map[string]int64{"b": 1, "a": 22})), "22 a, 1 b"; got != want {
		t.Errorf("breakdown = %q, want %q", got, want)
	}
}
