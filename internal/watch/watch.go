// Package watch tells when the files of a directory tree change. It hears of
// changes from the operating system and also looks by itself now and then: network
// file systems tell nothing, and neither does a directory whose name is a link that
// was pointed elsewhere (Kubernetes' ConfigMaps, git-sync).
package watch

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Options configure Tree.
type Options struct {
	// Settle is how long nothing may change before a change is told: a checkout
	// writes one file after another.
	Settle time.Duration
	// Poll is how often to look without having been told.
	Poll time.Duration
}

// Tree calls on with the files below dir that have changed, come or gone, relative
// to it and with slashes. It returns when ctx ends. What changes before it has
// looked for the first time is the caller's: from is what that has read (Look), nil
// for what is there now.
func Tree(ctx context.Context, dir string, from Snapshot, o Options, on func(changed []string)) {
	told, watcher := notifier(dir)
	if watcher != nil {
		defer watcher.Close()
	}
	if from == nil {
		from = Look(dir)
	}
	poll := time.NewTicker(o.Poll)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-told:
		case <-poll.C:
		}
		if watcher != nil {
			follow(watcher, dir) // before looking: what comes after it will be told
		}
		now := Look(dir)
		if len(from.Changed(now)) == 0 {
			continue
		}
		settled, ok := settle(ctx, dir, now, o.Settle)
		if !ok {
			return
		}
		changed := from.Changed(settled)
		from = settled
		if len(changed) > 0 {
			on(changed)
		}
	}
}

// settle waits until nothing has changed for a while.
func settle(ctx context.Context, dir string, now Snapshot, quiet time.Duration) (Snapshot, bool) {
	for {
		select {
		case <-ctx.Done():
			return nil, false
		case <-time.After(quiet):
		}
		next := Look(dir)
		if len(now.Changed(next)) == 0 {
			return next, true
		}
		now = next
	}
}

// notifier is the operating system's word that something has happened; without it
// there is only the polling.
func notifier(dir string) (<-chan struct{}, *fsnotify.Watcher) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, nil
	}
	follow(watcher, dir)
	told := make(chan struct{}, 1)
	told <- struct{}{} // something may have changed before it listened
	go func() {        // ends when the watcher is closed
		for {
			select {
			case _, ok := <-watcher.Events:
				if !ok {
					return
				}
				select {
				case told <- struct{}{}:
				default: // one is waiting
				}
			case _, ok := <-watcher.Errors:
				if !ok {
					return
				}
			}
		}
	}()
	return told, watcher
}

// follow watches the directories of the tree that are not watched yet, and then
// those that have come meanwhile. One that cannot be watched is polled.
func follow(watcher *fsnotify.Watcher, dir string) {
	for added := true; added; {
		added = false
		known := watcher.WatchList()
		for d := range directories(dir) {
			if !slices.Contains(known, d) && watcher.Add(d) == nil {
				added = true
			}
		}
	}
}

// Snapshot is the files of a tree as they are at one time.
type Snapshot map[string]state

// state is enough of a file to see that it is another.
type state struct {
	size    int64
	changed time.Time
	mode    fs.FileMode
}

// maxDepth bounds links that lead in circles.
const maxDepth = 32

// Look reads which files are there. What cannot be read is not there.
func Look(dir string) Snapshot {
	s := Snapshot{}
	walk(dir, "", 0, func(rel string, info fs.FileInfo) {
		if !info.IsDir() {
			s[rel] = state{info.Size(), info.ModTime(), info.Mode()}
		}
	})
	return s
}

func directories(dir string) map[string]struct{} {
	all := map[string]struct{}{dir: {}}
	walk(dir, "", 0, func(rel string, info fs.FileInfo) {
		if info.IsDir() {
			all[filepath.Join(dir, filepath.FromSlash(rel))] = struct{}{}
		}
	})
	return all
}

// walk visits what is below a directory, links followed, but for names that begin
// with a dot.
func walk(dir, below string, depth int, visit func(rel string, info fs.FileInfo)) {
	entries, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(below)))
	if err != nil || depth > maxDepth {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		rel := e.Name()
		if below != "" {
			rel = below + "/" + rel
		}
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(rel)))
		if err != nil {
			continue
		}
		visit(rel, info)
		if info.IsDir() {
			walk(dir, rel, depth+1, visit)
		}
	}
}

// Changed is the files that differ between two times, in order.
func (s Snapshot) Changed(now Snapshot) []string {
	var changed []string
	for name, was := range s {
		if is, ok := now[name]; !ok || is != was {
			changed = append(changed, name)
		}
	}
	for name := range maps.Keys(now) {
		if _, ok := s[name]; !ok {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	return changed
}
