package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/pipeline"
	"github.com/weir-security/weir/internal/sources"
)

// reloadRules makes the pipeline take rules that change while it runs, or that a
// SIGHUP asks it to look at. It is nil for the built-in rules, which do not change.
func reloadRules(cfg *config.Config) (reload *pipeline.Reload, stop func()) {
	dir := cfg.Rules.Dir
	if dir == "" {
		return nil, func() {}
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	cache := detections.NewCache()
	load := func() (*detections.RuleSet, error) {
		rules, err := detections.Load(dir, detections.LoadOptions{Sources: append(sources.Builtin().Names(), customSources(cfg)...), Cache: cache})
		if err != nil {
			return nil, err
		}
		return rules, cfg.CheckWindows(rules.MaxWindow())
	}
	return &pipeline.Reload{Dir: dir, Load: load, Signal: hup}, func() { signal.Stop(hup) }
}
