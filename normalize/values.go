package normalize

import (
	"math"
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// The functions here move one value into one attribute: they mark it as used
// where the attribute holds it, and leave it for unmapped where it is of another
// kind. Null and empty values are used and set nothing.

// empty uses v if it says nothing: absent, null, or an empty text.
func empty(v jsondoc.Value) bool {
	switch v.Kind() {
	case jsondoc.Absent:
		return true
	case jsondoc.Null:
		v.Use()
		return true
	case jsondoc.String:
		if s, _ := v.Str(); s == "" {
			v.Use()
			return true
		}
	}
	return false
}

// WantObject labels the event if v is there and is no object: a record whose
// userIdentity is a text has kept it from every attribute, and so from the rules
// that ask for them.
func WantObject(key string, v jsondoc.Value, ev *ocsf.Event) {
	switch v.Kind() {
	case jsondoc.Absent, jsondoc.Null, jsondoc.Object:
		return
	}
	ev.Metadata.Labels = append(ev.Metadata.Labels, "kind:"+key)
}

// Text gives a scalar's text to set, and returns it; "" if there is none.
func Text(v jsondoc.Value, set func(string)) string {
	if empty(v) {
		return ""
	}
	text := v.Text()
	if text != "" {
		v.Use()
		set(text)
	}
	return text
}

// Bool gives set a bool, also one that the source wrote as a text: "true", "No".
func Bool(v jsondoc.Value, set func(bool)) {
	if empty(v) {
		return
	}
	if b, ok := ParseBool(v.Text()); ok {
		v.Use()
		set(b)
	}
}

// ParseBool reads true and false, yes and no, in any case.
func ParseBool(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"), strings.EqualFold(s, "yes"):
		return true, true
	case strings.EqualFold(s, "false"), strings.EqualFold(s, "no"):
		return false, true
	}
	return false, false
}

// Int32 gives set a whole number that fits.
func Int32(v jsondoc.Value, set func(int32)) {
	if empty(v) {
		return
	}
	if n, ok := v.Int(); ok && math.MinInt32 <= n && n <= math.MaxInt32 {
		v.Use()
		set(int32(n))
	}
}

// Time gives set a time in milliseconds, from any text that ParseTime reads, and
// tells whether it did.
func Time(v jsondoc.Value, set func(int64)) bool {
	if empty(v) {
		return false
	}
	s, ok := v.Str()
	if !ok {
		return false
	}
	ms, ok := ParseTime(s)
	if ok {
		v.Use()
		set(ms)
	}
	return ok
}

// Data gives set a whole value as JSON; it is the home of parts of a record that
// have no schema, such as a request's parameters.
func Data(v jsondoc.Value, set func(ocsf.JSON)) {
	if empty(v) {
		return
	}
	v.Use()
	set(ocsf.JSON(v.JSON()))
}

// Endpoint puts an address of unknown kind where its kind belongs: an IP address
// to ip, "AWS Internal" or "203.0.113.300" to name. It tells whether it was an IP.
func Endpoint(address string, ip, name func(string)) bool {
	if IsIP(address) {
		ip(address)
		return true
	}
	name(address)
	return false
}
