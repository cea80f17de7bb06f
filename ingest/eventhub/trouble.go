package eventhub

import (
	"log/slog"
	"time"

	"github.com/weir-security/weir/internal/logkey"
)

// doing is what the hub may keep a reader from.
type doing int

const (
	looking doing = iota // up which partitions there are
	reading
)

// trouble tells what is wrong with the hub. It logs at once what is new, and every
// minute what stays.
type trouble struct {
	log    *slog.Logger
	report func(problem string)
	now    [reading + 1]string // what is wrong
	told   time.Time
}

const tellEvery = time.Minute

// note takes what is wrong with what was done, nil for nothing.
func (t *trouble) note(d doing, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text == t.now[d] && (text == "" || time.Since(t.told) < tellEvery) {
		return
	}
	t.now[d] = text
	if text != "" {
		t.told = time.Now()
		t.log.Warn("the hub cannot be read, trying again", slog.Any(logkey.Error, err))
	} else if t.problem() == "" {
		t.log.Info("the hub can be read again")
	}
	t.report(t.problem())
}

func (t *trouble) problem() string {
	for _, text := range t.now {
		if text != "" {
			return "the hub cannot be read: " + text
		}
	}
	return ""
}
