package main

import (
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/weir-security/weir/internal/pipeline"
)

// runProgress shows how far the run is, on a terminal and with --once only: in a
// pipe nobody watches, and a service has no end to come closer to.
type runProgress struct {
	mu    sync.Mutex
	out   io.Writer
	bar   *progressbar.ProgressBar // nil for none
	phase string                   // of the bar
	done  chan struct{}
	wait  sync.WaitGroup
}

func newRunProgress(w io.Writer, stats *pipeline.Stats, once bool) *runProgress {
	p := &runProgress{out: w, done: make(chan struct{})}
	if once && isTerminal(w) {
		p.begin("reading", true)
		p.wait.Go(func() { p.follow(stats) }) // ends with stop
	}
	return p
}

// begin starts the bar of a phase, in the place of the one before.
func (p *runProgress) begin(phase string, bytes bool) {
	p.phase = phase
	p.bar = progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(phase), progressbar.OptionShowBytes(bytes),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
}

func (p *runProgress) follow(stats *pipeline.Stats) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-ticker.C:
			p.show(progressOf(stats.Snapshot()))
		}
	}
}

// progressOf is the phase that takes longest to come: of the files in bytes until
// they are read, then of the records.
func progressOf(snap pipeline.Snapshot) (phase string, of, done int64) {
	for _, c := range snap.Progress {
		of += c.BytesFound
		done += c.BytesRead
	}
	if done < of {
		return "reading", of, done
	}
	of, done = 0, 0
	for _, c := range snap.Sources {
		of += c.Read
		done += c.Normalized + c.Duplicates + c.DeadLettered
	}
	return "detecting", of, done
}

func (p *runProgress) show(phase string, of, done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if of == 0 || done >= of {
		_ = p.bar.Clear() // a progress bar that cannot be drawn is no failure
		return
	}
	if phase != p.phase {
		_ = p.bar.Clear()
		p.begin(phase, phase == "reading")
	}
	p.bar.ChangeMax64(of)
	_ = p.bar.Set64(done)
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
