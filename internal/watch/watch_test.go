package watch_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/weir-security/weir/internal/watch"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// start watches a directory; the channel gets each set of changes.
func start(t *testing.T, dir string, poll time.Duration) <-chan []string {
	t.Helper()
	changes := make(chan []string)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	from := watch.Look(dir)
	go func() {
		defer close(done)
		watch.Tree(ctx, dir, from, watch.Options{Settle: 5 * time.Millisecond, Poll: poll}, func(changed []string) {
			select {
			case changes <- changed:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() { stop(); <-done })
	return changes
}

// wait reads changes until all of the wanted files were among them.
func wait(t *testing.T, changes <-chan []string, want ...string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for len(want) > 0 {
		select {
		case changed := <-changes:
			want = slices.DeleteFunc(want, func(f string) bool { return slices.Contains(changed, f) })
		case <-deadline:
			t.Fatalf("nobody told of %v", want)
		}
	}
}

// TestTree: written, added and removed files, also in new directories.
func TestTree(t *testing.T) {
	for name, poll := range map[string]time.Duration{"told": time.Hour, "polled": 10 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "a.yaml"), "1")
			changes := start(t, dir, poll)
			write(t, filepath.Join(dir, "a.yaml"), "22")
			wait(t, changes, "a.yaml")
			write(t, filepath.Join(dir, "sub", "deep", "b.yaml"), "1")
			wait(t, changes, "sub/deep/b.yaml")
			write(t, filepath.Join(dir, "sub", "deep", "b.yaml"), "333")
			wait(t, changes, "sub/deep/b.yaml")
			if err := os.Remove(filepath.Join(dir, "a.yaml")); err != nil {
				t.Fatal(err)
			}
			wait(t, changes, "a.yaml")
		})
	}
}

// TestLinkSwap: a ConfigMap's files are links into a directory that is swapped as a
// whole, and so are those of git-sync.
func TestLinkSwap(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "..one", "a.yaml"), "1")
	write(t, filepath.Join(root, "..two", "a.yaml"), "22")
	write(t, filepath.Join(root, "..two", "b.yaml"), "1")
	link := func(to, name string) {
		t.Helper()
		temporary := filepath.Join(root, "..tmp")
		if err := os.Symlink(to, temporary); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temporary, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("..one", "..data")
	link("..data/a.yaml", "a.yaml")
	link("..data", "all") // a directory of the map
	changes := start(t, root, 20*time.Millisecond)
	link("..two", "..data")
	wait(t, changes, "a.yaml", "all/a.yaml", "all/b.yaml")
}
