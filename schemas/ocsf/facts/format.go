package facts

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// format says whether a string has the form of a type. The facts carry ranges and
// lengths but no patterns; these follow the descriptions of OCSF. Where real logs
// hold less than a clean value (a URL with a broken escape), what still names the
// thing passes.
var format = map[string]struct {
	ok   func(string) bool
	want string
}{
	"bytestring_t": {isBase64, "base64"},
	"datetime_t":   {isDateTime, "an RFC 3339 time"},
	"email_t":      {isEmail, "an email address"},
	"file_hash_t":  {regexp.MustCompile(`^[A-Za-z0-9+/=:]+$`).MatchString, "a hash in hex or base64"},
	"hostname_t":   {isHostname, "a host name"},
	"ip_t":         {isIP, "an IP address"},
	"mac_t":        {regexp.MustCompile(`^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$`).MatchString, "a MAC address"},
	"subnet_t":     {isSubnet, "a subnet in CIDR form"},
	"url_t":        {isURL, "a URL with a scheme"},
	"uuid_t":       {regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`).MatchString, "a UUID"},
}

// check holds a value of the right base type against range, length and format of
// the type name and returns what is wrong, or "".
func (t Type) check(name string, m jsondoc.Value) string {
	if n, ok := m.Int(); ok && t.Range != nil && (n < t.Range[0] || n > t.Range[1]) {
		return fmt.Sprintf("%d is outside of %s: %d to %d", n, name, t.Range[0], t.Range[1])
	}
	s, ok := m.Str()
	if !ok {
		return ""
	}
	if n := utf8.RuneCountInString(s); t.MaxLen > 0 && n > t.MaxLen {
		return fmt.Sprintf("has %d characters, %s at most %d", n, name, t.MaxLen)
	}
	if f, ok := format[name]; ok && !f.ok(s) {
		return fmt.Sprintf("%.80q is not %s (%s)", s, f.want, name)
	}
	return ""
}

// TextCheck tells of a text whether it can be of a scalar type: its length and
// format, and those of the types that it narrows.
func (f *Facts) TextCheck(typeName string) func(text string) bool {
	var checks []func(string) bool
	for name := typeName; f.Types[name].Type != ""; name = f.Types[name].Type {
		if most := f.Types[name].MaxLen; most > 0 {
			checks = append(checks, func(s string) bool { return len(s) <= most || utf8.RuneCountInString(s) <= most })
		}
		if form, ok := format[name]; ok {
			checks = append(checks, form.ok)
		}
	}
	return func(text string) bool {
		for _, ok := range checks {
			if !ok(text) {
				return false
			}
		}
		return true
	}
}

// FitsNumber tells whether a number is in the range of a scalar type.
func (f *Facts) FitsNumber(typeName string, n int64) bool {
	for name := typeName; f.Types[name].Type != ""; name = f.Types[name].Type {
		if r := f.Types[name].Range; r != nil && (n < r[0] || n > r[1]) {
			return false
		}
	}
	return true
}

// isIP accepts no zone: an address with one means nothing on another machine.
func isIP(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}

func isSubnet(s string) bool {
	_, err := netip.ParsePrefix(s)
	return err == nil
}

func isDateTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}

func isBase64(s string) bool {
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil
}

func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && !strings.ContainsFunc(s[:at], notPrintable) && isHostname(s[at+1:])
}

var label = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)

// isHostname accepts underscores, which service names and Windows hosts have.
func isHostname(s string) bool {
	if len(s) > 253 {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if !label.MatchString(part) {
			return false
		}
	}
	return true
}

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:.`)

func isURL(s string) bool {
	return scheme.MatchString(s) && !strings.ContainsFunc(s, notPrintable)
}

// notPrintable is space and what no one could read.
func notPrintable(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }
