package detections

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// fixture reads a test's input: beside the rule, else below testdata.
func fixture(fsys fs.FS, rule *Rule, input string) (records [][]byte, file string, err error) {
	beside, below := path.Join(path.Dir(rule.File), input), path.Join(testdataDir, input)
	for _, file := range []string{beside, below} {
		text, err := fs.ReadFile(fsys, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, file, fmt.Errorf("read fixture: %w", err)
		}
		records, err := splitFixture(file, text)
		if err == nil && len(records) == 0 {
			err = fmt.Errorf("read fixture %s: it holds no record", file)
		}
		return records, file, err
	}
	return nil, "", fmt.Errorf("read fixture: neither %s nor %s exists", beside, below)
}

// Reads tells whether the rule or one of its tests reads a file below the rules
// directory: a list, a fixture, or the body that a destination is sent.
func (r *Rule) Reads(file string) bool {
	if name, ok := strings.CutPrefix(file, listsDir+"/"); ok {
		return r.names(strings.TrimSuffix(name, ".yaml"))
	}
	beside := func(name string) bool { return name != "" && path.Join(path.Dir(r.File), name) == file }
	for _, t := range r.Tests {
		for _, e := range t.Events {
			if beside(e.Input) || e.Input != "" && path.Join(testdataDir, e.Input) == file {
				return true
			}
		}
		for _, w := range t.Alerts {
			if slices.ContainsFunc(w.Bodies, func(b WantBody) bool { return beside(b.Equals) }) {
				return true
			}
		}
	}
	return false
}

// names tells whether lists.NAME is written in the rule, be it in a comment.
func (r *Rule) names(list string) bool {
	written, err := regexp.Compile(`\blists\s*\.\s*` + regexp.QuoteMeta(list) + `\b`)
	return err == nil && written.MatchString(r.node.Document().Text())
}

// splitFixture makes records of a file. JSON files hold one value, several, or
// arrays of them; anything else is one record a line.
func splitFixture(file string, text []byte) ([][]byte, error) {
	switch path.Ext(file) {
	case ".json", ".ndjson", ".jsonl":
	default:
		var lines [][]byte
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimRight(line, "\r\n"); line != "" {
				lines = append(lines, []byte(line))
			}
		}
		return lines, nil
	}
	var records [][]byte
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read fixture %s: %w", file, err)
		}
		if value[0] != '[' {
			records = append(records, value)
			continue
		}
		var elements []json.RawMessage
		if err := json.Unmarshal(value, &elements); err != nil {
			return nil, fmt.Errorf("read fixture %s: %w", file, err)
		}
		for _, e := range elements {
			records = append(records, e)
		}
	}
}
