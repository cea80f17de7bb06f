package s3

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/object"
)

const (
	cursorPrefix = "object/"
	// cursorLast is longer than a queue can keep a message, which is 14 days.
	cursorLast = 15 * 24 * time.Hour
	// flushEvery is how often cursors are deleted while no object is read.
	flushEvery = 5 * time.Second
)

// cursorKey is the key of an object's cursor: a version is an object of its own.
func cursorKey(ref object.Ref) string {
	key := cursorPrefix + ref.Bucket + "/" + ref.Key
	if ref.Version != "" {
		key += "?versionId=" + ref.Version
	}
	return key
}

// reload reads the cursors again, unless that was begun after the given time: what
// others have left of a message's objects was written before it came here.
func (r *queueRun) reload(ctx context.Context, after time.Time) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	r.mu.Lock()
	fresh := r.loaded.After(after)
	r.mu.Unlock()
	if fresh {
		return nil
	}
	began := time.Now()
	stored, err := r.load(ctx)
	if err != nil {
		return fmt.Errorf("read cursors: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := map[string]object.Cursor{}
	for key, value := range stored {
		if !strings.HasPrefix(key, cursorPrefix) {
			continue // of the listing that this collector was before
		}
		c, err := object.DecodeCursor(key, value)
		if err != nil {
			return err
		}
		known[key] = c
		if began.Unix()-c.At > int64(cursorLast/time.Second) && !slices.Contains(r.forget, key) {
			r.forget = append(r.forget, key)
		}
	}
	// What this process has made durable meanwhile is newer.
	for key, c := range r.known {
		if c.At >= began.Unix()-1 {
			known[key] = c
		}
	}
	r.known, r.loaded = known, began
	return nil
}

func (r *queueRun) cursor(key string) (object.Cursor, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.known[key]
	return c, ok
}

func (r *queueRun) keep(key string, c object.Cursor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[key] = c
}

func (r *queueRun) drop(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, key)
}

// forgotten are the cursors that go with the next batch, as deletions.
func (r *queueRun) forgotten() []ingest.Cursor {
	r.mu.Lock()
	defer r.mu.Unlock()
	cursors := make([]ingest.Cursor, len(r.forget))
	for i, key := range r.forget {
		cursors[i] = ingest.Cursor{Key: key}
		delete(r.known, key)
	}
	r.forget, r.clocked = nil, time.Now()
	return cursors
}

// flush deletes the cursors that are of no more use, if no object has done so lately.
func (r *queueRun) flush(ctx context.Context, idle bool) error {
	r.mu.Lock()
	due := len(r.forget) > 0 && idle && time.Since(r.clocked) >= flushEvery
	r.mu.Unlock()
	if !due {
		return nil
	}
	err := r.put(ctx, object.Part{Cursors: r.forgotten})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// problems are what could not be done, by object or queue, for as long as it is new.
type problems struct {
	mu    sync.Mutex
	byKey map[string]problem
}

type problem struct {
	text string
	at   time.Time
}

// problemLast is how long a problem is shown that is not met again: its message may
// have gone to the queue of dead letters.
const problemLast = time.Hour

// note keeps a problem, and tells whether it is new: its text has a request id.
func (p *problems) note(key string, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.byKey[key]
	p.byKey[key] = problem{err.Error(), time.Now()}
	return before.text == ""
}

func (p *problems) clear(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byKey, key)
}

// text says what there is, with one example.
func (p *problems) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.byKey, func(_ string, q problem) bool { return time.Since(q.at) > problemLast })
	if len(p.byKey) == 0 {
		return ""
	}
	key := slices.Min(slices.Collect(maps.Keys(p.byKey)))
	return fmt.Sprintf("%d objects or queues cannot be read, such as %s: %s", len(p.byKey), key, p.byKey[key].text)
}
