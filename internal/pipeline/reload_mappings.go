package pipeline

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/internal/telemetry"
)

// detectNotes is what an operator should know of detect: its part in readiness is one
// text, for which the rules and the mappings have their say.
type detectNotes struct {
	mu              sync.Mutex
	rules, mappings string
	health          *telemetry.Health
}

// set changes one of the two, and shows both.
func (n *detectNotes) set(note *string, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	*note = text
	n.health.Note(string(RoleDetect), strings.Join(slices.DeleteFunc([]string{n.rules, n.mappings}, func(s string) bool { return s == "" }), "; "))
}

// mappingWatch tells of mappings that were changed: they are read at the start only,
// and who has edited one should not have to remember that. Of the files only their
// content counts, so that a checkout that writes the same again is no change.
type mappingWatch struct {
	files map[string]string // by source
	began map[string][sha256.Size]byte
	stale []string // sources of which that was told
	log   *slog.Logger
	notes *detectNotes
}

// startMappingWatch looks at the mappings until the function that it returns is called.
func startMappingWatch(ctx context.Context, o *Options, notes *detectNotes, every time.Duration) (stop func()) {
	w := &mappingWatch{files: o.Config.Mappings(), log: o.Log, notes: notes}
	if len(w.files) == 0 || o.Once {
		return func() {}
	}
	w.began = w.contents()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // ends with ctx
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				w.look()
			}
		}
	}()
	return func() { cancel(); <-done }
}

// contents are the digests of the files; that of one that cannot be read is zero.
func (w *mappingWatch) contents() map[string][sha256.Size]byte {
	all := map[string][sha256.Size]byte{}
	for source, file := range w.files {
		if text, err := os.ReadFile(file); err == nil {
			all[source] = sha256.Sum256(text)
		}
	}
	return all
}

// look compares the files with what they were, and tells once of each that is another.
func (w *mappingWatch) look() {
	now := w.contents()
	var stale []string
	for _, source := range slices.Sorted(maps.Keys(w.files)) {
		if now[source] == w.began[source] {
			continue
		}
		stale = append(stale, source)
		if !slices.Contains(w.stale, source) {
			w.log.Warn("a mapping has changed; mappings are read at the start only: restart weir to use it",
				slog.String(logkey.Source, source), slog.String(logkey.File, w.files[source]))
		}
	}
	if slices.Equal(stale, w.stale) {
		return
	}
	w.stale = stale
	note := ""
	if len(stale) > 0 {
		note = fmt.Sprintf("the mapping of %s has changed; mappings are read at the start only: restart weir to use it", strings.Join(stale, ", "))
	}
	w.notes.set(&w.notes.mappings, note)
}
