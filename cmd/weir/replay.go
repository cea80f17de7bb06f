package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/terminal"
)

func newReplay() *cobra.Command {
	var f inputFlags
	var l lakeFlags
	var rules, format string
	c := &cobra.Command{
		Use:   "replay [FILE...]",
		Short: "Print the alerts that rules give on raw logs or on the lake",
		Long: `Takes raw logs through mapper, rules and correlation, and prints the alerts as complete OCSF findings, one JSON object a
line, each when its event is read; roll-ups of suppressed hits follow at the end. Needs no Kafka. Experimental rules alert too.
The order of files does not matter: an event that comes late is counted as if it had come in time.

All matches of raw logs are kept in memory until the end; of a lake, those of a day and of the longest window.

With --lake or --config the events of a lake take the place of raw logs: of its Parquet files only the days, row groups and
columns are read that the rules look at. Alerts have the ids of live detection. --compare prints instead where they differ from
the findings that live detection wrote, and why; what nothing explains ends the command with 1.

` + inputHelp,
		Example: `  weir replay trail.json.gz
  weir replay --rules rules/ --format text logs/
  zcat audit.log.gz | weir replay --source kubernetes.audit | jq -r .finding_info.title
  weir replay --config weir.yaml --rules rules/ --from 2026-08-01 --to 2026-11-01
  weir replay --lake s3://security-lake/weir --compare`,
		RunE: func(c *cobra.Command, args []string) error {
			if l.given(args) {
				return runReplayLake(c, args, &l, &f, rules, format)
			}
			if err := l.checkFiles(c); err != nil {
				return err
			}
			f.config = l.config
			return runReplay(c, args, &f, rules, format)
		},
	}
	f.add(c)
	l.add(c)
	c.Flags().StringVar(&rules, "rules", "", "`DIR` of rules; without it, the rules built into the binary")
	formatFlag(c, &format, "ndjson", "text")
	return c
}

func runReplay(c *cobra.Command, args []string, f *inputFlags, rulesDir, format string) error {
	cfg, err := loadConfig(c, f.config)
	if err != nil {
		return err
	}
	custom, err := f.customSources(cfg)
	if err != nil {
		return err
	}
	rules, err := loadRules(c, cmp.Or(rulesDir, cfg.Rules.Dir), custom...)
	if err != nil {
		return err
	}
	inputs, err := f.inputs(c, args)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(c.OutOrStdout(), 64<<10)
	replay := newReplayer(rules, true, newAlertPrinter(c, out, format))
	r := f.reader(rawlog.Handler{
		Event: func(_ *event.Record, ev *ocsf.Event) error { return replay.event(ev) },
		Reject: func(d *event.DeadLetter) error {
			f.reject(d)
			return nil
		},
	})
	err = f.read(c, r, inputs, out)
	if err == nil {
		err = replay.finish()
	}
	if err := join(err, out.Flush()); err != nil {
		return err
	}
	stderr := c.ErrOrStderr()
	if err := f.printCounts(stderr, r.Counts, false); err != nil {
		return err
	}
	if err := replay.summary(stderr, f.summary, replay.engine.Health(), nil); err != nil {
		return err
	}
	f.printAdvice(stderr, r.Counts, "weir normalize --dead-letter", "")
	return nil
}

// replayer runs rules and correlation over events, in one partition of its own.
type replayer struct {
	rules      *detections.RuleSet
	engine     *detections.Engine
	correlator *detections.Correlator
	print      func(*ocsf.Event) error
	offset     int64            // of the signals, as if they were a partition
	fired      map[string]int64 // alerts by severity
	err        error            // of a signal of the event under way
}

// newReplayer makes one. Experimental rules alert if they are told to.
func newReplayer(rules *detections.RuleSet, experimental bool, print func(*ocsf.Event) error) *replayer {
	manifest := rules.Manifest()
	return &replayer{
		rules:  rules,
		engine: rules.NewEngine(),
		correlator: detections.NewCorrelator(detections.CorrelatorOptions{
			Lookup:       func(string) (*detections.Manifest, error) { return manifest, nil },
			Experimental: experimental,
		}),
		print: print,
		fired: map[string]int64{},
	}
}

// event gives one event to the rules. There are no heartbeats: files come in any
// order of time, so nothing may be late before the end, and all matches of rules that
// look back or suppress are kept until then.
func (r *replayer) event(ev *ocsf.Event) error {
	r.engine.Evaluate(ev, func(s *detections.Signal) {
		if r.err == nil {
			r.err = r.signal(s)
		}
	})
	return r.err
}

// signal gives one match to the correlator.
func (r *replayer) signal(s *detections.Signal) error {
	alerts, err := r.correlator.Signal(s, r.offset)
	r.offset++
	return errors.Join(err, r.give(alerts))
}

// advance lets go of what is before a time in milliseconds: nothing of it comes any more.
func (r *replayer) advance(ms int64) error {
	alerts := r.correlator.Advance(ms)
	r.correlator.TakeTerms() // nobody writes them down
	return r.give(alerts)
}

// finish ends the input: what waited for more events comes out.
func (r *replayer) finish() error { return r.give(r.correlator.Finish()) }

func (r *replayer) give(alerts []*ocsf.Event) error {
	for _, a := range alerts {
		if !detections.IsRollup(a) {
			r.fired[strings.ToLower(a.Severity())]++
		}
		if err := r.print(a); err != nil {
			return err
		}
	}
	return nil
}

// newAlertPrinter returns what prints an alert.
func newAlertPrinter(c *cobra.Command, out *bufio.Writer, format string) func(*ocsf.Event) error {
	if format == "ndjson" {
		var line []byte
		return func(a *ocsf.Event) error {
			line = append(a.AppendJSON(line[:0]), '\n')
			_, err := out.Write(line)
			return err
		}
	}
	text := terminal.New(out, terminal.Options{Color: isTerminal(c.OutOrStdout())})
	return func(a *ocsf.Event) error {
		err := text.Deliver(context.WithoutCancel(c.Context()), []sinks.Alert{{ID: a.Metadata.UID(), Value: a.AppendJSON(nil)}})
		return errors.Join(err, out.Flush())
	}
}
