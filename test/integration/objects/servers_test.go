//go:build integration_objects

package objects

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/weir-security/weir/test/integration/process"
)

// serve starts a server at a free port and waits until it takes connections.
func serve(t *testing.T, env []string, args func(port string) []string) (url string) {
	t.Helper()
	address := process.FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	command := args(port)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	process.Start(t, process.Options{Name: filepath.Base(command[0]), Env: env}, command...).WaitListening(ctx, t, address)
	return "http://" + address
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

func (w *weir) start(t *testing.T) *process.Process {
	t.Helper()
	return process.Start(t, process.Options{Name: "weir", Env: w.env}, process.Executable(t, "WEIR"), "run", "--config", filepath.Join(w.dir, "weir.yaml"))
}

// killAndFinish runs weir, kills it some times in the middle, and lets it finish when
// the lake has that many rows. A message
// that a killed one had received comes back first: settled tells when nothing is left
// to do but to end.
func (w *weir) killAndFinish(t *testing.T, kills []time.Duration, rows int, settled func() error) {
	t.Helper()
	for i, after := range kills {
		p := w.start(t)
		// A moment that nobody chose, behind the first rows of what is still to come.
		for began, enough := time.Now(), i*rows/(len(kills)+1); time.Since(began) < after || len(w.uids(t)) < enough && time.Since(began) < 30*time.Second; {
			select {
			case <-time.After(50 * time.Millisecond):
			case <-p.Gone():
				t.Fatalf("weir ended\n%s", p.Output())
			}
		}
		p.Kill()
		t.Logf("killed after %s with %d of %d rows in the lake", after, len(w.uids(t)), rows)
	}
	p := w.start(t)
	began := time.Now()
	// The killed ones may have left nothing but to end: it has to be there to be asked.
	for len(w.uids(t)) < rows || !strings.Contains(p.Output(), "starting") {
		select {
		case <-p.Gone():
			t.Fatalf("weir ended\n%s", p.Output())
		case <-time.After(200 * time.Millisecond):
		}
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("%d of %d rows\n%s", len(w.uids(t)), rows, p.Output())
		}
	}
	t.Logf("the rest took %s", time.Since(began))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	process.WaitFor(ctx, t, "the source to be settled", settled)
	p.Stop(t, time.Minute)
	for _, secret := range []string{secretKey, accountKey} {
		if strings.Contains(p.Output(), secret) {
			t.Errorf("the output shows a secret:\n%s", p.Output())
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
