package mapping_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-security/weir/internal/corpus"
	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/normalize/mapping"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

func suite(m *mapping.Mapping) maptest.Suite {
	return maptest.Suite{Source: m.Source, New: m.New, Converted: milliseconds}
}

// milliseconds are what a number of seconds, microseconds or nanoseconds becomes as a time.
func milliseconds(text string) []string {
	whole, fraction, _ := strings.Cut(text, ".")
	all := []string{whole + (fraction + "000")[:3]}
	for _, digits := range []int{3, 6} {
		if len(whole) > digits {
			all = append(all, whole[:len(whole)-digits])
		}
	}
	return all
}

// jsonMappings are the mappings of JSON that weir shows.
func jsonMappings(t *testing.T) []*mapping.Mapping {
	t.Helper()
	text, err := os.ReadFile("../../deploy/mappings/m365.audit.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return []*mapping.Mapping{
		parse(t, "docs/custom-sources.md", example(t, "source: acme.vpn\n")),
		parse(t, "m365.audit.yaml", string(text)),
	}
}

// TestMutants gives each value of each test's record in turn a value of each kind:
// what comes of it is valid, and nothing is lost.
func TestMutants(t *testing.T) {
	mappings := jsonMappings(t)
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("testdata", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, m := range mappings {
		var names []string
		for i := range m.Tests {
			name := fmt.Sprintf("%s-%d", m.Source, i)
			golden := "-- record.json --\n" + string(m.Tests[i].Record()) + "\n"
			if err := os.WriteFile(filepath.Join("testdata", name+".txtar"), []byte(golden), 0o600); err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
		suite(m).Mutate(t, names...)
		suite(m).MutateKept(t, names...)
	}
}

// TestCorpus maps what there is of the logs that a mapping is for.
func TestCorpus(t *testing.T) {
	m := jsonMappings(t)[1]
	mapper := m.New()
	for _, file := range corpus.Glob(t, "raw", "m365", "*.ndjson") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSpace(line)
			var doc jsondoc.Doc
			var ev ocsf.Event
			if err := doc.ParseString(line); err != nil || m.Dialect(doc.Root()) == "" {
				t.Errorf("not recognised: %v, %s", err, line)
			} else if err := mapper.Map(suite(m).Record([]byte(line)), &ev); err != nil {
				t.Errorf("%v: %s", err, line)
			} else {
				suite(m).Check(t, []byte(line), &ev)
			}
		}
	}
}

// TestFailure is an expression that fails at run time: a dead letter with a reason.
func TestFailure(t *testing.T) {
	m := parse(t, "failing.yaml", `
source: acme.vpn
title: Acme VPN gateway
product: {name: Acme VPN, vendor: Acme}
format: json
events:
  - class: base_event
    set:
      time: raw.ts
      activity_id: Activity.OTHER
      message: string(10 / int(raw.count))
tests:
  - {name: one, raw: '{"ts": 1794989564, "count": 2}', event: {message: "5"}}
  - {name: none, raw: '{"ts": 1794989564}', error: invalid_output}
`)
	runTests(t, m)
}

// TestTimes are the forms of a time that a path alone takes.
func TestTimes(t *testing.T) {
	const want = 1794989564512
	m := parse(t, "acme.vpn", example(t, "source: acme.vpn\n"))
	mapper := m.New()
	for _, text := range []string{`"2026-11-18T08:12:44.512Z"`, `"2026-11-18 08:12:44.512"`, `"2026-11-18T09:12:44.512+01:00"`,
		`1794989564.512`, `1794989564512`, `"1794989564512"`, `1794989564512345`, `1794989564512345678`} {
		var ev ocsf.Event
		rec := event.Record{Value: []byte(`{"type": "login", "vpn_user": "alice", "ts": ` + text + `}`)}
		if err := mapper.Map(&rec, &ev); err != nil || ev.Time() != want {
			t.Errorf("%s: %d, %v; want %d", text, ev.Time(), err, want)
		}
	}
	for _, text := range []string{`"yesterday"`, `""`, `null`, `true`, `-5`, `0`, `17`, `"99999999999999999999"`, `[]`, `1e300`} {
		var ev ocsf.Event
		rec := event.Record{Value: []byte(`{"type": "login", "vpn_user": "alice", "ts": ` + text + `}`)}
		if err := mapper.Map(&rec, &ev); err == nil {
			t.Errorf("%s: is the time %d", text, ev.Time())
		}
	}
}

func FuzzMap(f *testing.F) {
	m := parse(f, "docs/custom-sources.md", example(f, "source: acme.vpn\n"))
	var seeds []string
	for i := range m.Tests {
		seeds = append(seeds, string(m.Tests[i].Record()))
	}
	suite(m).Fuzz(f, seeds...)
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	o := options(f)
	f.Fuzz(func(_ *testing.T, data []byte) {
		m, err := mapping.Parse("fuzz.yaml", data, o)
		if err != nil {
			return
		}
		for i := range m.Tests {
			m.Run(&m.Tests[i]) // no panic
		}
	})
}
