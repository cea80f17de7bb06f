package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/pipeline"
	"github.com/weir-security/weir/internal/replay"
	"github.com/weir-security/weir/schemas/ocsf"
)

// lakeFlags are the flags of a replay over a lake.
type lakeFlags struct {
	lake, config string
	from, to     timeFlag
	compare      bool
}

func (l *lakeFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&l.lake, "lake", "", "`PLACE` of a lake: a directory, s3://bucket/prefix or azblob://account/container/prefix")
	c.Flags().StringVarP(&l.config, "config", "c", "", "`FILE` whose lake, rules and lateness are meant; with files, whose rules and sources")
	c.Flags().Var(&l.from, "from", "least `TIME` of a hit: 2026-11-18, 2026-11-18T09:00:00Z, or 30d ago as 30d")
	c.Flags().Var(&l.to, "to", "`TIME` before which hits are, in the same forms")
	c.Flags().BoolVar(&l.compare, "compare", false, "print how the replay differs from live detection, and why")
}

// given tells whether a lake is meant: a configuration beside files only says what
// those are.
func (l *lakeFlags) given(args []string) bool {
	return l.lake != "" || l.config != "" && len(args) == 0
}

// check refuses flags that mean nothing without a lake.
func (l *lakeFlags) check(c *cobra.Command, args []string) error {
	switch {
	case len(args) > 0:
		return exitcode.Errorf(exitcode.Usage, "a lake and files (%s) exclude each other", strings.Join(args, ", "))
	case c.Flags().Changed("source") || c.Flags().Changed("origin"):
		return exitcode.Errorf(exitcode.Usage, "--source and --origin are for raw logs; a lake knows them")
	case !l.from.IsZero() && !l.to.IsZero() && !l.from.Before(l.to.Time):
		return exitcode.Errorf(exitcode.Usage, "--from %s is not before --to %s", &l.from, &l.to)
	}
	return nil
}

// checkFiles refuses flags that mean nothing for raw logs.
func (l *lakeFlags) checkFiles(c *cobra.Command) error {
	for _, name := range []string{"compare", "from", "to"} {
		if c.Flags().Changed(name) {
			return exitcode.Wrap(exitcode.Usage, fmt.Errorf("--%s is for a lake, not for raw logs", name), "give the lake with --lake or --config, and no files")
		}
	}
	return nil
}

// timeFlag is a moment as a person gives it.
type timeFlag struct{ time.Time }

// Set reads a date, an RFC 3339 time, or how long ago.
func (t *timeFlag) Set(text string) (err error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t.Time, err = time.Parse(layout, text); err == nil {
			return nil
		}
	}
	ago, err := config.ParseDuration(text)
	if err != nil {
		return errors.New("want a date as 2026-11-18, a time as 2026-11-18T09:00:00Z, or how long ago as 30d")
	}
	t.Time = time.Now().Add(-ago)
	return nil
}

// String is the time, empty for none.
func (t *timeFlag) String() string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Type is empty: the usage names the value.
func (*timeFlag) Type() string { return "time" }

func runReplayLake(c *cobra.Command, args []string, f *lakeFlags, in *inputFlags, rulesDir, format string) (err error) {
	if err := f.check(c, args); err != nil {
		return err
	}
	l, closeLake, err := f.open(c, in, rulesDir)
	if err != nil {
		return err
	}
	defer func() { err = join(err, closeLake()) }()

	out := bufio.NewWriterSize(c.OutOrStdout(), 64<<10)
	r := lakeReplay{lake: l, print: newAlertPrinter(c, out, format), began: map[string]int64{}}
	if f.compare {
		r.print = nil
	}
	correlate := newReplayer(l.Rules, !f.compare, r.finding)
	bar := newByteProgress(c.ErrOrStderr())
	l.Progress = bar.at
	l.Advance = func(ms int64) error {
		err := correlate.advance(ms)
		r.forget(ms)
		return err
	}
	res, err := l.Signals(c.Context(), correlate.signal)
	bar.finish()
	if err == nil {
		err = correlate.finish()
	}
	if err := join(lakeError(err), out.Flush()); err != nil {
		return err
	}
	stderr := c.ErrOrStderr()
	if err := correlate.summary(stderr, in.summary, res.Health, &res.Stats); err != nil {
		return err
	}
	if f.compare {
		err = r.compare(c, out, format)
	}
	if err == nil && res.Stats.Files == 0 {
		err = checkEmpty(c, l)
	}
	return err
}

// checkEmpty is an error for a place without any events: that nothing was found there,
// or that nothing differs, would be no answer.
func checkEmpty(c *cobra.Command, l *replay.Lake) error {
	empty, err := l.Empty(c.Context())
	if err != nil {
		return lakeError(err)
	}
	if empty {
		return exitcode.Wrap(exitcode.Nothing, fmt.Errorf("no events in the lake %s", l.Store), "give the directory or the prefix above events/")
	}
	return nil
}

// open opens the lake and loads the rules that the flags mean.
func (f *lakeFlags) open(c *cobra.Command, in *inputFlags, rulesDir string) (*replay.Lake, func() error, error) {
	cfg, err := loadConfig(c, f.config)
	if err != nil {
		return nil, nil, err
	}
	if f.lake != "" {
		if cfg.Lake, err = cfg.Lake.At(f.lake); err != nil {
			return nil, nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("--lake: %w", err), "")
		}
	}
	if rulesDir == "" {
		rulesDir = cfg.Rules.Dir
	}
	custom, err := in.customSources(cfg) // of which rules have tests: a lake's events are mapped
	if err != nil {
		return nil, nil, err
	}
	rules, err := loadRules(c, rulesDir, custom...)
	if err != nil {
		return nil, nil, err
	}
	store, err := pipeline.OpenLakeReader(c.Context(), &cfg.Lake, cfg.Instance)
	if err != nil {
		return nil, nil, exitcode.Wrap(exitcode.IO, err, "give the place of the lake with --lake, or the configuration of weir run with --config")
	}
	return &replay.Lake{Store: store, Rules: rules, From: f.from.Time, To: f.to.Time, Lateness: cfg.Lateness.Longest()}, store.Close, nil
}

// lakeError is an error of a replay with its exit code.
func lakeError(err error) error {
	if err == nil {
		return nil
	}
	var coded *exitcode.Error
	if errors.As(err, &coded) {
		return err
	}
	return exitcode.Wrap(exitcode.IO, err, "")
}

// lakeReplay takes the alerts of a replay that are of interest.
type lakeReplay struct {
	lake     *replay.Lake
	print    func(*ocsf.Event) error // nil for a comparison
	began    map[string]int64        // time of each alert, by id
	replayed []replay.Finding
}

// forget lets go of alerts whose roll-up has come, or will not come any more.
func (r *lakeReplay) forget(ms int64) {
	before := ms - 2*r.lake.Reach().Milliseconds()
	maps.DeleteFunc(r.began, func(_ string, at int64) bool { return at < before })
}

// finding takes an alert or a roll-up with a hit within the time asked for.
func (r *lakeReplay) finding(ev *ocsf.Event) error {
	id := ev.FindingInfo.UID()
	within := r.lake.Within(ev.Time())
	if !detections.IsRollup(ev) {
		r.began[id] = ev.Time()
	} else {
		within = within || r.lake.Within(r.began[id])
	}
	if !within {
		return nil
	}
	if r.print != nil {
		return r.print(ev)
	}
	if !r.lake.Within(ev.Time()) {
		return nil // the lake's findings are asked for by their own time
	}
	f, err := replay.FindingOf(ev)
	r.replayed = append(r.replayed, f)
	return err
}

// compare prints the differences to live detection. Unexplained ones are exit 1.
func (r *lakeReplay) compare(c *cobra.Command, out *bufio.Writer, format string) error {
	live, err := r.lake.Findings(c.Context())
	if err != nil {
		return lakeError(err)
	}
	differences, err := r.lake.Compare(c.Context(), r.replayed, live)
	if err != nil {
		return lakeError(err)
	}
	unexplained := 0
	for _, d := range differences {
		if d.Reason == replay.Unexplained {
			unexplained++
		}
	}
	if err := errors.Join(printDifferences(out, differences, format), out.Flush()); err != nil {
		return lakeError(err)
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s live, %s replayed: %s, %d of them unexplained\n",
		count(len(live), "finding"), count(len(r.replayed), "finding"), count(len(differences), "difference"), unexplained)
	if unexplained > 0 {
		return exitcode.Wrap(exitcode.No, fmt.Errorf("%s to live detection unexplained", count(unexplained, "difference")),
			"look at the rule and at the log of the correlate role at that time")
	}
	return nil
}

// printDifferences prints one line for each, or a table.
func printDifferences(out io.Writer, differences []replay.Difference, format string) error {
	side := func(d replay.Difference) string {
		if d.Live {
			return "live"
		}
		return "replay"
	}
	kind := func(d replay.Difference) string {
		if d.Rollup {
			return "roll-up"
		}
		return "alert"
	}
	if format == "text" {
		if len(differences) == 0 {
			return nil
		}
		t := table.NewWriter()
		t.SetOutputMirror(out)
		t.SetStyle(plainTable)
		t.AppendHeader(table.Row{"only", "kind", "reason", "time", "rule", "title", "id"})
		for _, d := range differences {
			t.AppendRow(table.Row{side(d), kind(d), d.Reason, time.UnixMilli(d.Time).UTC().Format(time.RFC3339), d.Rule, d.Title, d.ID})
		}
		t.Render()
		return nil
	}
	e := json.NewEncoder(out)
	for _, d := range differences {
		if err := e.Encode(struct {
			Only   string `json:"only"`
			Kind   string `json:"kind"`
			Reason string `json:"reason"`
			Time   int64  `json:"time"`
			Rule   string `json:"rule"`
			Title  string `json:"title"`
			ID     string `json:"id"`
			Hits   int    `json:"hits,omitempty"`
		}{side(d), kind(d), string(d.Reason), d.Time, d.Rule, d.Title, d.ID, d.Hits}); err != nil {
			return err
		}
	}
	return nil
}
