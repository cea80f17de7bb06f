//go:build integration_k8s

package k8s

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
)

// counts is a multiset of texts.
type counts map[string]int

func (c counts) total() int {
	n := 0
	for _, k := range c {
		n += k
	}
	return n
}

// difference describes what got has too few and too many of, and is empty when
// the two are equal.
func difference(got, want counts) string {
	var b strings.Builder
	lost, extra := 0, 0
	describe := func(what, key string, n int) {
		if lost+extra < 20 {
			fmt.Fprintf(&b, "%s %d times: %.200s\n", what, n, key)
		}
	}
	for key, n := range want {
		if d := n - got[key]; d > 0 {
			describe("lost", key, d)
			lost += d
		}
	}
	for key, n := range got {
		if d := n - want[key]; d > 0 {
			describe("extra", key, d)
			extra += d
		}
	}
	if lost+extra == 0 {
		return ""
	}
	return fmt.Sprintf("%d lost, %d extra\n%s", lost, extra, &b)
}

// identity is what an audit event is counted by: its audit id and stage, and all
// the rest in canonical JSON. The members kind and apiVersion are left out: an
// event in the file has them, in a batch its list has.
func identity(line []byte) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	var event map[string]any
	if err := decoder.Decode(&event); err != nil {
		return "", fmt.Errorf("parse an audit event: %w", err)
	}
	delete(event, "kind")
	delete(event, "apiVersion")
	canonical, err := json.Marshal(event)
	return fmt.Sprintf("%v %v %s", event["auditID"], event["stage"], canonical), err
}

// auditFile counts the events of the API server's own file. A last line that is
// being written is left out.
func auditFile(t *testing.T, path string) counts {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	events := counts{}
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		key, err := identity(line)
		if err != nil {
			t.Fatal(err)
		}
		events[key]++
	}
}

// lakeRows counts the values of one column of one table, in every file that is
// there, as any reader of the lake would find them.
func lakeRows(t *testing.T, lake, table, column string) counts {
	t.Helper()
	rows := counts{}
	err := filepath.WalkDir(filepath.Join(lake, table), func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // nothing stored yet
			return nil
		case err != nil || d.IsDir() || filepath.Ext(path) != ".parquet":
			return err
		}
		values, err := columnOf(path, column)
		for _, v := range values {
			rows[v]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// columnOf reads a column of strings, which may lie in a struct (a.b).
func columnOf(path, column string) ([]string, error) {
	in, err := file.OpenParquetFile(path, false)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	index := in.MetaData().Schema.ColumnIndexByName(column)
	if index < 0 {
		return nil, fmt.Errorf("%s has no column %s", path, column)
	}
	reader, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	groups := make([]int, in.NumRowGroups())
	for i := range groups {
		groups[i] = i
	}
	table, err := reader.ReadRowGroups(context.Background(), []int{index}, groups)
	if err != nil {
		return nil, err
	}
	defer table.Release()
	var values []string
	for _, chunk := range table.Column(0).Data().Chunks() {
		var a arrow.Array = chunk
		for range strings.Count(column, ".") {
			a = a.(*array.Struct).Field(0)
		}
		texts := a.(*array.String)
		for i := range texts.Len() {
			values = append(values, strings.Clone(texts.Value(i)))
		}
	}
	return values, nil
}

// lakeEvents counts the audit events in the lake by their original bytes.
func lakeEvents(t *testing.T, lake string) counts {
	t.Helper()
	events := counts{}
	for raw, n := range lakeRows(t, lake, "events", "raw_data") {
		key, err := identity([]byte(raw))
		if err != nil {
			t.Fatalf("raw_data of a row: %v", err)
		}
		events[key] += n
	}
	return events
}

// output is what a command prints on its standard output.
func output(t *testing.T, command ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	return out
}

// ocsfEvent is what the test looks at in an event or a finding of weir.
type ocsfEvent struct {
	ActivityID int `json:"activity_id"`
	Metadata   struct{ UID string }
	Info       struct {
		Analytic struct{ UID string }
	} `json:"finding_info"`
}

// parseEvents parses one JSON object a line.
func parseEvents(t *testing.T, ndjson []byte) []ocsfEvent {
	t.Helper()
	var all []ocsfEvent
	for line := range bytes.Lines(ndjson) {
		var e ocsfEvent
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// uids counts by metadata.uid.
func uids(all []ocsfEvent) counts {
	c := counts{}
	for _, e := range all {
		c[e.Metadata.UID]++
	}
	return c
}

// alerts are the findings that are no roll-up of earlier ones.
func alerts(all []ocsfEvent) []ocsfEvent {
	const create = 1
	return slices.DeleteFunc(all, func(e ocsfEvent) bool { return e.ActivityID != create })
}

// topicRecords counts the committed records of a topic of the embedded broker in
// dir, which nobody may run.
func topicRecords(t *testing.T, dir, topic string) int {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	embedded, err := broker.StartEmbedded(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	defer embedded.Close()
	kafka := broker.Options{Seeds: embedded.Addrs(), Log: log}
	ends, err := kafka.VisibleRanges(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := kafka.ReadRange(t.Context(), topic, ends[topic], func(*kgo.Record) { n++ }); err != nil {
		t.Fatal(err)
	}
	return n
}
