package corpus_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/weir-security/weir/internal/corpus"
)

// recorder is a test that only tells how it ended.
type recorder struct {
	testing.TB
	end string
}

func (*recorder) Helper() {}

func (r *recorder) stop(how string)       { r.end = how; runtime.Goexit() }
func (r *recorder) Fatal(...any)          { r.stop("failed") }
func (r *recorder) Fatalf(string, ...any) { r.stop("failed") }
func (r *recorder) Skipf(string, ...any)  { r.stop("skipped") }

// run tells how a test ends that looks for something, "" if it goes on.
func run(look func(t testing.TB)) string {
	r, done := &recorder{}, make(chan struct{})
	go func() {
		defer close(done)
		look(r)
	}()
	<-done
	return r.end
}

func TestDir(t *testing.T) {
	top := t.TempDir()
	checkout := filepath.Join(top, "weir")
	makeAll(t, filepath.Join(checkout, "normalize", "azure"))
	if err := os.WriteFile(filepath.Join(checkout, "go.mod"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(checkout, "normalize", "azure"))
	t.Setenv(corpus.Env, "")
	raw := func(t testing.TB) { corpus.Dir(t, "raw") }
	glob := func(t testing.TB) { corpus.Glob(t, "raw", "*", "*.ndjson") }
	find := func(t testing.TB) {
		if dir, ok := corpus.Find(t, "raw"); ok {
			t.Fatalf("found %s", dir)
		}
	}
	expect := func(state, want string, look func(t testing.TB)) {
		t.Helper()
		if got := run(look); got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
	expect("no corpus", "skipped", raw)
	expect("no corpus", "skipped", glob)
	expect("no corpus, found otherwise", "", find)
	t.Setenv(corpus.Env, corpus.Required)
	expect("no corpus but required", "failed", raw)
	expect("no corpus but required, found otherwise", "failed", find)
	t.Setenv(corpus.Env, "")

	makeAll(t, filepath.Join(top, "shared", "corpus", "raw", "cloudtrail"))
	expect("whole", "", raw)
	expect("no file", "failed", glob)
	expect("a part is missing", "failed", func(t testing.TB) { corpus.Dir(t, "labelled") })
	if got, want := corpus.Dir(t, "raw", "cloudtrail"), filepath.Join(top, "shared", "corpus", "raw", "cloudtrail"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func makeAll(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}
