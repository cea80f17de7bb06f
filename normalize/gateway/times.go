package gateway

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/weir-security/weir/normalize"
)

// setTime is the time of the request in any of the ways in which gateways write
// it. The first variable that has one decides.
func setTime(a *access, text string) bool {
	if a.ev.HasTime() {
		return false
	}
	ms, offset, hasOffset, ok := parseTime(text)
	if !ok {
		return false
	}
	a.ev.SetTime(ms)
	if hasOffset {
		a.ev.SetTimezoneOffset(offset)
	}
	return true
}

// setClock is the time of day of a log that has the date apart, in UTC.
func setClock(a *access, text string) bool {
	if a.clock != "" {
		return false
	}
	a.clock = text
	return true
}

func setStartTime(a *access, text string) bool {
	ms, _, _, ok := parseTime(text)
	if !ok || a.ev.HasStartTime() {
		return false
	}
	a.ev.SetStartTime(ms)
	return true
}

func setEndTime(a *access, text string) bool {
	ms, _, _, ok := parseTime(text)
	if !ok || a.ev.HasEndTime() {
		return false
	}
	a.ev.SetEndTime(ms)
	return true
}

func setLoggedTime(a *access, text string) bool {
	ms, _, _, ok := parseTime(text)
	if !ok || a.ev.Metadata.HasLoggedTime() {
		return false
	}
	a.ev.Metadata.SetLoggedTime(ms)
	return true
}

// isTime tells whether a text is a time.
func isTime(text string) bool {
	_, _, _, ok := parseTime(text)
	return ok
}

// isCLF tells, from its shape alone, whether a text is a time of the common log
// format, "18/Nov/2026:09:04:05 +0000".
func isCLF(text string) bool {
	return len(text) == 26 && text[2] == '/' && text[6] == '/' && text[11] == ':' && text[20] == ' '
}

// parseTime reads a time: of the common log format, of normalize.ParseTime, of
// HAProxy, or a number since the epoch whose unit its size tells. The offset is in
// minutes east of UTC.
func parseTime(text string) (ms int64, offset int32, hasOffset, ok bool) {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	if ms, offset, ok := parseCLF(text); ok {
		return ms, offset, true, true
	}
	if ms, ok := parseHAProxyTime(text); ok {
		return ms, 0, false, true
	}
	if len(text) > 0 && (text[0] >= '0' && text[0] <= '9') && strings.IndexAny(text, "-/: ") < 0 {
		ms, ok := parseEpoch(text)
		return ms, 0, false, ok
	}
	if ms, ok := normalize.ParseTime(text); ok {
		return ms, 0, false, true
	}
	for _, layout := range [...]string{
		"02/Jan/2006:15:04:05",          // of the common log format, without a zone
		"1/2/2006, 3:04:05.999 PM",      // exports of Log Analytics
		"2006-01-02T15:04:05Z0700",      // an offset without a colon
		"2006-01-02 15:04:05.999 -0700", // the same with spaces
		"2006/01/02 15:04:05.999",       // NGINX's error log, Caddy's console
		time.RFC1123,
		"Mon, 02 Jan 2006 15:04:05 -0700",
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMilli(), 0, false, true
		}
	}
	return 0, 0, false, false
}

// parseEpoch reads a number since the epoch: seconds, also with a fraction,
// milliseconds, microseconds or nanoseconds.
func parseEpoch(text string) (ms int64, ok bool) {
	if n, isWhole := parseCount(text); isWhole {
		switch {
		case n < 1e11:
			return n * 1000, true
		case n < 1e14:
			return n, true
		case n < 1e17:
			return n / 1e3, true
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || !(n >= 0 && n < 1e20):
		return 0, false
	case n < 1e11:
		return int64(math.Floor(n*1000 + 1e-4)), true
	case n < 1e14:
		return int64(n), true
	case n < 1e17:
		return int64(n / 1e3), true
	}
	return int64(n / 1e6), true
}

// parseCLF reads "18/Nov/2026:09:04:05 +0000". It is time.Parse for this layout,
// 3x on BenchmarkParseCLF; TestParseCLF holds it against that.
func parseCLF(s string) (ms int64, offset int32, ok bool) {
	if !isCLF(s) || s[14] != ':' || s[17] != ':' || s[21] != '+' && s[21] != '-' {
		return 0, 0, false
	}
	day, hour, minute, second := digits2(s, 0), digits2(s, 12), digits2(s, 15), digits2(s, 18)
	century, year, zoneHour, zoneMinute := digits2(s, 7), digits2(s, 9), digits2(s, 22), digits2(s, 24)
	month := monthOf(s[3:6])
	if day < 1 || month == 0 || century < 0 || year < 0 || uint(hour) > 23 || uint(minute) > 59 || uint(second) > 59 ||
		uint(zoneHour) > 24 || uint(zoneMinute) > 60 {
		return 0, 0, false
	}
	year += century * 100
	if day > 28 && day > daysIn(time.Month(month), year) {
		return 0, 0, false
	}
	zone := zoneHour*60 + zoneMinute
	if s[21] == '-' {
		zone = -zone
	}
	days := daysSinceEpoch(year, month, day)
	return ((days*24+int64(hour))*60+int64(minute)-int64(zone))*60_000 + int64(second)*1000, int32(zone), true
}

// parseHAProxyTime reads "18/Nov/2026:09:04:05.885", of which the zone is not known.
func parseHAProxyTime(s string) (ms int64, ok bool) {
	if len(s) != 24 || s[20] != '.' {
		return 0, false
	}
	tenths, last := digits2(s, 21), s[23]-'0'
	if tenths < 0 || last > 9 {
		return 0, false
	}
	var clf [26]byte
	copy(clf[:], s[:20])
	copy(clf[20:], " +0000")
	ms, _, ok = parseCLF(string(clf[:]))
	return ms + int64(tenths)*10 + int64(last), ok
}

// digits2 is the number of two digits at i; -1 if they are none.
func digits2(s string, i int) int {
	a, b := s[i]-'0', s[i+1]-'0'
	if a > 9 || b > 9 {
		return -1
	}
	return int(a)*10 + int(b)
}

func monthOf(s string) int {
	const names = "JanFebMarAprMayJunJulAugSepOctNovDec"
	for i := 0; i < len(names); i += 3 {
		if names[i:i+3] == s {
			return i/3 + 1
		}
	}
	return 0
}

func daysIn(m time.Month, year int) int {
	return time.Date(year, m+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// daysSinceEpoch counts the days of the Gregorian calendar, in years that begin in
// March: the leap day is their last.
func daysSinceEpoch(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	y := int64(year)
	return 365*y + floorDiv(y, 4) - floorDiv(y, 100) + floorDiv(y, 400) + int64((153*(month-3)+2)/5) + int64(day) - 1 - 719468
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}
