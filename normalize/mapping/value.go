package mapping

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// target is an attribute as something that values are put into.
type target struct {
	attribute *ocsf.Attribute
	field     *ocsfcel.Field
	fits      func(string) bool // of a text: format and length
	isTime    bool
}

func newTarget(object string, a *ocsf.Attribute) target {
	return target{attribute: a, field: fieldOf(object, a.Name), fits: textCheck(a), isTime: a.Type == "timestamp_t"}
}

func fieldOf(object, attribute string) *ocsfcel.Field { return ocsfcel.FieldOf(object, attribute) }

// textCheck is the check of an attribute's texts, without regular expressions for the
// types that records have most.
func textCheck(a *ocsf.Attribute) func(string) bool {
	switch a.Type {
	case "ip_t":
		return normalize.IsIP
	case "hostname_t":
		return normalize.IsHostname
	case "email_t":
		return normalize.IsEmail
	case "url_t":
		return normalize.IsURL
	}
	if a.Kind == ocsf.KindString && a.Enum != nil {
		return func(s string) bool {
			return slices.ContainsFunc(a.Enum, func(v ocsf.EnumValue) bool { return v.Text == s })
		}
	}
	return facts.Load().TextCheck(a.Type)
}

// node puts a value of the record into the attribute of owner, and marks it as used if
// the attribute holds it. What says nothing is used as well; what is of another kind
// is left for unmapped. owner makes the object that has the attribute, if need be.
func (t *target) node(v jsondoc.Value, owner func() any) {
	switch kind := v.Kind(); {
	case kind == jsondoc.Absent:
	case kind == jsondoc.Null, kind == jsondoc.String && v.Text() == "":
		v.Use()
	case t.attribute.Array:
		t.list(v, owner)
	case t.attribute.Kind == ocsf.KindJSON:
		t.field.SetJSON()(owner(), ocsf.JSON(v.JSON()))
		v.Use()
	case kind != jsondoc.Object && kind != jsondoc.Array && t.text(v.Text(), kind == jsondoc.String, owner):
		v.Use()
	}
}

// list puts each text of an array, or a single one, into a list of texts.
func (t *target) list(v jsondoc.Value, owner func() any) {
	add := func(e jsondoc.Value) {
		if text := e.Text(); text != "" && t.fits(text) {
			t.field.AddText()(owner(), text)
			e.Use()
		}
	}
	if v.Kind() != jsondoc.Array {
		add(v)
		return
	}
	for e := range v.Elements {
		add(e)
	}
}

// text puts the text of a scalar into the attribute; false if it is of another kind.
func (t *target) text(s string, isString bool, owner func() any) bool {
	switch t.attribute.Kind {
	case ocsf.KindString:
		if !t.fits(s) {
			return false
		}
		t.field.SetText()(owner(), s)
		return true
	case ocsf.KindBool:
		b, ok := normalize.ParseBool(s)
		if ok {
			t.field.SetTruth()(owner(), b)
		}
		return ok
	case ocsf.KindFloat64:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return false
		}
		t.field.SetFloat()(owner(), f)
		return true
	}
	if t.isTime {
		ms, ok := parseTime(s)
		return ok && t.field.SetNumber()(owner(), ms)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || isString && strconv.FormatInt(n, 10) != s {
		return false // "007" and "+7" are more than the number
	}
	return t.number(n, owner)
}

// number puts an integer into the attribute.
func (t *target) number(n int64, owner func() any) bool {
	a := t.attribute
	if a.Enum != nil {
		if !slices.ContainsFunc(a.Enum, func(v ocsf.EnumValue) bool { return v.Value == n }) {
			return false
		}
	} else if !facts.Load().FitsNumber(a.Type, n) || a.Kind == ocsf.KindInt32 && n != int64(int32(n)) {
		return false
	}
	return t.field.SetNumber()(owner(), n)
}

// value puts what an expression gave into the attribute. A value of the record is
// put, and used, as a path's would be.
func (t *target) value(v ref.Val, owner func() any) {
	switch v := v.(type) {
	case ocsfcel.JSON:
		t.node(v.Node(), owner)
	case types.String:
		switch {
		case v == "":
		case t.attribute.Array:
			if t.fits(string(v)) {
				t.field.AddText()(owner(), string(v))
			}
		default:
			t.text(string(v), true, owner)
		}
	case types.Int:
		if t.attribute.Kind == ocsf.KindFloat64 {
			t.field.SetFloat()(owner(), float64(v))
		} else {
			t.number(int64(v), owner)
		}
	case types.Bool:
		t.field.SetTruth()(owner(), bool(v))
	case types.Double:
		if f := float64(v); !math.IsInf(f, 0) && !math.IsNaN(f) {
			t.field.SetFloat()(owner(), f)
		}
	case types.Timestamp:
		if ms := v.UnixMilli(); ms != 0 { // what timestamp() gives for what is none
			t.field.SetNumber()(owner(), ms)
		}
	}
}

// takes tells whether values of a type can go into the attribute, else how to make
// them so.
func (t *target) takes(of *types.Type) (advice string, ok bool) {
	if of.TypeName() == ocsfcel.JSONType.TypeName() {
		return "", true
	}
	kind := of.Kind()
	switch t.attribute.Kind {
	case ocsf.KindString:
		return "write string(...)", kind == types.StringKind
	case ocsf.KindBool:
		return "compare it with something", kind == types.BoolKind
	case ocsf.KindFloat64:
		return "write double(...)", kind == types.DoubleKind || kind == types.IntKind
	case ocsf.KindJSON:
		return "give it a value of the record", false
	}
	if t.isTime {
		return "write timestamp(...), or name the field alone", kind == types.TimestampKind
	}
	return "write int(...), or a constant of the enum", kind == types.IntKind
}

// parseTime reads a time in milliseconds: a text that normalize.ParseTime reads, or a
// number of seconds, milliseconds, microseconds or nanoseconds since 1970; its size
// tells which, from the year 1973 on.
func parseTime(s string) (ms int64, ok bool) {
	if s == "" || s[0] < '0' || s[0] > '9' || strings.ContainsAny(s, "-:/T") {
		return normalize.ParseTime(s)
	}
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return 0, false
	}
	switch {
	case n < 1e11:
		ms = n * 1000
		if fraction != "" {
			n, err := strconv.ParseUint((fraction + "00")[:3], 10, 16)
			if err != nil {
				return 0, false
			}
			ms += int64(n)
		}
	case n < 1e14:
		ms = n
	case n < 1e17:
		ms = n / 1e3
	default:
		ms = n / 1e6
	}
	return ms, n >= 1e8
}
