package detections

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weir-security/weir/internal/suggest"
)

// mergePatch applies a JSON Merge Patch (RFC 7396) to a document.
func mergePatch(document, patch []byte) ([]byte, error) {
	d, err := decodeJSON(document)
	if err != nil {
		return nil, fmt.Errorf("patch the record: it is no JSON: %w", err)
	}
	p, err := decodeJSON(patch)
	if err != nil {
		return nil, fmt.Errorf("read the patch: %w", err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(merge(d, p)); err != nil {
		return nil, fmt.Errorf("patch the record: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// uselessPatch finds what a patch surely does not mean, of every record that it is for:
// to remove a member that is not there, or a path in place of a member. The test would
// go on without the patch, and a silent one pass for nothing.
func uselessPatch(records [][]byte, patch []byte) error {
	p, err := decodeJSON(patch)
	if err != nil {
		return nil // applying it says so
	}
	var first error
	for _, record := range records {
		d, err := decodeJSON(record)
		if err != nil {
			return nil
		}
		mistake := patchMistake(d, p, "")
		if mistake == nil {
			return nil
		}
		if first == nil {
			first = mistake
		}
	}
	return first
}

// patchMistake is uselessPatch for one record.
func patchMistake(target, patch any, path string) error {
	p, ok := patch.(map[string]any)
	t, isObject := target.(map[string]any)
	if !ok || !isObject {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(p)) {
		before, after, dotted := strings.Cut(key, ".")
		_, isThere := t[key]
		below, leadsOn := t[before].(map[string]any)
		_, deeper := below[strings.SplitN(after, ".", 2)[0]]
		switch {
		case isThere:
			if err := patchMistake(t[key], p[key], path+key+"."); err != nil {
				return err
			}
		case dotted && leadsOn && deeper:
			return fmt.Errorf("set: %q is a member of that name, not a path; write {%s: {%s: ...%s}", path+key, before, strings.ReplaceAll(after, ".", ": {"), strings.Repeat("}", strings.Count(key, ".")))
		case p[key] == nil:
			return fmt.Errorf("set: the record has no %s to remove%s", path+key, suggest.Hint(key, slices.Sorted(maps.Keys(t))))
		}
	}
	return nil
}

func merge(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	t, ok := target.(map[string]any)
	if !ok {
		t = map[string]any{}
	}
	for key, value := range p {
		if value == nil {
			delete(t, key)
		} else {
			t[key] = merge(t[key], value)
		}
	}
	return t
}

// decodeJSON keeps numbers as they are written.
func decodeJSON(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	err := decoder.Decode(&v)
	return v, err
}
