package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/internal/suggest"
)

func newSources() *cobra.Command {
	var format, file string
	c := &cobra.Command{
		Use:   "sources",
		Short: "List the kinds of logs that weir understands",
		Args:  noArgs,
		Example: `  weir sources
  weir sources --format json | jq -r '.[].name'`,
		RunE: func(c *cobra.Command, _ []string) error {
			known, _, err := loadSources(c, file)
			if err != nil {
				return err
			}
			if format == "json" {
				return printSourcesJSON(c, known.All())
			}
			t := table.NewWriter()
			t.SetOutputMirror(c.OutOrStdout())
			t.SetStyle(plainTable)
			t.SuppressTrailingSpaces()
			t.AppendHeader(table.Row{"name", "logs", "form", "formats"})
			for _, s := range known.All() {
				t.AppendRow(table.Row{s.Name, s.Title, formOf(s.Format), formatsOf(s)})
			}
			t.Render()
			return nil
		},
	}
	configFlag(c, &file)
	formatFlag(c, &format, "table", "json")
	return c
}

func printSourcesJSON(c *cobra.Command, all []sources.Source) error {
	type row struct {
		Name         string   `json:"name"`
		Title        string   `json:"title"`
		Form         string   `json:"form"`
		EnvelopeKeys []string `json:"envelope_keys,omitempty"`
		Transports   []string `json:"transports,omitempty"`
		Formats      bool     `json:"custom_formats"`
	}
	rows := []row{}
	for _, s := range all {
		form := map[envelope.Kind]string{envelope.JSON: "json", envelope.Lines: "lines", envelope.Detect: "json or lines"}[s.Format.Kind]
		rows = append(rows, row{s.Name, s.Title, form, s.Format.EnvelopeKeys, s.Format.Transports.Names(), s.Formats != nil})
	}
	out := json.NewEncoder(c.OutOrStdout())
	out.SetIndent("", "  ")
	return out.Encode(rows)
}

func formOf(f envelope.Format) string {
	form := "JSON: NDJSON, an array"
	switch f.Kind {
	case envelope.Lines:
		return "lines"
	case envelope.Detect:
		return "lines, NDJSON, an array"
	}
	for _, key := range f.EnvelopeKeys {
		form += fmt.Sprintf(`, {"%s": [...]}`, key)
	}
	return form
}

// formatsOf tells whether the configuration may give more forms of a source's records.
func formatsOf(s sources.Source) string {
	if s.Formats == nil {
		return ""
	}
	return "custom"
}

// plainTable has columns and no lines: it reads well and cuts well.
var plainTable = table.Style{
	Name:    "plain",
	Box:     table.BoxStyle{MiddleVertical: "  "},
	Options: table.Options{SeparateColumns: true},
}

// sourceFlag adds --source.
func sourceFlag(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "source", rawlog.Auto, "`NAME` of the kind of logs, see weir sources; with auto each record is told by its shape")
}

// checkSource is an error of usage when name is no source of the table.
func checkSource(table *sources.Table, name string) error {
	if _, known := table.Lookup(name); known {
		return nil
	}
	return exitcode.Wrap(exitcode.Usage,
		fmt.Errorf("unknown source %q%s (one of %s)", name, suggest.Hint(name, table.Names()), strings.Join(table.Names(), ", ")),
		"weir sources lists them")
}
