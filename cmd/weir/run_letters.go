package main

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/weir-security/weir/internal/logkey"
	"github.com/weir-security/weir/internal/pipeline"
)

// letterInterval is how often a service says which dead letters there are new: one
// line for a kind of them, however many come.
const letterInterval = 10 * time.Second

// logLetters logs the dead letters of a service until ctx is done.
func logLetters(ctx context.Context, log *slog.Logger, stats *pipeline.Stats) {
	ticker := time.NewTicker(letterInterval)
	defer ticker.Stop()
	said := map[string]int64{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			warnOfLetters(log, said, stats.Snapshot().Letters)
		}
	}
}

// warnOfLetters logs what came to the dead letters since said, by kind.
func warnOfLetters(log *slog.Logger, said, letters map[string]int64) {
	for _, kind := range slices.Sorted(maps.Keys(letters)) {
		if n := letters[kind] - said[kind]; n > 0 {
			source, reason, _ := strings.Cut(kind, ": ")
			log.Warn("records became dead letters; weir dlq list shows them",
				slog.Int64(logkey.Count, n), slog.String(logkey.Source, source), slog.String(logkey.Reason, reason))
		}
		said[kind] = letters[kind]
	}
}
