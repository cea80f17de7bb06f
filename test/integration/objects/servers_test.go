//go:build integration_objects

package objects

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// process runs beside the test and dies with it.
type process struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has been waited for
	mu   sync.Mutex
	out  bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(args[0], args[1:]...), gone: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is asked of ProcessState
		close(p.gone)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill is kill -9. It returns when the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // an error says that it is gone already
	<-p.gone
}

// stop asks the process to finish.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.gone
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("ended with %d\n%s", code, p.output())
	}
}

func executable(t *testing.T, name string) string {
	t.Helper()
	path := os.Getenv(name)
	if path == "" {
		t.Fatalf("%s is not set: run test/integration/objects/run", name)
	}
	return path
}

// serve starts a server at a free port and waits until it takes connections.
func serve(t *testing.T, env []string, args func(port string) []string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	p := start(t, env, args(port)...)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return "http://" + address
		}
		select {
		case <-p.gone:
			t.Fatalf("%s has ended\n%s", args(port)[0], p.output())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen\n%s", args(port)[0], p.output())
		}
	}
}

// weir is a pipeline with the embedded broker, in a directory.
type weir struct {
	dir string
	env []string
}

func newWeir(t *testing.T, collector string, env ...string) *weir {
	t.Helper()
	w := &weir{dir: t.TempDir(), env: env}
	text := fmt.Sprintf(`instance: objects
kafka: {embedded: {dir: broker}}
collectors:
%s
lake: {dir: lake, flush: {idle: 300ms, age: 1s}}
alerts: [{name: file, type: file, path: alerts.ndjson}]
`, collector)
	if err := os.WriteFile(filepath.Join(w.dir, "weir.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *weir) start(t *testing.T) *process {
	t.Helper()
	return start(t, w.env, executable(t, "WEIR"), "run", "--config", filepath.Join(w.dir, "weir.yaml"))
}

// killAndFinish runs weir, kills it some times in the middle, and lets it finish when
// the lake has that many rows.
func (w *weir) killAndFinish(t *testing.T, kills []time.Duration, rows int) {
	t.Helper()
	for i, after := range kills {
		p := w.start(t)
		// A moment that nobody chose, behind the first rows of what is still to come.
		for began, enough := time.Now(), i*rows/(len(kills)+1); time.Since(began) < after || len(w.uids(t)) < enough && time.Since(began) < 30*time.Second; {
			select {
			case <-time.After(50 * time.Millisecond):
			case <-p.gone:
				t.Fatalf("weir ended\n%s", p.output())
			}
		}
		p.kill()
		t.Logf("killed after %s with %d of %d rows in the lake", after, len(w.uids(t)), rows)
	}
	p := w.start(t)
	began := time.Now()
	for len(w.uids(t)) < rows {
		select {
		case <-p.gone:
			t.Fatalf("weir ended\n%s", p.output())
		case <-time.After(200 * time.Millisecond):
		}
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("%d of %d rows\n%s", len(w.uids(t)), rows, p.output())
		}
	}
	t.Logf("the rest took %s", time.Since(began))
	p.stop(t)
	for _, secret := range []string{secretKey, accountKey} {
		if strings.Contains(p.output(), secret) {
			t.Errorf("the output shows a secret:\n%s", p.output())
		}
	}
	doubled := 0
	for _, n := range w.uids(t) {
		doubled += n - 1
	}
	if len(w.uids(t)) != rows || doubled > 0 {
		t.Errorf("%d rows, want %d; %d doubled", len(w.uids(t)), rows, doubled)
	}
}

// uids counts the rows of events in the lake by metadata.uid.
func (w *weir) uids(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	err := filepath.WalkDir(filepath.Join(w.dir, "lake", "events"), func(path string, _ fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err == nil && strings.HasSuffix(path, ".parquet") {
			readUIDs(t, path, counts)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

func readUIDs(t *testing.T, path string, counts map[string]int) {
	t.Helper()
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	column := f.MetaData().Schema.ColumnIndexByName("metadata.uid")
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: 1 << 20}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	groups := make([]int, f.NumRowGroups())
	for i := range groups {
		groups[i] = i
	}
	table, err := r.ReadRowGroups(t.Context(), []int{column}, groups)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	for _, chunk := range table.Column(0).Data().Chunks() {
		uids := chunk.(*array.Struct).Field(0).(*array.String)
		for i := range uids.Len() {
			counts[strings.Clone(uids.Value(i))]++
		}
	}
}
