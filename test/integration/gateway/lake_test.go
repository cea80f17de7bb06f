//go:build integration_gateway

package gateway

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// counts is a multiset of lines.
type counts map[string]int

func (c counts) total() int {
	n := 0
	for _, k := range c {
		n += k
	}
	return n
}

func (c counts) add(other counts) {
	for key, n := range other {
		c[key] += n
	}
}

// difference describes what got has too few and too many of.
func difference(got, want counts) string {
	var b strings.Builder
	lost, extra := 0, 0
	for key, n := range want {
		if d := n - got[key]; d > 0 {
			if lost += d; lost < 10 {
				fmt.Fprintf(&b, "lost %d times: %.200s\n", d, key)
			}
		}
	}
	for key, n := range got {
		if d := n - want[key]; d > 0 {
			if extra += d; extra < 10 {
				fmt.Fprintf(&b, "extra %d times: %.200s\n", d, key)
			}
		}
	}
	if lost+extra == 0 {
		return ""
	}
	return fmt.Sprintf("%d lost, %d extra\n%s", lost, extra, &b)
}

// lines counts those of the log files of a pattern.
func (s *servers) lines(t *testing.T, pattern string) counts {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "log", pattern))
	must(t, err)
	lines := counts{}
	for _, name := range files {
		f, err := os.Open(name)
		must(t, err)
		scanner := bufio.NewScanner(f)
		for scanner.Scan() {
			lines[scanner.Text()]++
		}
		must(t, scanner.Err())
		must(t, f.Close())
	}
	return lines
}

// compareLake holds the lake's events against lines.
func (s *servers) compareLake(t *testing.T, want counts) error {
	t.Helper()
	got := counts{}
	err := filepath.WalkDir(filepath.Join(s.dir, "lake", "events"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			readRaw(t, path, got)
		}
		return nil // a directory that is not there yet
	})
	must(t, err)
	if d := difference(got, want); d != "" {
		return fmt.Errorf("the lake against NGINX's logs: %s", d)
	}
	return nil
}

// readRaw counts the texts of a file's column raw_data.
func readRaw(t *testing.T, path string, into counts) {
	t.Helper()
	f, err := file.OpenParquetFile(path, false)
	must(t, err)
	defer f.Close()
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	must(t, err)
	table, err := r.ReadTable(context.Background())
	must(t, err)
	defer table.Release()
	column := table.Column(table.Schema().FieldIndices("raw_data")[0])
	for _, chunk := range column.Data().Chunks() {
		texts := chunk.(*array.String)
		for i := range texts.Len() {
			into[texts.Value(i)]++
		}
	}
}

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
