package detections

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/weir-security/weir/internal/yamlpos"
)

// maxWindow is the longest `within` and `suppress`.
const maxWindow = 24 * time.Hour

// units of a duration.
var units = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
}

// parseDuration reads "90s", "10m", "1h30m", "30d".
func parseDuration(s string) (time.Duration, error) {
	var sum time.Duration
	for rest := s; rest != "" || s == ""; {
		n := 0
		for n < len(rest) && '0' <= rest[n] && rest[n] <= '9' {
			n++
		}
		number, err := strconv.Atoi(rest[:n])
		if err != nil || n == len(rest) || units[rest[n]] == 0 || number > 1<<20 {
			return 0, fmt.Errorf("%q is no duration; write a number and s, m, h, d or w, as 10m or 1h30m", s)
		}
		sum += time.Duration(number) * units[rest[n]]
		rest = rest[n+1:]
	}
	return sum, nil
}

// duration reads a duration; not ok if the node is absent or holds none, which is
// then reported.
func duration(n yamlpos.Node) (d time.Duration, ok bool) {
	text := n.Text()
	if text == "" {
		return 0, false
	}
	d, err := parseDuration(text)
	if err != nil {
		n.Problemf("%v", err)
	}
	return d, err == nil
}

// offset reads a duration since the first event of a test: 30s or +30s; -30s is
// before it.
func offset(n yamlpos.Node) (d time.Duration, ok bool) {
	text := n.Text()
	if text == "" {
		return 0, false
	}
	digits, before := strings.CutPrefix(text, "-")
	d, err := parseDuration(strings.TrimPrefix(digits, "+"))
	if err != nil {
		n.Problemf("%q is no time since the first event; write it as +30s or +1h30m", text)
	}
	if before {
		d = -d
	}
	return d, err == nil
}

// window reads a `within` or `suppress`.
func window(n yamlpos.Node) time.Duration {
	d, ok := duration(n)
	switch {
	case !ok:
	case d > maxWindow:
		n.Problemf("at most 24h, got %s", n.Text())
	case d <= 0:
		n.Problemf("must be more than zero")
	}
	return d
}
