package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/pipeline"
	"github.com/weir-security/weir/normalize/redact"
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
	if len(snap.Sources) == 0 {
		fmt.Fprintln(w, "Nothing new: the input is empty, or an earlier run has read it.")
	} else {
		printCounts(w, snap)
	}
	if snap.Files > 0 || len(snap.Sources) > 0 {
		fmt.Fprintf(w, "%s with %s (%s) written to %s in %.1f s: events, alerts and %s of alerts\n", count(int(snap.Files), "file"),
			count(int(snap.Rows), "row"), megabytes(snap.Bytes), cfg.Lake.Place(), took.Seconds(), count(int(snap.RollUps), "roll-up"))
	}
	if len(snap.Letters) > 0 {
		fmt.Fprintf(w, "Dead letters, in the topic %sdlq: %s\n", cfg.Kafka.TopicPrefix, letters(snap))
	}
	if o.once {
		printNextSteps(w, cfg, o.config, len(snap.Letters) > 0)
	}
	return nil
}

// letters is "2 syntax of gateway.nginx, 1 truncated of aws.cloudtrail", by source.
func letters(snap pipeline.Snapshot) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(snap.Letters)) {
		source, reason, _ := strings.Cut(kind, ": ")
		parts = append(parts, fmt.Sprintf("%d %s of %s", snap.Letters[kind], reason, source))
	}
	return strings.Join(parts, ", ")
}

// printCounts prints the table of sources and their sum.
func printCounts(w io.Writer, snap pipeline.Snapshot) {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Options.DrawBorder = false
	t.SuppressTrailingSpaces()
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
		total.Redacted += c.Redacted
		total.Dropped += c.Dropped
		total.Hashed += c.Hashed
	}
	t.AppendFooter(table.Row{"total", total.Read, total.Normalized, total.Duplicates, total.DeadLettered, total.Alerted})
	t.SetColumnConfigs(numberColumns())
	t.Render()
	if total.Redacted+total.Dropped+total.Hashed > 0 {
		fmt.Fprintf(w, "%s\n", redactions(redact.Counts{Redacted: total.Redacted, Dropped: total.Dropped, Hashed: total.Hashed}))
	}
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

// printNextSteps says what else there is to try with what the run has made. Every
// command works as it stands, from where this one was started.
func printNextSteps(w io.Writer, cfg *config.Config, file string, deadLetters bool) {
	weir, about := program(), "the rules' own tests"
	test, replay := weir+" test", weir+" replay"
	if dir := cfg.Rules.Dir; dir != "" {
		test, replay = test+" "+dir, replay+" --rules "+dir
		about += "; change a rule and see"
	}
	replay += " --format text " + firstPath(cfg)
	steps := [][2]string{
		{test, about},
		{replay, "the alerts of any log file or directory, without Kafka"},
		{weir + " run --config " + file, "the same as a service: append to a log and watch"},
	}
	if deadLetters {
		steps = append(steps, [2]string{weir + " dlq list --config " + file, "what could not be understood, and why"})
	}
	if cfg.Lake.Dir != "" { // a bucket needs DuckDB's extensions and its credentials first
		steps = append(steps, [2]string{"duckdb -c \"select class_name, count(*) from read_parquet('" + cfg.Lake.Dir +
			"/events/*/*/*.parquet', union_by_name = true) group by all\"", "the lake"})
	}
	fmt.Fprintln(w, "\nNext:")
	for _, s := range steps {
		fmt.Fprintf(w, "  %s\n      %s\n", s[0], s[1])
	}
}

// firstPath is the path of the first collector that has one.
func firstPath(cfg *config.Config) string {
	for _, c := range cfg.Collectors {
		if c.File != nil {
			return c.File.Path
		}
	}
	return "FILE"
}

// program is how this program was called, so that what is printed can be pasted.
func program() string {
	if strings.ContainsRune(os.Args[0], filepath.Separator) {
		return filepath.Clean(os.Args[0])
	}
	return "weir"
}
