package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/pipeline"
)

// runSummary is what `weir run --summary json` prints.
type runSummary struct {
	pipeline.Snapshot
	Seconds float64 `json:"seconds"`
}

func (o *runOptions) printSummary(w io.Writer, cfg *config.Config, snap pipeline.Snapshot, took time.Duration) error {
	switch o.summary {
	case "none":
		return nil
	case "json":
		return json.NewEncoder(w).Encode(runSummary{snap, took.Seconds()})
	}
	fmt.Fprintln(w)
	if total := printCounts(w, snap); total.Read == 0 {
		fmt.Fprintln(w, "Nothing new: all of the input was read by an earlier run.")
	}
	fmt.Fprintf(w, "%d files with %d rows (%s) written to %s in %.1f s; %d roll-ups of alerts\n",
		snap.Files, snap.Rows, megabytes(snap.Bytes), cfg.Lake.Dir, took.Seconds(), snap.RollUps)
	for _, reason := range slices.Sorted(maps.Keys(snap.Letters)) {
		fmt.Fprintf(w, "dead letters in %sdlq: %d of %s\n", cfg.Kafka.TopicPrefix, snap.Letters[reason], reason)
	}
	printNextSteps(w, cfg, o.config)
	return nil
}

// printCounts prints the table of sources and returns the sum.
func printCounts(w io.Writer, snap pipeline.Snapshot) pipeline.Counts {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Options.DrawBorder = false
	t.Style().Format.Footer = text.FormatDefault
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(table.Row{"source", "read", "normalised", "duplicates", "dead-lettered", "alerts"})
	var total pipeline.Counts
	for _, name := range slices.Sorted(maps.Keys(snap.Sources)) {
		c := snap.Sources[name]
		t.AppendRow(table.Row{name, c.Read, c.Normalized, c.Duplicates, c.DeadLettered, c.Alerted})
		total.Read += c.Read
		total.Normalized += c.Normalized
		total.Duplicates += c.Duplicates
		total.DeadLettered += c.DeadLettered
		total.Alerted += c.Alerted
	}
	t.AppendFooter(table.Row{"total", total.Read, total.Normalized, total.Duplicates, total.DeadLettered, total.Alerted})
	t.SetColumnConfigs(numberColumns())
	t.Render()
	return total
}

// numberColumns aligns everything behind the name to the right.
func numberColumns() []table.ColumnConfig {
	var configs []table.ColumnConfig
	for i := 2; i <= 6; i++ {
		configs = append(configs, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignFooter: text.AlignRight, AlignHeader: text.AlignRight})
	}
	return configs
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// printNextSteps says what else there is to try with what the run has made.
func printNextSteps(w io.Writer, cfg *config.Config, file string) {
	rules := cfg.Rules.Dir
	if rules == "" {
		rules = "rules/"
	}
	steps := [][2]string{
		{"weir test " + rules, "the rules' own tests; change a rule and see"},
		{"weir replay --rules " + rules + " FILE", "the alerts of any log file, without Kafka"},
		{"weir run --config " + file, "the same as a service: append to a log and watch"},
		{"duckdb -c \"select class_name, count(*) from '" + cfg.Lake.Dir + "/events/**/*.parquet' group by all\"", "the lake"},
	}
	fmt.Fprintln(w, "\nNext:")
	for _, s := range steps {
		fmt.Fprintf(w, "  %s\n      %s\n", s[0], s[1])
	}
}
