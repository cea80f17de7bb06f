package jsondoc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// FuzzAgainstJSONv2 holds the reader against the tokens of encoding/json/v2, by the
// module that it grew up in, which needs no GOEXPERIMENT. What the two disagree on is
// decided and listed here:
//
//	nesting above 64, more than 64 duplicates   refused by us alone
//	a key that comes twice                      v2 refuses it; we keep the last and flag it
//	bytes that are no UTF-8                     v2 refuses them; each reads as U+FFFD, flagged
//	a lone surrogate                            v2 refuses it; it reads as U+FFFD, flagged
//
// So whatever v2 takes we take without a flag, whatever we flag v2 refuses as it
// comes by default, and with what it can be told to allow both read the same.
func FuzzAgainstJSONv2(f *testing.F) {
	for _, seed := range []string{
		record, `{"a":1,"a":{"b":[]}}`, "{\"\xff\":\"\\ud800\\u0061\"}", ` [1.5e-3, -0, 1e400, true, null, "\u0000"] `, `{"a":{"a":1},"\u0061":[2]}`,
		`[[[[[]]]]]`, `"\ud83d\ude00"`, `"\ud83d\ud83d\ude00"`, "\ufeff{}", `{"a":1,}`, `01`, `[1]x`, strings.Repeat("[", 65), "\"\xe2\x82\"", `"\ud800\ud800"`, "[1\v]", `{"\ud800":1,"\ud801":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d jsondoc.Doc
		err := d.Parse(data)
		if err != nil && oursAlone(err) {
			return
		}
		_, strict := readV2(data)
		odd := d.Flags() &^ jsondoc.NUL
		if (strict == nil) != (err == nil && odd == 0) {
			t.Fatalf("v2 says %v, we say %v with %v", strict, err, d.Flags().Names())
		}
		want, lenient := readV2(data, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		if (lenient == nil) != (err == nil) {
			t.Fatalf("v2 that allows oddities says %v, we say %v", lenient, err)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(want, tree(d.Root())); diff != "" {
			t.Fatalf("reads differently (-encoding/json/v2 +jsondoc):\n%s", diff)
		}
	})
}

// readV2 reads one value and demands that nothing follows it.
func readV2(data []byte, opts ...jsontext.Options) (any, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(data), opts...)
	v, err := valueV2(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows")
	}
	return v, nil
}

func valueV2(dec *jsontext.Decoder) (any, error) {
	token, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{':
		m := map[string]any{}
		for dec.PeekKind() != '}' {
			name, err := dec.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String()
			if m[key], err = valueV2(dec); err != nil {
				return nil, err
			}
		}
		_, err := dec.ReadToken()
		return m, err
	case '[':
		list := []any{}
		for dec.PeekKind() != ']' {
			v, err := valueV2(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.ReadToken()
		return list, err
	case '"':
		return token.String(), nil
	case '0':
		return json.Number(token.String()), nil
	case 't', 'f':
		return token.Bool(), nil
	}
	return nil, nil
}
