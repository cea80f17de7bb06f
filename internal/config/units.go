package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// units of durations, the greatest first. Go's own parser knows neither days nor
// weeks, which is what retention is given in.
var units = []struct {
	name string
	unit time.Duration
}{
	{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond},
}

// ParseDuration reads durations like 30s, 1h30m or 7d: whole numbers with a unit
// each, from the greatest to the least unit. The only number without a unit is 0.
func ParseDuration(s string) (time.Duration, error) {
	wrong := fmt.Errorf("want a duration like 500ms, 30s, 10m, 1h30m or 7d, got %q", s)
	if s == "0" {
		return 0, nil
	}
	if s == "" {
		return 0, wrong
	}
	var total time.Duration
	next := 0
	for rest := s; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil {
			return 0, wrong
		}
		rest = rest[digits:]
		name := rest[:len(rest)-len(strings.TrimLeft(rest, "wdhms"))]
		rest = rest[len(name):]
		for next < len(units) && units[next].name != name {
			next++
		}
		if next == len(units) || n > (math.MaxInt64-int64(total))/int64(units[next].unit) {
			return 0, wrong
		}
		total += time.Duration(n) * units[next].unit
		next++
	}
	return total, nil
}

// formatDuration writes what ParseDuration reads, in hours at most: 168h is what
// people compare, not 1w. Durations from the file are whole milliseconds.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range units[2:] {
		if n := d / u.unit; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.unit
		}
	}
	return b.String()
}

var sizes = []struct {
	name string
	unit int64
}{
	{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
}

// parseSize reads sizes like 64MiB or 500kB: a whole number with a unit.
func parseSize(s string) (int64, error) {
	for _, u := range sizes {
		digits, found := strings.CutSuffix(s, u.name)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || digits[0] == '+' || n < 0 || n > math.MaxInt64/u.unit {
			break
		}
		return n * u.unit, nil
	}
	return 0, fmt.Errorf("want a size like 512KiB, 64MiB or 1GiB, got %q", s)
}

// formatSize writes what parseSize reads, in the greatest binary unit that is
// exact.
func formatSize(n int64) string {
	for _, u := range sizes[:3] {
		if n > 0 && n%u.unit == 0 {
			return fmt.Sprintf("%d%s", n/u.unit, u.name)
		}
	}
	return fmt.Sprintf("%dB", n)
}
