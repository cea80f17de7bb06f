package config

import (
	"testing"
	"time"
)

func TestExpand(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"plain", "plain"},
		{"${HOST}", "kafka-1:9092"},
		{"<${HOST}>${EMPTY}<${HOST}>", "<kafka-1:9092><kafka-1:9092>"},
		{"${NOPE:-fallback}", "fallback"},
		{"${NOPE:-}", ""},
		{"${EMPTY:-fallback}", "fallback"},
		{"${NOPE:-a:-b}", "a:-b"},
		{"$HOST costs $5", "$HOST costs $5"},
		{"$${HOST}", "${HOST}"},
		{"a$${b", "a${b"},
		{"${HOST}$${HOST}${HOST}", "kafka-1:9092${HOST}kafka-1:9092"},
	} {
		if got, err := expand(test.in, testOptions.Env); err != nil || got != test.want {
			t.Errorf("expand(%q) = %q, %v, want %q", test.in, got, err, test.want)
		}
	}
}

func TestDurations(t *testing.T) {
	for _, test := range []struct {
		in   string
		want time.Duration
		out  string
	}{
		{"0", 0, "0s"},
		{"500ms", 500 * time.Millisecond, "500ms"},
		{"90s", 90 * time.Second, "1m30s"},
		{"1h30m", 90 * time.Minute, "1h30m"},
		{"7d", 168 * time.Hour, "168h"},
		{"2w1d", 360 * time.Hour, "360h"},
	} {
		got, err := ParseDuration(test.in)
		if err != nil || got != test.want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", test.in, got, err, test.want)
		}
		if out := formatDuration(got); out != test.out {
			t.Errorf("formatDuration(%v) = %q, want %q", got, out, test.out)
		}
	}
	for _, in := range []string{"", "5", "s", "-1s", "+1s", "1.5h", "1m1h", "1s1s", "1 s", "1us", "1hour", "20000w", "9223372036854775808s", "١s"} {
		if d, err := ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", in, d)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, test := range []struct {
		in   string
		want int64
		out  string
	}{
		{"0B", 0, "0B"},
		{"1000B", 1000, "1000B"},
		{"1024B", 1024, "1KiB"},
		{"500kB", 500_000, "500000B"},
		{"64MiB", 64 << 20, "64MiB"},
		{"2048MiB", 2 << 30, "2GiB"},
		{"3GB", 3e9, "3000000000B"},
	} {
		got, err := parseSize(test.in)
		if err != nil || got != test.want {
			t.Errorf("parseSize(%q) = %v, %v, want %v", test.in, got, err, test.want)
		}
		if out := formatSize(got); out != test.out {
			t.Errorf("formatSize(%d) = %q, want %q", got, out, test.out)
		}
		again, err := parseSize(formatSize(got))
		if err != nil || again != got {
			t.Errorf("%d formats as %q, which is %d", got, formatSize(got), again)
		}
	}
	for _, in := range []string{"", "5", "MiB", "-1MiB", "+1MiB", "1.5MiB", "1 MiB", "64M", "64mib", "9223372036854775807KiB"} {
		if n, err := parseSize(in); err == nil {
			t.Errorf("parseSize(%q) = %v, want an error", in, n)
		}
	}
}
