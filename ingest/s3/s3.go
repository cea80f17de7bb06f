// Package s3 is the collector of objects in S3 and in stores that speak its protocol:
// as an SQS queue tells of them, or by listing a bucket.
package s3

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/ingest/object"
)

// Config is the configuration of one collector. It has a QueueURL, or a Bucket to list.
type Config struct {
	Name, Source string
	Access       Access

	// QueueURL is the queue of notifications.
	QueueURL string
	// Visibility is how long a message stays invisible to others without a sign of
	// life; 0 is 5 min.
	Visibility time.Duration

	// Bucket and Prefix are listed; with a queue, an empty Bucket is any.
	Bucket, Prefix string
	PollInterval   time.Duration
	// Rescan is how long an object may take from the time that the store gives it until
	// it is listed; 0 is 1 h.
	Rescan time.Duration
	// Lookback is how old a folder named by a date may be and still get new objects;
	// 0 is 72 h.
	Lookback time.Duration

	Filter object.Filter
	// Objects is how many are read at the same time; 0 is 8.
	Objects int
	// Once ends Run when the queue is empty, or the bucket has been listed.
	Once   bool
	Format envelope.Format
	Limits envelope.Limits
	// Report is told what keeps the collector from working, and "" when it works; it
	// may be nil.
	Report func(problem string)
	Log    *slog.Logger // nil: slog.Default()
}

// New makes the collector. It reads the environment, but reaches nothing.
func New(ctx context.Context, cfg Config) (ingest.Collector, error) {
	cfg.defaults()
	clients, err := cfg.Access.open(ctx, cfg.Name, cfg.QueueURL)
	if err != nil {
		return nil, fmt.Errorf("collector %s: %w", cfg.Name, err)
	}
	in := object.Input{Collector: cfg.Name, Source: cfg.Source, Format: cfg.Format, Limits: cfg.Limits}
	s := &store{client: clients.s3, bucket: cfg.Bucket, prefix: cfg.Prefix}
	switch {
	case cfg.QueueURL != "":
		return &queue{Config: cfg, in: in, store: s, sqs: clients.sqs}, nil
	case cfg.Bucket == "":
		return nil, fmt.Errorf("collector %s: neither a queue nor a bucket is given", cfg.Name)
	}
	return object.NewListing(object.Config{
		Input: in, Bucket: cfg.Bucket, Store: s, Filter: cfg.Filter,
		Origin: func(key string) string { return origin(cfg.Bucket, key) },
		Settle: cfg.Rescan, Lookback: cfg.Lookback, PollInterval: cfg.PollInterval,
		Once: cfg.Once, Objects: cfg.Objects, Report: cfg.Report, Log: cfg.Log,
	}), nil
}

func (c *Config) defaults() {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&c.Visibility, 5*time.Minute)
	set(&c.PollInterval, time.Minute)
	set(&c.Rescan, time.Hour)
	set(&c.Lookback, 72*time.Hour)
	if c.Objects <= 0 {
		c.Objects = 8
	}
	if c.Report == nil {
		c.Report = func(string) {}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
}

// origin is the name of an object in the origin of its records.
func origin(bucket, key string) string { return "s3://" + bucket + "/" + key }
