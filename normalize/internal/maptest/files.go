package maptest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-security/weir/internal/corpus"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Corpus maps every record of the corpus' files, if the corpus is there, and
// tells how many of each outcome there were. Every event passes Check.
func (s Suite) Corpus(t *testing.T, patterns ...string) {
	for _, pattern := range patterns {
		s.files(t, corpus.Glob(t, "raw", pattern))
	}
}

// Sample maps every record of the project's sample logs, as Corpus does.
func (s Suite) Sample(t *testing.T, pattern string) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "sample", filepath.FromSlash(pattern)))
	if err != nil || len(files) == 0 {
		t.Fatalf("no file %s: %v", pattern, err)
	}
	s.files(t, files)
}

func (s Suite) files(t *testing.T, files []string) {
	t.Helper()
	mapper := s.New()
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { s.file(t, mapper, file) })
	}
}

func (s Suite) file(t *testing.T, mapper normalize.Mapper, file string) {
	classes, errs, total := map[string]int{}, map[string]int{}, 0
	var ev ocsf.Event
	for _, record := range records(t, file) {
		total++
		if err := mapper.Map(s.Record(record), &ev); err != nil {
			errs[reason(t, err)]++
			continue
		}
		classes[ev.Class().Name()]++
		if s.Check(t, record, &ev); t.Failed() {
			return
		}
	}
	t.Logf("%d records: events %v, errors %v", total, classes, errs)
	if len(classes) == 0 {
		t.Error("no record of the file became an event")
	}
}

// records reads a file, plain or gzip: its lines, or the Records of a CloudTrail
// log file.
func records(t *testing.T, file string) (list [][]byte) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.HasPrefix(text, []byte(`{"Records":`)) {
		doc := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
		if err := doc.Parse(text); err != nil {
			t.Fatal(err)
		}
		for record := range doc.Root().Get("Records").Elements {
			list = append(list, []byte(record.Raw()))
		}
		return list
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 32<<20)
	for lines.Scan() {
		if len(lines.Bytes()) > 0 {
			list = append(list, bytes.Clone(lines.Bytes()))
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
