// Package azureblob is the collector of blobs in a container of an Azure storage
// account, above all of those that diagnostic settings write: containers insights-*,
// in which a blob PT1H.json grows during its hour.
//
// https://learn.microsoft.com/azure/azure-monitor/essentials/resource-logs-blob-format
package azureblob

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/ingest/object"
)

// Config is the configuration of one collector.
type Config struct {
	Name, Source string
	Access       Access
	// Container is read below Prefix.
	Container, Prefix string
	PollInterval      time.Duration
	// Lookback is how long behind the end of its hour a blob may still grow; 0 is 24 h.
	Lookback time.Duration
	Filter   object.Filter
	// Objects is how many are read at the same time; 0 is 8.
	Objects int
	// Once ends Run when the container has been listed.
	Once   bool
	Format envelope.Format
	Limits envelope.Limits
	// Report is told what keeps the collector from working, and "" when it works; it
	// may be nil.
	Report func(problem string)
	Log    *slog.Logger // nil: slog.Default()
}

// New makes the collector. It reaches nothing.
func New(cfg Config) (ingest.Collector, error) {
	switch {
	case cfg.Container == "":
		return nil, fmt.Errorf("collector %s: container is empty", cfg.Name)
	case cfg.Objects <= 0:
		cfg.Objects = 8
	}
	if cfg.PollInterval <= 0 {
		cfg.PollInterval = time.Minute
	}
	if cfg.Lookback <= 0 {
		cfg.Lookback = 24 * time.Hour
	}
	if cfg.Report == nil {
		cfg.Report = func(string) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &store{access: cfg.Access, container: cfg.Container, prefix: cfg.Prefix}
	if _, err := s.client(); err != nil {
		return nil, fmt.Errorf("collector %s: %w", cfg.Name, err)
	}
	account := cfg.Access.name()
	return object.NewListing(object.Config{
		Input:  object.Input{Collector: cfg.Name, Source: cfg.Source, Format: cfg.Format, Limits: cfg.Limits},
		Bucket: cfg.Container, Store: s, Filter: cfg.Filter, Growing: true,
		Origin: func(key string) string { return "azblob://" + account + "/" + cfg.Container + "/" + key },
		Settle: cfg.Lookback, Lookback: day, PollInterval: cfg.PollInterval,
		Once: cfg.Once, Objects: cfg.Objects, Report: cfg.Report, Log: cfg.Log,
	}), nil
}

const day = 24 * time.Hour
