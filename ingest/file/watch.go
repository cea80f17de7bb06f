package file

import (
	"log/slog"

	"github.com/fsnotify/fsnotify"

	"github.com/weir-security/weir/internal/logkey"
)

// watch tells of changes where the system does. It is only faster than listing the
// files at every poll, never instead of it: network file systems tell nothing.
type watch struct {
	fs      *fsnotify.Watcher
	dirs    map[string]bool
	changed chan string // paths; empty for a change that was missed
	done    chan struct{}
}

func newWatch(log *slog.Logger) *watch {
	w := &watch{dirs: map[string]bool{}, changed: make(chan string, 1024), done: make(chan struct{})}
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("no notice of changed log files, polling only", slog.Any(logkey.Error, err))
		return w
	}
	w.fs = fs
	go w.forward()
	return w
}

// forward passes events on until close.
func (w *watch) forward() {
	defer close(w.done)
	for {
		path := ""
		select {
		case e, ok := <-w.fs.Events:
			if !ok {
				return
			}
			if e.Op == fsnotify.Chmod {
				continue
			}
			path = e.Name
			if e.Op&(fsnotify.Create|fsnotify.Remove|fsnotify.Rename) != 0 {
				path = ""
			}
		case _, ok := <-w.fs.Errors:
			if !ok {
				return
			}
		}
		select {
		case w.changed <- path:
		default: // the receiver is behind, and looks at the next poll
		}
	}
}

// add watches directories. One that cannot be watched is polled.
func (w *watch) add(dirs []string) {
	if w == nil || w.fs == nil {
		return
	}
	for _, d := range dirs {
		if !w.dirs[d] {
			w.dirs[d] = w.fs.Add(d) == nil
		}
	}
}

func (w *watch) close() {
	if w.fs != nil {
		w.fs.Close()
		<-w.done
	}
}
