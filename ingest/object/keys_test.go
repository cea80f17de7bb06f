package object

import (
	"bytes"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, key string
		want         bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "a/b/c", true},
		{"*.json.gz", "AWSLogs/1/x.json.gz", true},
		{"*.json.gz", "AWSLogs/1/x.json", false},
		{"*/CloudTrail-Digest/*", "AWSLogs/1/CloudTrail-Digest/eu/x.gz", true},
		{"*/CloudTrail-Digest/*", "AWSLogs/1/CloudTrail/eu/x.gz", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-b-b", false},
		{"a**", "a", true},
		{"[a]", "a", false},
	} {
		if got := match(c.pattern, c.key); got != c.want {
			t.Errorf("match(%q, %q) = %t", c.pattern, c.key, got)
		}
	}
}

func TestDateOf(t *testing.T) {
	day := func(y, m, d, h int) time.Time { return time.Date(y, time.Month(m), d, h, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		key, root string
		begin     time.Time
		length    time.Duration // 0: no date
	}{
		{"AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/22/x.json.gz", "AWSLogs/111122223333/CloudTrail/eu-west-1/", day(2026, 11, 22, 0), 24 * time.Hour},
		{"resourceId=/S/y=2026/m=11/d=22/h=06/m=00/PT1H.json", "resourceId=/S/", day(2026, 11, 22, 6), time.Hour},
		{"year=2026/month=01/day=02/x", "", day(2026, 1, 2, 0), 24 * time.Hour},
		{"2026/02/30/x", "", time.Time{}, 0},
		{"2026/11/22", "", time.Time{}, 0},
		{"logs/1234/56/78/x", "", time.Time{}, 0},
		{"111122223333/x", "", time.Time{}, 0},
		{"2025/01/01/copy/2026/11/22/x", "2025/01/01/copy/", day(2026, 11, 22, 0), 24 * time.Hour},
	} {
		d, ok := DateOf(c.key)
		if ok != (c.length > 0) {
			t.Errorf("%s: dated %t", c.key, ok)
			continue
		}
		if ok && (d.Root != c.root || !d.Begin.Equal(c.begin) || d.End.Sub(d.Begin) != c.length) {
			t.Errorf("%s: %+v", c.key, d)
		}
	}
	d, _ := DateOf("a/y=2026/m=11/d=22/h=06/x")
	if got := d.DayFolder(day(2027, 1, 2, 3)); got != "a/y=2027/m=01/d=02" {
		t.Errorf("the folder is %s", got)
	}
}

func TestFilter(t *testing.T) {
	f := Filter{
		Include: []string{"AWSLogs/*"}, Exclude: []string{"*/CloudTrail-Digest/*"},
		From: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 4, 0, 0, 0, 0, time.UTC),
	}
	for key, want := range map[string]bool{
		"AWSLogs/1/CloudTrail/eu/2026/11/01/x":        false,
		"AWSLogs/1/CloudTrail/eu/2026/11/02/x":        true,
		"AWSLogs/1/CloudTrail/eu/2026/11/03/x":        true,
		"AWSLogs/1/CloudTrail/eu/2026/11/04/x":        false,
		"AWSLogs/1/CloudTrail-Digest/eu/2026/11/03/x": false,
		"AWSLogs/1/undated":                           true,
		"other/2026/11/03/x":                          false,
	} {
		if got := f.Takes(key); got != want {
			t.Errorf("%s: %t", key, got)
		}
	}
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
