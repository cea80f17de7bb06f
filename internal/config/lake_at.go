package config

import (
	"strings"
	"time"
)

// At is the lake at another place, a directory or a URL, reached as this one is.
func (l Lake) At(place string) (Lake, error) {
	if !strings.Contains(place, "://") {
		l.Dir, l.URL = place, ""
		return l, nil
	}
	l.Dir, l.URL = "", place
	return l, checkLakeURL(place)
}

// Longest is the longest that any source is allowed.
func (l Lateness) Longest() time.Duration {
	longest := l.Default
	for _, d := range l.Sources {
		longest = max(longest, d)
	}
	return longest
}
