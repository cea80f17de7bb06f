package normalize

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"
	"unicode"
)

// IsIP tells whether s is one IP address without a zone, in the form that OCSF's
// ip_t takes: no leading zeros, no port, no prefix.
func IsIP(s string) bool {
	addr, err := netip.ParseAddr(s)
	return err == nil && addr.Zone() == ""
}

// IsHostname tells whether s can be the name of a host: labels of letters, digits,
// hyphens and underscores.
func IsHostname(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; c != '-' && c != '_' && !isAlphanumeric(c) {
				return false
			}
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// IsEmail tells whether s can be an address of mail.
func IsEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && isVisible(s[:at]) && IsHostname(s[at+1:])
}

// IsURL tells whether s is a URL with a scheme.
func IsURL(s string) bool {
	colon := strings.IndexByte(s, ':')
	if colon < 1 || colon == len(s)-1 || !isVisible(s) {
		return false
	}
	for i := range colon {
		if c := s[i]; !isAlphanumeric(c) && (i == 0 || c != '+' && c != '.' && c != '-') {
			return false
		}
	}
	return s[0] > '9'
}

// isVisible tells whether s has no space and nothing that could not be printed.
func isVisible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
}

// SplitHostPort takes "192.0.2.1:443" and "[2001:db8::1]:443" apart. ok is false
// for anything without a port, a bare IPv6 address among it.
func SplitHostPort(s string) (host string, port int32, ok bool) {
	if strings.IndexByte(s, ':') < 0 {
		return "", 0, false // and no error to allocate
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil || ap.Addr().Zone() != "" {
		return "", 0, false
	}
	host = s[:strings.LastIndexByte(s, ':')]
	return strings.Trim(host, "[]"), int32(ap.Port()), true
}

// layouts are the times of JSON sources, the usual one first: RFC 3339 with up to
// nine digits of a second, the same without a zone (UTC) and with a space (as
// exports of databases write it), and the American ones of some Azure records and of
// Log Analytics' portal.
var layouts = [...]string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00",
	"1/2/2006 3:04:05 PM",
	"1/2/2006 15:04:05",
	"1/2/2006 3:04:05 PM -07:00",
	"1/2/2006, 3:04:05.999999999 PM",
}

// ParseTime reads a time as milliseconds since the epoch, rounded down. A time
// without a zone is UTC.
func ParseTime(s string) (ms int64, ok bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}

// ARN is an Amazon Resource Name, taken apart.
type ARN struct {
	Partition, Service, Region, Account string
	Resource                            string // all after the fifth colon
}

// ParseARN takes an ARN apart.
func ParseARN(s string) (arn ARN, ok bool) {
	rest, ok := strings.CutPrefix(s, "arn:")
	if !ok {
		return ARN{}, false
	}
	for _, part := range []*string{&arn.Partition, &arn.Service, &arn.Region, &arn.Account} {
		if *part, rest, ok = strings.Cut(rest, ":"); !ok {
			return ARN{}, false
		}
	}
	arn.Resource = rest
	return arn, rest != ""
}

// IsHTTPMethod tells whether s is one of the methods that http_method can hold.
func IsHTTPMethod(s string) bool {
	switch s {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		return true
	}
	return false
}

// GoogleLocation takes a location of Google Cloud apart: a zone is a region with
// a letter behind it ("europe-west3-a"). "global" and multi-regions are regions.
func GoogleLocation(s string) (region, zone string) {
	if n := len(s); n > 2 && s[n-2] == '-' && 'a' <= s[n-1] && s[n-1] <= 'z' {
		return s[:n-2], s
	}
	return s, ""
}

// AppendString appends s as a JSON string.
func AppendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			quoted, err := json.Marshal(s)
			if err != nil { // a text always marshals
				return append(dst, `""`...)
			}
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
