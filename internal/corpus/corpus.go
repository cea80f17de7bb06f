// Package corpus finds the corpus of real logs, which lies beside the checkout
// (../shared/corpus) and is no part of the repository. Only tests import it.
package corpus

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Env is the variable that, set to Required, makes an absent corpus a failure: who
// has the corpus must not lose its tests in silence.
const (
	Env      = "WEIR_CORPUS"
	Required = "required"
)

// Dir is a directory or file of the corpus. Without a corpus beside the checkout
// (the repository was cloned alone) the test is skipped. A corpus that lacks the
// part fails the test.
func Dir(t testing.TB, sub ...string) string {
	t.Helper()
	dir, ok := Find(t, sub...)
	if !ok {
		t.Skipf("no corpus of real logs at %s, beside this checkout: the repository was cloned alone; %s=%s makes this a failure", dir, Env, Required)
	}
	return dir
}

// Find is Dir for a test that has more to do than the corpus: without a corpus it is
// false, and nothing is skipped.
func Find(t testing.TB, sub ...string) (string, bool) {
	t.Helper()
	root := root(t)
	if !exists(t, root) {
		if os.Getenv(Env) == Required {
			t.Fatalf("no corpus of real logs at %s, and %s=%s", root, Env, Required)
		}
		return root, false
	}
	dir := filepath.Join(append([]string{root}, sub...)...)
	if !exists(t, dir) {
		t.Fatalf("the corpus at %s lacks %s: it is not the whole of it", root, filepath.Join(sub...))
	}
	return dir, true
}

// Glob is the files of the corpus that match a pattern; there is at least one.
func Glob(t testing.TB, pattern ...string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(append([]string{Dir(t)}, pattern...)...))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("the corpus has no file %s: it is not the whole of it", filepath.Join(pattern...))
	}
	return files
}

// root is beside the directory of go.mod; a test runs in its package's directory.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(t, filepath.Join(dir, "go.mod")) {
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
	return filepath.Join(filepath.Dir(dir), "shared", "corpus")
}

func exists(t testing.TB, name string) bool {
	t.Helper()
	_, err := os.Stat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}
