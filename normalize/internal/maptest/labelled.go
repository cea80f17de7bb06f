package maptest

import (
	"bytes"
	"testing"

	"github.com/weir-security/weir/internal/corpus"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Labelled maps every event of the corpus' labelled files, if the corpus is there.
// Many are cut down to what a rule asks for: one without a time gets the members
// given (JSON without its braces), so that the rest of it is seen. What is refused
// even then is told by its reason and must not be more than refused.
func (s Suite) Labelled(t *testing.T, members string, refused int, patterns ...string) {
	var files []string
	for _, pattern := range patterns {
		files = append(files, corpus.Glob(t, "labelled", pattern)...)
	}
	mapper := s.New()
	var ev ocsf.Event
	classes, errs := map[string]int{}, map[string]int{}
	for _, file := range files {
		for _, record := range labelled(t, file) {
			err := mapper.Map(s.Record(record), &ev)
			if err != nil {
				record = append([]byte("{"+members+","), bytes.TrimPrefix(bytes.TrimSpace(record), []byte("{"))...)
				err = mapper.Map(s.Record(record), &ev)
			}
			if err != nil {
				errs[err.Error()]++
				refused--
				continue
			}
			classes[ev.Class().Name()]++
			s.Check(t, record, &ev)
		}
	}
	t.Logf("events %v, errors %v", classes, errs)
	if refused < 0 || len(classes) == 0 {
		t.Errorf("%d records more than known were refused", -refused)
	}
}

// labelled reads the events of a file, a line for each test of a rule.
func labelled(t *testing.T, file string) (list [][]byte) {
	var doc jsondoc.Doc
	for _, line := range records(t, file) {
		if err := doc.Parse(line); err != nil {
			t.Fatal(err)
		}
		if event := doc.Root().Get("event"); event.Exists() {
			list = append(list, []byte(event.JSON()))
		}
		for event := range doc.Root().Get("events").Elements {
			list = append(list, []byte(event.JSON()))
		}
	}
	return list
}

// Line maps one record and checks its event.
func (s Suite) Line(t *testing.T, record string) {
	t.Helper()
	var ev ocsf.Event
	if err := s.New().Map(s.Record([]byte(record)), &ev); err != nil {
		t.Fatalf("%v: %s", err, record)
	}
	s.Check(t, []byte(record), &ev)
}
