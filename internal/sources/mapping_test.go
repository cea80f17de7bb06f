package sources_test

import (
	"testing"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/normalize/mapping"
)

func m365(t *testing.T) *mapping.Mapping {
	t.Helper()
	language, err := detections.RawLanguage()
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Load("../../deploy/mappings/m365.audit.yaml", mapping.Options{Language: language, Builtin: sources.Builtin().Names()})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A source with a mapping is a row like any other, and takes no record of weir's own
// sources.
func TestMapping(t *testing.T) {
	m := m365(t)
	table, err := sources.New(sources.Options{Mappings: []*mapping.Mapping{m}})
	if err != nil {
		t.Fatal(err)
	}
	if s, known := table.Lookup("m365.audit"); !known || s.NewMapper == nil {
		t.Fatal("m365.audit is not in the table")
	}
	for i := range m.Tests {
		source, dialect := table.Detect(m.Tests[i].Record())
		if wanted := m.Tests[i].Name != "a record without a time"; (source == "m365.audit") != wanted {
			t.Errorf("%s: found %q %q", m.Tests[i].Name, source, dialect)
		}
	}
	for _, s := range goldenSets(t) {
		for _, record := range s.records {
			if source, _ := table.Detect(record); source == "m365.audit" {
				t.Errorf("%s is taken for m365.audit: %s", s.name, record)
			}
		}
	}
	if _, err := sources.New(sources.Options{Mappings: []*mapping.Mapping{m, m}}); err == nil {
		t.Error("a source has two mappings")
	}
}
