package detections

import (
	"bytes"
	"encoding/json"
	"fmt"
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
