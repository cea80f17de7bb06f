package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/ingest/file"
	"github.com/weir-security/weir/ingest/webhook"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/internal/pipeline"
)

func newRun() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the pipeline: collect, detect, correlate, store, deliver",
		Long: `Runs the roles of the pipeline until it is interrupted. The first SIGINT or SIGTERM drains: collectors stop
reading, what was begun is finished and committed, the exit code is 0. The second one aborts; nothing is lost by that, the
next start goes on where this one stopped.

Changed rules are taken up while it runs, whole and between two transactions; rules with a mistake are refused and the ones
before go on. SIGHUP makes it look at once; it never ends weir.

With --once it ends by itself when everything that the collectors find has gone through every role. Interrupted before that
it drains too, and the exit code is 130.

Without --config it runs the embedded broker and the lake below ./data and has no collectors.`,
		Example: `  weir run --config weir.yaml
  weir run --config weir.yaml --once
  weir run --config weir.yaml --role detect,correlate`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c) },
	}
	configFlag(c, &o.config)
	c.Flags().BoolVar(&o.once, "once", false, "end when all input has gone through")
	c.Flags().StringSliceVar(&o.roles, "role", nil, "`ROLES` to run, separated by commas: collect, detect, correlate, store, deliver (default all)")
	choiceFlag(c, &o.summary, "summary", "form of the summary at the end", "text", "json", "none")
	return c
}

type runOptions struct {
	config, summary string
	roles           []string
	once            bool
}

func (o *runOptions) run(c *cobra.Command) error {
	hup, stopHup := hangups()
	defer stopHup()
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
	roles, err := o.parseRoles()
	if err != nil {
		return err
	}
	if err := o.check(cfg, roles); err != nil {
		return err
	}
	rules, err := loadConfiguredRules(c, cfg)
	if err != nil {
		return err
	}
	stats := pipeline.NewStats()
	stopServing, err := serveTelemetry(cfg.Metrics, stats.Telemetry, newLogger(c.ErrOrStderr(), cfg.Log))
	if err != nil {
		return err
	}
	defer stopServing()
	progress := newRunProgress(c.ErrOrStderr(), stats, o.once)
	log := newLogger(progress.above(c.ErrOrStderr()), cfg.Log)
	defer o.tell(c.Context(), log, cfg, rules, roles)()
	if !o.once {
		logging, stop := context.WithCancel(context.WithoutCancel(c.Context()))
		defer stop()
		go logLetters(logging, log, stats) // ends with stop
	}
	saveMemory()
	started := time.Now()
	// The user's signal is a drain; only a second one, which ends the process, or
	// shutdown_timeout is an abort.
	err = pipeline.Run(context.WithoutCancel(c.Context()), c.Context(), pipeline.Options{
		Config:   cfg,
		Sources:  table.Some(cfg.UsedSources()),
		Rules:    rules,
		Redact:   policy,
		Reload:   o.reloadRules(cfg, roles, hup, log),
		Roles:    roles,
		Once:     o.once,
		Terminal: progress.above(c.OutOrStdout()),
		Color:    isTerminal(c.OutOrStdout()),
		Log:      log,
		Stats:    stats,
	})
	progress.stop()
	if err != nil {
		return explainRun(err, cfg)
	}
	err = o.printSummary(c.OutOrStdout(), cfg, stats.Snapshot(), time.Since(started))
	if err == nil && o.once && c.Context().Err() != nil {
		return exitcode.Wrap(exitcode.Interrupted, errors.New("interrupted before all input had gone through"), "the same command again; it goes on where this one stopped")
	}
	return err
}

// tell logs the start of a service, and the drain until the function that it
// returns is called: on a terminal and in a journal silence would look like a hang.
func (o *runOptions) tell(ctx context.Context, log *slog.Logger, cfg *config.Config, rules *detections.RuleSet, roles []pipeline.Role) (done func() bool) {
	if len(roles) == 0 {
		roles = pipeline.Roles
	}
	if !o.once {
		log.Info("starting", slog.String(logkey.Version, buildVersion()), slog.Any(logkey.Roles, roles),
			slog.Int(logkey.Collectors, len(cfg.Collectors)), slog.Int(logkey.Rules, len(rules.Rules())), slog.String(logkey.Lake, cfg.Lake.Place()))
	}
	return context.AfterFunc(ctx, func() {
		log.Info("draining; a second interrupt aborts", slog.String(logkey.AtMost, cfg.ShutdownTimeout.String()))
	})
}

func (o *runOptions) parseRoles() ([]pipeline.Role, error) {
	var roles []pipeline.Role
	for _, name := range o.roles {
		role := pipeline.Role(strings.TrimSpace(name))
		if !role.Known() {
			return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("unknown role %q", name), "one or more of collect, detect, correlate, store, deliver")
		}
		roles = append(roles, role)
	}
	return roles, nil
}

// check refuses what could only do nothing.
func (o *runOptions) check(cfg *config.Config, roles []pipeline.Role) error {
	if o.once && len(roles) > 0 && len(roles) < len(pipeline.Roles) {
		return exitcode.Wrap(exitcode.Usage, pipeline.ErrRoles, "leave --role away, or leave --once away")
	}
	if len(cfg.Collectors) == 0 && (len(roles) == 0 || len(roles) == 1 && roles[0] == pipeline.RoleCollect) {
		return exitcode.Wrap(exitcode.Usage, errors.New("no collectors are configured: there is nothing to read"),
			"give a configuration with --config; deploy/sample/weir.yaml is one to begin with")
	}
	return nil
}

// explainRun adds the exit code and the next step.
func explainRun(err error, cfg *config.Config) error {
	switch {
	case errors.Is(err, pipeline.ErrRoles), errors.Is(err, broker.ErrInUse), errors.Is(err, webhook.ErrOnce), errors.Is(err, webhook.ErrExposed):
		return exitcode.Wrap(exitcode.Usage, err, "")
	case errors.Is(err, file.ErrNoInput):
		return exitcode.Wrap(exitcode.Nothing, err, "check `path` of the collector, or wait for logs without --once")
	}
	return exitcode.Wrap(exitcode.IO, err, "")
}

func newLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // config has checked it
	}
	opts := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
