package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/weir-security/weir/internal/deadletter"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/sinks/terminal"
)

type dlqList struct {
	letterFlags
	config, format string
	each           bool
}

func newDLQList() *cobra.Command {
	var o dlqList
	c := &cobra.Command{
		Use:   "list",
		Short: "Count dead letters by source, stage and reason",
		Long: `Counts the dead letters by source, stage and reason, with the time of the first and the last and a sample, which weir dlq
show takes by its offset. With --each it lists the letters themselves.`,
		Example: `  weir dlq list --config weir.yaml
  weir dlq list -c weir.yaml --reason syntax,missing --since 2d --each
  weir dlq list -c weir.yaml --format ndjson | jq 'select(.letters > .replayed)'`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c) },
	}
	configFlag(c, &o.config)
	o.add(c)
	c.Flags().BoolVar(&o.each, "each", false, "list every letter")
	formatFlag(c, &o.format, "table", "ndjson")
	return c
}

func (o *dlqList) run(c *cobra.Command) (err error) {
	filter, err := o.filter(time.Now())
	if err != nil {
		return err
	}
	box, err := openLetterBox(c, o.config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.close()) }()
	log, err := box.read(c)
	if err != nil {
		return err
	}
	if log.Foreign > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "%s in %s that weir did not write\n", count(log.Foreign, "record"), box.names.DLQ())
	}
	out := newLetterPrinter(c, o.format)
	n := 0
	groups := map[letterGroup]*letterCount{}
	err = log.Each(c.Context(), filter, func(l *deadletter.Letter) error {
		n++
		if o.each {
			return out.letter(l)
		}
		key := letterGroup{l.Source, l.Stage, l.Reason}
		if groups[key] == nil {
			groups[key] = &letterCount{letterGroup: key, First: l.Time}
		}
		groups[key].add(l)
		return nil
	})
	if err == nil && n == 0 {
		err = o.none(box.names.DLQ())
	}
	if err != nil {
		return err
	}
	for _, key := range slices.SortedFunc(maps.Keys(groups), letterGroup.compare) {
		if err := out.count(groups[key]); err != nil {
			return err
		}
	}
	out.finish()
	return nil
}

// letterGroup is what letters are counted by.
type letterGroup struct {
	Source string       `json:"source"`
	Stage  event.Stage  `json:"stage"`
	Reason event.Reason `json:"reason"`
}

func (g letterGroup) compare(h letterGroup) int {
	return cmp.Or(cmp.Compare(g.Source, h.Source), cmp.Compare(g.Stage, h.Stage), cmp.Compare(g.Reason, h.Reason))
}

// letterCount is a line of the list: a group, with its last letter as the sample.
type letterCount struct {
	letterGroup
	Letters  int        `json:"letters"`
	Replayed int        `json:"replayed"`
	First    time.Time  `json:"first"`
	Last     time.Time  `json:"last"`
	Sample   letterLine `json:"sample"`
}

func (g *letterCount) add(l *deadletter.Letter) {
	g.Letters++
	if l.Replayed {
		g.Replayed++
	}
	g.Last = l.Time.UTC()
	g.First = g.First.UTC()
	g.Sample = newLetterLine(l)
}

// letterLine is one letter without its value.
type letterLine struct {
	Offset   int64     `json:"offset"`
	Part     int32     `json:"partition"`
	Time     time.Time `json:"time"`
	Object   string    `json:"object"`
	Position int64     `json:"position"`
	Size     int64     `json:"size"` // of the original, bytes
	Replayed bool      `json:"replayed"`
	Detail   string    `json:"detail"`
}

func newLetterLine(l *deadletter.Letter) letterLine {
	return letterLine{
		Offset: l.Place.Offset, Part: l.Place.Partition, Time: l.Time.UTC(),
		Object: l.Origin.Object, Position: l.Origin.Position, Size: l.Size, Replayed: l.Replayed, Detail: l.Detail,
	}
}

func (l *letterLine) place() string {
	return deadletter.Place{Partition: l.Part, Offset: l.Offset}.String()
}

// letterPrinter prints letters or counts of them.
type letterPrinter struct {
	json  *json.Encoder
	table table.Writer
	rows  int
}

func newLetterPrinter(c *cobra.Command, format string) *letterPrinter {
	if format == "ndjson" {
		out := json.NewEncoder(c.OutOrStdout())
		out.SetEscapeHTML(false)
		return &letterPrinter{json: out}
	}
	t := table.NewWriter()
	t.SetOutputMirror(c.OutOrStdout())
	t.SetStyle(plainTable)
	t.SuppressTrailingSpaces()
	return &letterPrinter{table: t}
}

// tableRows is how many rows are aligned with each other: a long list is printed
// in such parts, not held in memory.
const tableRows = 1000

func (p *letterPrinter) row(header, row table.Row) {
	if p.rows == 0 {
		p.table.AppendHeader(header)
	}
	p.table.AppendRow(row)
	if p.rows++; p.rows%tableRows == 0 {
		p.table.Render()
		p.table.ResetHeaders()
		p.table.ResetRows()
	}
}

func (p *letterPrinter) letter(l *deadletter.Letter) error {
	line := newLetterLine(l)
	if p.json != nil {
		return p.json.Encode(struct {
			letterGroup
			letterLine
			Key string `json:"key"`
		}{letterGroup{l.Source, l.Stage, l.Reason}, line, l.Key})
	}
	replayed := ""
	if l.Replayed {
		replayed = "replayed"
	}
	p.row(table.Row{"offset", "time", "source", "stage", "reason", "size", "", "from", "detail"}, table.Row{
		line.place(), line.Time.Format(time.RFC3339), shown(l.Source), shown(string(l.Stage)), shown(string(l.Reason)), l.Size, replayed,
		shown(l.Origin.String()), shown(l.Detail),
	})
	return nil
}

func (p *letterPrinter) count(g *letterCount) error {
	if p.json != nil {
		return p.json.Encode(g)
	}
	from := fmt.Sprintf("%s@%d", g.Sample.Object, g.Sample.Position)
	p.row(table.Row{"source", "stage", "reason", "letters", "replayed", "first", "last", "sample", "from", "detail"}, table.Row{
		shown(g.Source), shown(string(g.Stage)), shown(string(g.Reason)), g.Letters, g.Replayed, g.First.Format(time.RFC3339), g.Last.Format(time.RFC3339),
		g.Sample.place(), shown(from), shown(g.Sample.Detail),
	})
	return nil
}

func (p *letterPrinter) finish() {
	if p.table != nil && p.rows%tableRows != 0 {
		p.table.Render()
	}
}

// shown is text of a letter, which an attacker may have written, as a cell of a
// table: escaped and not too long.
func shown(text string) string {
	if text == "" {
		return "-"
	}
	return string(terminal.AppendSafe(nil, text, 100))
}
