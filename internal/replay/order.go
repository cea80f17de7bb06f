package replay

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/weir-security/weir/sinks/lake/scan"
)

// A file of a day holds events of that day only, so that time advances from one day to
// the next. What the lake keeps out of the days, for times that nobody can believe, may
// be of any time and is read before them.

// byTime puts files that are in the order of their days behind those of no day.
func byTime(files []scan.File) []scan.File {
	slices.SortStableFunc(files, func(a, b scan.File) int {
		_, aDay := dayOf(a.Path)
		_, bDay := dayOf(b.Path)
		switch {
		case aDay == bDay:
			return 0
		case bDay:
			return -1
		}
		return 1
	})
	return files
}

// dayOf is the beginning of the day of a file, events/class=api_activity/day=2026-11-03/NAME.
func dayOf(file string) (day time.Time, ok bool) {
	text, _ := strings.CutPrefix(path.Base(path.Dir(file)), "day=")
	day, err := time.Parse(time.DateOnly, text)
	return day, err == nil
}

// setFrom fills in from what time on each task's events are, and those behind it. The
// zero time says that nothing is known.
func setFrom(tasks []task) {
	for i := len(tasks) - 1; i >= 0; i-- {
		t := &tasks[i]
		day, ok := dayOf(t.file.Path)
		if t.from = t.query.From; ok && day.After(t.from) {
			t.from = day
		}
		if i+1 < len(tasks) && tasks[i+1].from.Before(t.from) {
			t.from = tasks[i+1].from
		}
	}
}

// advance tells how far time has come before a task, if it has moved.
func (l *Lake) advance(tasks []task, at int) error {
	from := tasks[at].from
	if l.Advance == nil || from.IsZero() || at > 0 && !from.After(tasks[at-1].from) {
		return nil
	}
	return l.Advance(from.UnixMilli())
}
