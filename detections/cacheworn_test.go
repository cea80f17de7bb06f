package detections

import (
	"fmt"
	"testing"
	"testing/fstest"
)

// TestCacheIsNotWornOut: what rules that have changed shared does not stay for ever.
func TestCacheIsNotWornOut(t *testing.T) {
	cache := NewCache()
	load := func(operation string) *RuleSet {
		t.Helper()
		rs, err := LoadFS(fstest.MapFS{RootFile: {Data: []byte("format: 1\n")}, "r.yaml": {Data: []byte(`id: r
title: r
status: stable
severity: low
class: api_activity
when: api.operation == "` + operation + `"
tests: [{name: a, source: s, raw: "{}", alerts: [{}]}, {name: b, source: s, raw: "{}", alerts: []}]
`)}}, LoadOptions{Cache: cache})
		if err != nil {
			t.Fatal(err)
		}
		return rs
	}
	first := load("A")
	compiler := cache.compiler
	for i := range 5 {
		load(fmt.Sprint("B", i))
	}
	if cache.compiler != compiler || cache.compiled != 6 {
		t.Errorf("%d rules were compiled, by another compiler: %v", cache.compiled, cache.compiler != compiler)
	}
	cache.compiled = 10_000
	again := load("A")
	if cache.compiler == compiler || cache.compiled != 1 || again.Digest() != first.Digest() {
		t.Errorf("the compiler is kept: %d rules were compiled", cache.compiled)
	}
}
