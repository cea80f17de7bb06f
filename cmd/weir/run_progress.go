package main

import (
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/weir-security/weir/internal/pipeline"
)

// runProgress shows how far the collectors are, on a terminal and with --once
// only: in a pipe nobody watches, and a service has no end to come closer to.
type runProgress struct {
	mu   sync.Mutex
	bar  *progressbar.ProgressBar // nil for none
	done chan struct{}
	wait sync.WaitGroup
}

func newRunProgress(w io.Writer, stats *pipeline.Stats, once bool) *runProgress {
	p := &runProgress{done: make(chan struct{})}
	if !once || !isTerminal(w) {
		return p
	}
	p.bar = progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("reading"),
		progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
	p.wait.Go(func() { p.follow(stats) }) // ends with stop
	return p
}

func (p *runProgress) follow(stats *pipeline.Stats) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-ticker.C:
		}
		var found, read int64
		for _, c := range stats.Snapshot().Progress {
			found += c.BytesFound
			read += c.BytesRead
		}
		p.mu.Lock()
		if found > 0 {
			p.bar.ChangeMax64(found)
			_ = p.bar.Set64(read) // a progress bar that cannot be drawn is no failure
		}
		p.mu.Unlock()
	}
}

// above gives a writer whose text stands above the bar.
func (p *runProgress) above(w io.Writer) io.Writer {
	if p.bar == nil {
		return w
	}
	return &aboveBar{p, w}
}

func (p *runProgress) stop() {
	close(p.done)
	p.wait.Wait()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

type aboveBar struct {
	progress *runProgress
	w        io.Writer
}

func (a *aboveBar) Write(b []byte) (int, error) {
	a.progress.mu.Lock()
	defer a.progress.mu.Unlock()
	_ = a.progress.bar.Clear()
	return a.w.Write(b)
}
