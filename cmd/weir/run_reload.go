package main

import (
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/internal/pipeline"
	"github.com/weir-security/weir/internal/sources"
)

// hangups takes SIGHUP for the whole of a run: it asks to look at the rules, and must
// not end the process even where there are none to look at.
func hangups() (hup chan os.Signal, stop func()) {
	hup = make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	return hup, func() {
		signal.Stop(hup)
		close(hup) // nothing sends any more
	}
}

// noReload is why a run does not take changed rules up; empty if it does.
func (o *runOptions) noReload(cfg *config.Config, roles []pipeline.Role) string {
	switch {
	case o.once:
		return "this run has --once"
	case len(roles) > 0 && !slices.Contains(roles, pipeline.RoleDetect):
		return "this process does not run detect"
	case cfg.Rules.Dir == "":
		return "the rules are those built into the binary: no rules.dir is configured"
	}
	return ""
}

// reloadRules makes the pipeline take rules that change while it runs, or that a
// SIGHUP asks it to look at. It is nil where none can change; then the log says so to
// who asks.
func (o *runOptions) reloadRules(cfg *config.Config, roles []pipeline.Role, hup <-chan os.Signal, log *slog.Logger) *pipeline.Reload {
	if reason := o.noReload(cfg, roles); reason != "" {
		go func() { // ends when hup is closed
			for range hup {
				log.Info("SIGHUP: there are no rules to reload", slog.String(logkey.Reason, reason))
			}
		}()
		return nil
	}
	dir := cfg.Rules.Dir
	cache := detections.NewCache()
	load := func() (*detections.RuleSet, error) {
		rules, err := detections.Load(dir, detections.LoadOptions{Sources: append(sources.Builtin().Names(), customSources(cfg)...), Cache: cache})
		if err != nil {
			return nil, err
		}
		return rules, cfg.CheckWindows(rules.MaxWindow())
	}
	return &pipeline.Reload{Dir: dir, Load: load, Signal: hup}
}
