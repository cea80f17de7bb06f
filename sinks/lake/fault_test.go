package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
)

var errFault = errors.New("injected fault")

// batchOfThree is a batch that becomes three files.
func batchOfThree() (Batch, []Row) {
	var ev ocsf.Event
	var rows []Row
	for i := range 9 {
		cloudTrailEvent(&ev, i)
		ev.SetTime([]time.Time{noon, noon.AddDate(0, 0, -1), noon.AddDate(-3, 0, 0)}[i%3].UnixMilli())
		r := row(i, &ev)
		r.KafkaTime = noon
		rows = append(rows, r)
	}
	return Batch{TopicID: [16]byte{7}, Partition: 2, Start: 0, End: 9}, rows
}

// tree is the content of every file below root that a reader could take for data,
// and the number of all others but locks.
func tree(t *testing.T, root string) (files map[string]string, temporary int) {
	t.Helper()
	files = map[string]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || e.IsDir():
			return err
		case strings.HasSuffix(path, ".parquet"):
			rel, err := filepath.Rel(root, path)
			files[filepath.ToSlash(rel)] = string(readBytes(t, path))
			return err
		case !strings.HasSuffix(path, "lock"):
			temporary++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, temporary
}

// TestFaultAtEveryStep lets every single step of the file protocol fail, before
// and after it is done, once as an error and once as the death of the process,
// and then repeats the files.
func TestFaultAtEveryStep(t *testing.T) {
	create := func(d *Dir) (Result, error) {
		var res Result
		for i, dir := range []string{"events/class=a/day=1", "events/class=a/day=2", "events/class=b/day=1"} {
			f := File{Path: dir + "/x.parquet", Bytes: 10_000}
			var err error
			if f.Created, err = d.Create(context.Background(), f.Path, bytes.Repeat([]byte{'a' + byte(i)}, 10_000)); err != nil {
				return res, err
			}
			res.Files = append(res.Files, f)
		}
		return res, nil
	}
	steps, want := recordSteps(t, create)
	for _, step := range []string{stepMkdir, stepCreate, stepWrite, stepSync, stepLink, stepUnlink, stepSyncDir} {
		if !slices.Contains(steps, "before "+step) || !slices.Contains(steps, "after "+step) {
			t.Errorf("the protocol has no step %q", step)
		}
	}
	for _, killed := range []bool{false, true} {
		for n := range steps {
			t.Run(fmt.Sprintf("killed=%v/%02d %s", killed, n, steps[n]), func(t *testing.T) {
				interrupted(t, create, n, killed, want)
			})
		}
	}
}

// TestKilledInTheMiddleOfABatch dies around the link of each file of a batch.
func TestKilledInTheMiddleOfABatch(t *testing.T) {
	b, rows := batchOfThree()
	batch := func(d *Dir) (Result, error) { return newWriter(d, 1, 1).Write(context.Background(), Events, b, rows) }
	steps, want := recordSteps(t, batch)
	for n, step := range steps {
		if strings.HasSuffix(step, " "+stepLink) {
			t.Run(fmt.Sprintf("%02d %s", n, step), func(t *testing.T) { interrupted(t, batch, n, true, want) })
		}
	}
}

// recordSteps writes without a fault and gives the steps and the files.
func recordSteps(t *testing.T, write func(*Dir) (Result, error)) (steps []string, files map[string]string) {
	t.Helper()
	root := t.TempDir()
	d := openTestDir(t, root)
	d.fault = func(step string) error { steps = append(steps, step); return nil }
	if _, err := write(d); err != nil {
		t.Fatal(err)
	}
	files, _ = tree(t, root)
	if len(files) != 3 {
		t.Fatalf("%d files, want 3", len(files))
	}
	return steps, files
}

// interrupted fails at step n, looks at what a reader sees then, repeats write
// and wants exactly the files of want.
func interrupted(t *testing.T, write func(*Dir) (Result, error), n int, killed bool, want map[string]string) {
	root := t.TempDir()
	d, err := NewDir(root)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	d.fault = func(string) error {
		count++
		if count == n+1 || killed && count > n {
			return errFault
		}
		return nil
	}
	res, err := write(d)
	if !errors.Is(err, errFault) {
		t.Fatalf("Write: %v, want the fault", err)
	}
	seen, _ := tree(t, root)
	for name, content := range seen {
		if content != want[name] {
			t.Errorf("after the fault %s is there and is not whole", name)
		}
	}
	for _, f := range res.Files {
		if _, ok := seen[f.Path]; !ok {
			t.Errorf("%s is reported and is not there", f.Path)
		}
	}
	if killed {
		if err := d.lock.Unlock(); err != nil { // as the kernel does
			t.Fatal(err)
		}
		if d, err = NewDir(root); err != nil {
			t.Fatal(err)
		}
	} else {
		d.fault = nil
	}
	if res, err = write(d); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	got, temporary := tree(t, root)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("files after the repeat (-want +got):\n%s", diff)
	} else if !maps.Equal(got, want) {
		t.Error("after the repeat a file differs from that of a run without fault")
	}
	for _, f := range res.Files {
		if f.Created == (seen[f.Path] != "") {
			t.Errorf("%s: created %v, was there before the repeat: %v", f.Path, f.Created, seen[f.Path] != "")
		}
		if int(f.Bytes) != len(want[f.Path]) {
			t.Errorf("%s: %d bytes, want %d", f.Path, f.Bytes, len(want[f.Path]))
		}
	}
	if temporary > 0 {
		t.Errorf("%d temporary files are left", temporary)
	}
}

// TestForeignFileStays repeats a batch over a file that is there and differs, in
// its size or in one byte only.
func TestForeignFileStays(t *testing.T) {
	b, rows := batchOfThree()
	root := t.TempDir()
	res := write(t, root, Events, b, rows)
	path := filepath.Join(root, res.Files[0].Path)
	changed := readBytes(t, path)
	changed[len(changed)/2] ^= 1
	for _, foreign := range [][]byte{[]byte("not ours to judge"), changed} {
		if err := os.WriteFile(path, foreign, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := NewWriter(openTestDir(t, root)).Write(context.Background(), Events, b, rows)
		if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), res.Files[0].Path) || IsTransient(err) {
			t.Errorf("Write: %v, want a permanent %v that names the file", err, ErrForeign)
		}
		if !bytes.Equal(readBytes(t, path), foreign) {
			t.Error("the file was replaced")
		}
	}
}

func TestTwoWritersOfOneBatch(t *testing.T) {
	b, rows := batchOfThree()
	root := t.TempDir()
	created := make([]int, 4)
	var wg sync.WaitGroup
	for i := range created {
		d := openTestDir(t, root) // as many processes
		wg.Go(func() {
			res, err := NewWriter(d).Write(context.Background(), Events, b, rows)
			if err != nil {
				t.Error(err)
			}
			for _, f := range res.Files {
				if f.Created {
					created[i]++
				}
			}
		})
	}
	wg.Wait()
	if sum := created[0] + created[1] + created[2] + created[3]; sum != 3 {
		t.Errorf("files were created %v times, want 3 in all", created)
	}
}

// TestCleaning starts a process beside a living one and a dead one.
func TestCleaning(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a[b]*") // no pattern
	living := openTestDir(t, root)
	dead, err := NewDir(root)
	if err != nil {
		t.Fatal(err)
	}
	leave := func(d *Dir, name string) string {
		path := filepath.Join(root, tempDir, d.id+name)
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ofLiving, ofDead := leave(living, "-1"), leave(dead, "-1")
	if err := dead.lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	openTestDir(t, root)
	if _, err := os.Stat(ofLiving); err != nil {
		t.Errorf("the file of a living process: %v", err)
	}
	if _, err := os.Stat(ofDead); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file of a dead process is still there (%v)", err)
	}
	if _, err := os.Stat(filepath.Join(root, tempDir, dead.id+".lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock of a dead process is still there (%v)", err)
	}
}

func TestCancelled(t *testing.T) {
	b, rows := batchOfThree()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := NewWriter(openTestDir(t, t.TempDir())).Write(ctx, Events, b, rows); !errors.Is(err, context.Canceled) {
		t.Errorf("Write: %v, want %v", err, context.Canceled)
	}
}

// TestAdvice wants each error of the file system to say what to do.
func TestAdvice(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{syscall.ENOSPC, "free or add space"},
		{syscall.EDQUOT, "free or add space"},
		{syscall.EROFS, "read-only"},
		{syscall.EACCES, "write permission"},
		{&os.LinkError{Op: "link", Err: syscall.EPERM}, "lacks hard links"},
		{syscall.ENOTSUP, "lacks hard links"},
	}
	b, rows := batchOfThree()
	d := openTestDir(t, t.TempDir())
	for _, tt := range tests {
		d.fault = func(step string) error {
			if step == "before "+stepLink {
				return tt.err
			}
			return nil
		}
		_, err := NewWriter(d).Write(context.Background(), Events, b, rows)
		if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Write: %v, want %v and %q", err, tt.err, tt.want)
		}
	}
}

func TestDirectoryThatCannotBe(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(file, "lake")} {
		if _, err := NewDir(path); err == nil || !strings.Contains(err.Error(), "configure another directory") {
			t.Errorf("NewDir: %v, want advice", err)
		}
	}
	if _, err := NewDir(filepath.Join(root, "a", "b", "c")); err != nil {
		t.Errorf("NewDir of a deep new directory: %v", err)
	}
	if os.Getuid() == 0 {
		return // root may write anywhere: the next part would test nothing
	}
	closed := filepath.Join(root, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := NewDir(filepath.Join(closed, "lake")); err == nil || !strings.Contains(err.Error(), "write permission") {
		t.Errorf("NewDir: %v, want advice", err)
	}
}
