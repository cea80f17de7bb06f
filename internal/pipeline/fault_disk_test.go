//go:build linux

package pipeline

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// envNamespace says that a test is in a mount namespace of its own.
const envNamespace = "WEIR_TEST_NAMESPACE"

// inNamespace runs the calling test again in a process that may mount file systems,
// which nobody else sees, and reports whether this is that process.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(envNamespace) != "" {
		return true
	}
	probe := exec.Command("/proc/self/exe", "-test.run=^$")
	probe.SysProcAttr = ownNamespace()
	if err := probe.Run(); err != nil {
		t.Skipf("the kernel allows no user and mount namespaces here, which a small disk needs: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), envNamespace+"=1")
	cmd.SysProcAttr = ownNamespace()
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

func ownNamespace() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

// disk is a small file system.
type disk struct{ dir string }

func newDisk(t *testing.T, size string) disk {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("weir", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return disk{dir}
}

// fill takes all space but so many bytes.
func (d disk) fill(t *testing.T, left int64) {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &s); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(d.dir, "ballast"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, s.Bsize)
	for n := (int64(s.Bavail)*s.Bsize - left) / s.Bsize; n > 0; n-- {
		if _, err := f.Write(block); err != nil {
			break // somebody else has filled it
		}
	}
}

// free gives the space back.
func (d disk) free(t *testing.T) {
	t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "ballast")); err != nil {
		t.Fatal(err)
	}
}

// diskOptions are those of a service with an embedded broker of its own.
func diskOptions() Options {
	o := faultOptions()
	o.times = times{transaction: shortTransaction}
	return o
}

// noted tells whether a role's health, reasons and notes, speaks of something.
func (s *running) noted(role Role, text string) bool {
	for _, r := range s.stats.Telemetry.Health.Roles() {
		if r.Role == string(role) && strings.Contains(strings.Join(append(r.Notes, r.Reasons...), "\n"), text) {
			return true
		}
	}
	return false
}

// TestDiskFullLake fills the disk of the lake before the start and in the middle of
// the work. All other roles go on, and so does store when there is space.
func TestDiskFullLake(t *testing.T) {
	t.Parallel()
	if !inNamespace(t) {
		return
	}
	d := newDisk(t, "8m")
	w := newWorld(fastDir(t))
	w.config.Lake.Dir = filepath.Join(d.dir, "lake")
	w.config.Lake.Flush.Rows, w.config.Lake.Flush.Idle = 200, 200*time.Millisecond
	d.fill(t, 0)
	o := diskOptions()
	s := w.start(t, o)
	waits := func() bool { return s.noted(RoleStore, "the lake takes no files") }
	s.until(t, "store waits for the lake", waits)
	d.free(t)
	w.appendLogs(t, 0, faultRecords/2, 0)
	s.untilStored(t, 300)

	d.fill(t, 0)
	w.appendLogs(t, faultRecords/2, faultRecords, 0)
	s.until(t, "store waits again", waits)
	s.until(t, "detect has done all", func() bool {
		c := s.stats.Snapshot().Sources["aws.cloudtrail"]
		return c.Read == faultRecords && c.Normalized+c.DeadLettered == faultRecords
	})
	if !s.ready() {
		t.Errorf("a lake that takes no files should leave the process ready: %+v", s.stats.Telemetry.Health.Roles())
	}
	if valueOf(t, s.stats.Telemetry.LakeRetries) < 2 {
		t.Error("the tries are not counted")
	}
	s.drain(t) // with a full disk
	if log := s.log.String(); !strings.Contains(log, "free or add space") || !strings.Contains(log, "written at the next start") {
		t.Errorf("the log does not say what to do:\n%s", log)
	}

	once := Options{Once: true, times: times{lakeOnce: time.Second}}
	if err := w.run(t.Context(), once); err == nil || !strings.Contains(err.Error(), "free or add space") {
		t.Errorf("a run with --once on a full disk: %v", err)
	}
	d.free(t)
	w.settle(t)
}

// TestDiskFullBroker fills the disk of the embedded broker under a pipeline.
func TestDiskFullBroker(t *testing.T) {
	slow(t, false)
	t.Parallel()
	if !inNamespace(t) {
		return
	}
	d := newDisk(t, "64m")
	w := newWorld(fastDir(t))
	w.config.Kafka.Embedded.Dir = filepath.Join(d.dir, "broker")
	w.appendLogs(t, 0, faultRecords/2, 0)
	s := w.start(t, diskOptions())
	s.untilStored(t, 300)

	// Without room for records, but for the ends of transactions: it waits.
	d.fill(t, 1<<20)
	w.appendLogs(t, faultRecords/2, faultRecords/2+100, 0)
	s.until(t, "the broker takes no records", func() bool {
		return strings.Contains(s.log.String(), "the disk of the embedded broker is full: free space")
	})
	time.Sleep(2 * shortTransaction) // so long that Kafka ends the transactions
	d.free(t)
	s.until(t, "collect goes on", func() bool { return s.stats.Snapshot().Sources["aws.cloudtrail"].Read == faultRecords/2+100 })

	// Somebody else takes the rest, too: then it cannot go on.
	d.fill(t, 0)
	w.appendLogs(t, faultRecords/2+100, faultRecords, 0)
	if s.ended(2 * shortTransaction) {
		if err := s.wait(t); err == nil || !strings.Contains(err.Error(), "free space") {
			t.Errorf("the pipeline ended with %v", err)
		}
	}
	d.free(t)
	if !s.ended(0) {
		s.drain(t)
	}
	w.settle(t)
}

// ended tells whether the service ends within a time.
func (s *running) ended(within time.Duration) bool {
	select {
	case err := <-s.end:
		s.end <- err
		return true
	case <-time.After(within):
		return false
	}
}

// TestDiskFullAlerts fills the disk of the file of alerts.
func TestDiskFullAlerts(t *testing.T) {
	slow(t, false)
	t.Parallel()
	if !inNamespace(t) {
		return
	}
	d := newDisk(t, "1m")
	w := newWorld(fastDir(t))
	w.config.Alerts[0].File.Path = filepath.Join(d.dir, "alerts.ndjson")
	o := diskOptions()
	s := w.start(t, o)
	s.until(t, "all are ready", s.ready)
	d.fill(t, 0)
	w.appendLogs(t, 0, faultRecords, 0)
	s.until(t, "deliver waits", func() bool { return strings.Contains(s.log.String(), "no space left on device") })
	s.untilStored(t, total(calmBooks(t).Events)) // nobody else waits
	d.free(t)
	s.until(t, "alerts are delivered", func() bool { return s.stats.Snapshot().Delivered["file"] > 0 })
	s.drain(t)
	w.settle(t)
}
