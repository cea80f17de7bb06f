package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/weir-security/weir/internal/deadletter"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/pipeline"
	"github.com/weir-security/weir/internal/sources"
)

type dlqReplay struct {
	letterFlags
	config, format, as string
	dryRun, force      bool
}

func newDLQReplay() *cobra.Command {
	var o dlqReplay
	c := &cobra.Command{
		Use:   "replay",
		Short: "Send dead letters the normal way again, after a fix",
		Long: `Tries each dead letter with the mappers, limits and rules of now. Those that become events go back to their raw topic
with their origin, and from there the normal way: to the lake, the rules and the alerts, with the ids that they would have
had. The others stay, and are counted with the reason. Each letter goes once: a second replay does nothing, but for letters
that have failed again.

--as sends letters to another source than the one they were collected as, after the collector's source was wrong. A letter
that holds a whole envelope is split as the collector would have done.

Letters that were cut off or kept in part cannot be replayed, nor can alerts that a destination refused (stage deliver) or
events that the lake could not hold (stage store).`,
		Example: `  weir dlq replay --config weir.yaml --dry-run
  weir dlq replay -c weir.yaml --reason missing --since 2d
  weir dlq replay -c weir.yaml --source azure.activity --as aws.cloudtrail`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c) },
	}
	configFlag(c, &o.config)
	o.add(c)
	c.Flags().StringVar(&o.as, "as", "", "send the letters of --source as records of this `SOURCE`")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "only say what would happen")
	c.Flags().BoolVar(&o.force, "force", false, "also send letters that would fail again")
	formatFlag(c, &o.format, "text", "json")
	return c
}

func (o *dlqReplay) run(c *cobra.Command) (err error) {
	filter, err := o.filter(time.Now())
	if err == nil {
		err = o.checkAs()
	}
	if err != nil {
		return err
	}
	cfg, err := loadConfig(c, o.config)
	if err != nil {
		return err
	}
	table, err := sourcesOf(cfg)
	if err != nil {
		return err
	}
	policy, err := redactionOf(cfg)
	if err != nil {
		return err
	}
	rules, err := loadConfiguredRules(c, cfg)
	if err != nil {
		return err
	}
	box, err := openLetterBox(c, o.config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.close()) }()
	trial := pipeline.NewTrial(box.opts, box.names, table.Some(cfg.UsedSources()), policy, rules, box.log)
	result, err := deadletter.Replay{
		Filter: filter,
		Judge:  deadletter.Judge{Try: trial.Try, Sources: table, Used: cfg.UsedSources(), As: o.as, Force: o.force, RecordLimit: cfg.Limits.Record},
		DryRun: o.dryRun,
	}.Run(c.Context(), box.opts, box.names)
	if err != nil && (result == nil || result.Replayed == 0) {
		return explainLetters(err)
	}
	if printErr := o.print(c, result); err != nil || printErr != nil {
		return errors.Join(err, printErr)
	}
	return o.verdict(result, box.names.DLQ())
}

// checkAs refuses to send everything to one source by mistake.
func (o *dlqReplay) checkAs() error {
	if o.as == "" {
		return nil
	}
	if len(o.sources) == 0 {
		return exitcode.Wrap(exitcode.Usage, errors.New("--as needs --source: it is for letters that were collected as the wrong source"),
			"weir dlq replay --source WRONG --as "+o.as)
	}
	return checkSource(sources.Builtin(), o.as)
}

// verdict is an error where nothing went back, or would.
func (o *dlqReplay) verdict(r *deadletter.Result, topic string) error {
	switch {
	case r.Replayed > 0:
		return nil
	case r.Total() == 0:
		return o.none(topic)
	case len(r.Kept) == 0:
		return exitcode.Errorf(exitcode.Nothing, "nothing to replay: %s replayed before", were(r.Before, "letter"))
	}
	try := "weir dlq show OFFSET has the whole letter; fix what the reason names first"
	for _, k := range r.Kept {
		if k.LooksLike != "" && o.as == "" {
			try = fmt.Sprintf("weir dlq replay --source %s --as %s; that is what a letter looks like", shown(k.Source), k.LooksLike)
		}
	}
	return exitcode.Wrap(exitcode.No, errors.New("no letter can be replayed"), try)
}

func (o *dlqReplay) print(c *cobra.Command, r *deadletter.Result) error {
	w := c.OutOrStdout()
	if o.format == "json" {
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		return out.Encode(struct {
			DryRun bool `json:"dry_run"`
			*deadletter.Result
		}{o.dryRun, r})
	}
	if r.Total() == 0 {
		return nil
	}
	verb := "replayed as"
	if o.dryRun {
		verb = "would be replayed as"
	}
	if _, err := fmt.Fprintf(w, "%s %s %s\n", count(r.Replayed, "letter"), verb, count(r.Records, "raw record")); err != nil {
		return err
	}
	if r.Before > 0 {
		fmt.Fprintf(w, "%s replayed before\n", were(r.Before, "letter"))
	}
	printKept(w, r.Kept)
	if r.Replayed > 0 && !o.dryRun {
		fmt.Fprintln(c.ErrOrStderr(), "weir run takes them from there")
	}
	return nil
}

// printKept prints what stays, and why.
func printKept(w io.Writer, kept []deadletter.Kept) {
	if len(kept) == 0 {
		return
	}
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(plainTable)
	t.SuppressTrailingSpaces()
	t.AppendHeader(table.Row{"stay", "source", "stage", "reason", "sample", "why"})
	for _, k := range kept {
		why := k.Why
		if k.Now != "" {
			why = fmt.Sprintf("would fail again: %s: %s", k.Now, k.Why)
		}
		t.AppendRow(table.Row{k.Letters, shown(k.Source), shown(string(k.Stage)), shown(string(k.Reason)), k.Sample, shown(why)})
	}
	t.Render()
}

// were is "1 letter was", "2 letters were".
func were(n int, noun string) string {
	if n == 1 {
		return count(n, noun) + " was"
	}
	return count(n, noun) + " were"
}
