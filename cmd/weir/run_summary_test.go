package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/pipeline"
)

// What the summary suggests are commands that there are.
func TestNextSteps(t *testing.T) {
	cfg := config.Default()
	cfg.Lake.Dir = "data/lake"
	cfg.Collectors = []config.Collector{{Name: "nginx", Type: config.CollectorFile, File: &config.FileCollector{Path: "logs"}}}
	for _, rules := range []string{"", "rules"} {
		cfg.Rules.Dir = rules
		var out strings.Builder
		printNextSteps(&out, cfg, "weir.yaml", true)
		commands := 0
		for line := range strings.Lines(out.String()) {
			command, ok := strings.CutPrefix(strings.TrimSpace(line), program()+" ")
			if !ok || strings.HasPrefix(line, "      ") {
				continue
			}
			commands++
			root := newRoot()
			target, args, err := root.Find(strings.Fields(command))
			if err != nil || target == root {
				t.Errorf("suggests no command: %q", line)
				continue
			}
			if err := target.ParseFlags(args); err != nil {
				t.Errorf("suggests %q: %v", line, err)
			}
		}
		if commands != 4 {
			t.Errorf("%d commands, want 4:\n%s", commands, out.String())
		}
	}
}

func TestSummary(t *testing.T) {
	cfg := config.Default()
	cfg.Lake.Dir = "data/lake"
	snap := pipeline.Snapshot{
		Sources: map[string]pipeline.Counts{"gateway.nginx": {Read: 5, Normalized: 3, DeadLettered: 2, Alerted: 1}},
		Files:   1, Rows: 4, Bytes: 131072, RollUps: 1,
		Letters: map[string]int64{"gateway.nginx: syntax": 2},
	}
	tests := []struct {
		name string
		snap pipeline.Snapshot
		want string
	}{
		{"a service that did something", snap, `
 source        │ read │ normalised │ duplicates │ dead-lettered │ alerts
───────────────┼──────┼────────────┼────────────┼───────────────┼────────
 gateway.nginx │    5 │          3 │          0 │             2 │      1
───────────────┼──────┼────────────┼────────────┼───────────────┼────────
 total         │    5 │          3 │          0 │             2 │      1
1 file with 4 rows (0.1 MB) written to data/lake in 2.0 s: events, alerts and 1 roll-up of alerts
Dead letters, in the topic weir.dlq: 2 syntax of gateway.nginx
`},
		{"nothing", pipeline.Snapshot{}, "\nNothing new: the input is empty, or an earlier run has read it.\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			o := runOptions{summary: "text"}
			if err := o.printSummary(&out, cfg, tt.snap, 2*time.Second); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProgressOf(t *testing.T) {
	read := pipeline.Counts{Read: 100, Normalized: 60, Duplicates: 5, DeadLettered: 5}
	tests := []struct {
		name      string
		bytesRead int64
		phase     string
		of, done  int64
	}{
		{"files are read", 40, "reading", 50, 40},
		{"files are through", 50, "detecting", 100, 70},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			phase, of, done := progressOf(pipeline.Snapshot{
				Sources:  map[string]pipeline.Counts{"gateway.nginx": read},
				Progress: map[string]ingest.Progress{"nginx": {BytesFound: 50, BytesRead: tt.bytesRead}},
			})
			if phase != tt.phase || of != tt.of || done != tt.done {
				t.Errorf("%s %d of %d, want %s %d of %d", phase, done, of, tt.phase, tt.done, tt.of)
			}
		})
	}
}
