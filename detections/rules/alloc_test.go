package rules_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// What an event may allocate that none of the built-in rules matches: what one of their
// conditions that hold makes of it (a group, a list, an attribute of JSON), and no
// machinery, such as a regular expression that is compiled again, which took 70.
const (
	mostAllocations = 25
	meanAllocations = 1.2
)

// TestFewAllocationsWithoutAMatch evaluates the built-in rules on the golden records of
// every source: most that none of them matches cost no memory.
func TestFewAllocationsWithoutAMatch(t *testing.T) {
	engine := load(t).NewEngine()
	table := sources.Builtin()
	mappers := rawlog.NewMappers(table, nil)
	silent, all, none, sum := map[string]int{}, 0, 0, 0.0
	err := filepath.WalkDir("../../normalize", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".txtar" {
			return err
		}
		archive, err := txtar.ParseFile(path)
		if err != nil || len(archive.Files) == 0 {
			return err
		}
		record := bytes.TrimSuffix(archive.Files[0].Data, []byte("\n"))
		var compact bytes.Buffer
		if json.Compact(&compact, record) == nil {
			record = compact.Bytes()
		}
		source, _ := table.Detect(record)
		var ev ocsf.Event
		if source == "" || mappers.Map(&event.Record{Source: source, Value: record, Origin: event.Origin{Object: path}}, &ev) != nil {
			return nil
		}
		signals := 0
		allocations := testing.AllocsPerRun(5, func() { engine.Evaluate(&ev, func(*detections.Signal) { signals++ }) })
		if signals > 0 {
			return nil
		}
		silent[source]++
		all++
		if sum += allocations; allocations == 0 {
			none++
		}
		if allocations > mostAllocations {
			t.Errorf("%s (%s): %v allocations", strings.TrimPrefix(path, "../../normalize/"), source, allocations)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d events of %d sources, %d without an allocation, %.2f in the mean", all, len(silent), none, sum/float64(all))
	if mean := sum / float64(all); mean > meanAllocations || 5*none < 4*all {
		t.Errorf("%.2f allocations in the mean, %d of %d events have none", mean, none, all)
	}
	if len(silent) < 15 {
		t.Errorf("events of %d sources match nothing, which shows too little", len(silent))
	}
}
