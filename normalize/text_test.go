package normalize

import (
	"strings"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	tests := []struct {
		text, want string // want in RFC 3339 with milliseconds; "" is no time
	}{
		{"2026-11-18T09:14:07Z", "2026-11-18T09:14:07.000Z"},
		{"2026-11-18T09:14:07.0729893Z", "2026-11-18T09:14:07.072Z"},
		{"2026-11-18T09:14:07.999999999+05:30", "2026-11-18T03:44:07.999Z"},
		{"2026-11-18T09:14:07.5", "2026-11-18T09:14:07.500Z"},
		{"2026-11-18 09:14:07.38", "2026-11-18T09:14:07.380Z"},
		{"2026-11-18 09:14:07Z", "2026-11-18T09:14:07.000Z"},
		{"11/18/2026 7:05:00 AM", "2026-11-18T07:05:00.000Z"},
		{"1/2/2026 3:04:05 PM", "2026-01-02T15:04:05.000Z"},
		{"1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"},
		{"2026-13-18T09:14:07Z", ""},
		{"2026-11-18", ""},
		{"1794993247", ""},
		{"", ""},
	}
	for _, tt := range tests {
		ms, ok := ParseTime(tt.text)
		got := ""
		if ok {
			got = time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
		}
		if got != tt.want {
			t.Errorf("ParseTime(%q) is %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestKindsOfText(t *testing.T) {
	tests := []struct {
		name string
		is   func(string) bool
		yes  []string
		no   []string
	}{
		{"IP", IsIP,
			[]string{"192.0.2.1", "2001:db8::1", "::1", "::ffff:192.0.2.1"},
			[]string{"", "AWS Internal", "035.249.253.232", "253.252.51.07", "192.0.2.1:443", "[::1]", "fe80::1%eth0", "127.0.0.0/8", "::2a02::1"}},
		{"host name", IsHostname,
			[]string{"localhost", "a.b-c.example", "_dmarc.example.com", "192.0.2.1"},
			[]string{"", ".", "a..b", "-a.example", "a-.example", "a b", "é.example", "x:1", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "aaaa"}},
		{"email", IsEmail,
			[]string{"a@b.example", "a+b'c@example"},
			[]string{"", "@b.example", "a b@c.example", "Microsoft.Advisor", "a@"}},
		{"URL", IsURL,
			[]string{"https://shop.example/a?b=%zz", "s3+x.y-z:1"},
			[]string{"", "/path", ":x", "http:", "http://a b", "1a:b", "a/b:c"}},
		{"method", IsHTTPMethod, []string{"GET", "TRACE"}, []string{"", "get", "PROPFIND"}},
	}
	for _, tt := range tests {
		for _, s := range tt.yes {
			if !tt.is(s) {
				t.Errorf("%q is no %s", s, tt.name)
			}
		}
		for _, s := range tt.no {
			if tt.is(s) {
				t.Errorf("%q is a %s", s, tt.name)
			}
		}
	}
}

func TestSplitHostPort(t *testing.T) {
	tests := []struct {
		text, host string
		port       int32
		ok         bool
	}{
		{"192.0.2.1:57484", "192.0.2.1", 57484, true},
		{"[2001:db8::1]:443", "2001:db8::1", 443, true},
		{"2001:db8::1", "", 0, false},
		{"192.0.2.1", "", 0, false},
		{"192.0.2.1:70000", "", 0, false},
		{"host:1", "", 0, false},
		{"[fe80::1%eth0]:1", "", 0, false},
	}
	for _, tt := range tests {
		host, port, ok := SplitHostPort(tt.text)
		if host != tt.host || port != tt.port || ok != tt.ok {
			t.Errorf("SplitHostPort(%q) is %q, %d, %v", tt.text, host, port, ok)
		}
	}
}

func TestParseARN(t *testing.T) {
	got, ok := ParseARN("arn:aws-cn:iam::111122223333:role/path/with:colon")
	want := ARN{Partition: "aws-cn", Service: "iam", Account: "111122223333", Resource: "role/path/with:colon"}
	if !ok || got != want {
		t.Errorf("got %+v, %v", got, ok)
	}
	for _, bad := range []string{"", "arn:aws:s3", "arn:aws:s3:::", "urn:aws:s3:::logs"} {
		if _, ok := ParseARN(bad); ok {
			t.Errorf("%q is an ARN", bad)
		}
	}
}

func TestValidText(t *testing.T) {
	if got := ValidText("caf\xe9\xff \xf0\x9f\x98\x80 \ufffd"); got != "caf\ufffd\ufffd 😀 \ufffd" {
		t.Errorf("got %q", got)
	}
}
