package detections

import (
	"encoding/json"
	"math"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// groupOf is the canonical form of an event's group: a JSON array of the values,
// null for an absent one. complete is false if one is absent or cannot be
// computed; err is why.
func groupOf(keys []*expr.Expr, s *expr.Scope) (group string, complete bool, err error) {
	if len(keys) == 0 {
		return "", true, nil
	}
	text, complete := []byte{'['}, true
	for i, key := range keys {
		if i > 0 {
			text = append(text, ',')
		}
		value := "null"
		if key.Present(s) {
			v, evalErr := key.Eval(s)
			if evalErr != nil {
				err = evalErr
			} else {
				value = canonical(v, key.Path == "")
			}
		}
		complete = complete && value != "null"
		text = append(text, value...)
	}
	return string(append(text, ']')), complete, err
}

// canonical is a scalar as JSON. computed tells that it is no attribute itself:
// then an empty text is what a function made of an absent attribute.
func canonical(v ref.Val, computed bool) string {
	switch v := v.(type) {
	case types.String:
		if v == "" && computed {
			return "null"
		}
		return quoteJSON(string(v))
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return quoteJSON(valueText(v)) // JSON has no such numbers, and a log may
		}
	case types.Timestamp:
		return strconv.FormatInt(v.UnixMilli(), 10)
	case types.Duration:
		return strconv.FormatInt(v.Milliseconds(), 10)
	case ocsfcel.JSON:
		switch v.Kind() {
		case jsondoc.Absent, jsondoc.Null:
			return "null"
		case jsondoc.String:
			return quoteJSON(v.Text())
		}
		return v.JSON()
	}
	return valueText(v)
}

func quoteJSON(s string) string {
	text, _ := json.Marshal(s) // a string always has a JSON form
	return string(text)
}
