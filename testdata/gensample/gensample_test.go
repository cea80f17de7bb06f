package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

const committed = "../sample"

var sample = sync.OnceValue(build)

// TestCommitted holds the committed sample against the generator.
func TestCommitted(t *testing.T) {
	wanted := map[string]bool{}
	for _, f := range sample() {
		wanted[f.path] = true
		have, err := readFile(filepath.Join(committed, filepath.FromSlash(f.path)))
		if err != nil {
			t.Errorf("%v; run make generate", err)
			continue
		}
		if !bytes.Equal(have, f.content) {
			t.Errorf("%s differs from what gensample writes; run make generate", f.path)
		}
	}
	err := fs.WalkDir(os.DirFS(committed), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !wanted[path] {
			t.Errorf("%s is not written by gensample; run make generate", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestDeterministic builds twice.
func TestDeterministic(t *testing.T) {
	first, second := sample(), build()
	if len(first) != len(second) {
		t.Fatalf("%d files, then %d", len(first), len(second))
	}
	for i, f := range first {
		if f.path != second[i].path || !bytes.Equal(f.content, second[i].content) {
			t.Errorf("%s differs in a second run", f.path)
		}
	}
}

// TestWriteKeepsAndRemoves writes twice over a stray file: it goes, the rest stays.
func TestWriteKeepsAndRemoves(t *testing.T) {
	dir := t.TempDir()
	files := []file{{"a/b.log.gz", []byte("one\n")}, {"c.log", []byte("two\n")}}
	if err := write(dir, files); err != nil {
		t.Fatal(err)
	}
	stray := filepath.Join(dir, "a", "stray.log")
	if err := os.WriteFile(stray, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := write(dir, files); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stray); !os.IsNotExist(err) {
		t.Errorf("stray file: got %v, want it removed", err)
	}
	for _, f := range files {
		have, err := readFile(filepath.Join(dir, filepath.FromSlash(f.path)))
		if err != nil || !bytes.Equal(have, f.content) {
			t.Errorf("%s = %q, %v; want %q", f.path, have, err, f.content)
		}
	}
}

// TestRecords parses every record and counts them against expected.json.
func TestRecords(t *testing.T) {
	var expected struct {
		Sources map[string]sourceCount `json:"sources"`
	}
	read := map[string]int{}
	for _, f := range sample() {
		source, lines := "", bytes.Split(bytes.TrimSuffix(f.content, []byte("\n")), []byte("\n"))
		switch dir, _, _ := bytes.Cut([]byte(f.path), []byte("/")); string(dir) {
		case "expected.json":
			if err := json.Unmarshal(f.content, &expected); err != nil {
				t.Fatal(err)
			}
			continue
		case "cloudtrail":
			source = "aws.cloudtrail"
			var logFile struct{ Records []json.RawMessage }
			if err := json.Unmarshal(f.content, &logFile); err != nil {
				t.Fatalf("%s: %v", f.path, err)
			}
			read[source] += max(len(logFile.Records), 1) // a digest is one record, and none of CloudTrail's
			continue
		case "kubernetes":
			source = "kubernetes.audit"
		case "azure":
			source = "azure.activity"
		case "nginx":
			source = "gateway.nginx"
		}
		read[source] += len(lines)
	}
	for source, want := range expected.Sources {
		if read[source] != want.Read {
			t.Errorf("%s: %d records, expected.json says %d", source, read[source], want.Read)
		}
		if sum := want.Normalised + want.DeadLettered + want.Duplicates; sum != want.Read {
			t.Errorf("%s: %d accounted for of %d read", source, sum, want.Read)
		}
	}
}
