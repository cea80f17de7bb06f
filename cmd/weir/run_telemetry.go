package main

import (
	"log/slog"

	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/internal/telemetry"
)

// serveTelemetry starts the server of probes and metrics, if one is configured,
// and returns how to stop it.
func serveTelemetry(cfg config.Metrics, t *telemetry.Telemetry, log *slog.Logger) (stop func(), err error) {
	t.Version(buildVersion())
	if cfg.Listen == "" {
		return func() {}, nil
	}
	s, err := telemetry.Start(t, cfg.Listen, cfg.Pprof, log)
	if err != nil {
		return nil, exitcode.Wrap(exitcode.IO, err, "")
	}
	return func() {
		if err := s.Close(); err != nil {
			log.Warn("metrics server did not end well", slog.Any(logkey.Error, err))
		}
	}, nil
}
