package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/yamlpos"
)

// TestSARIF: a problem with a fix, a warning, and one of a file as a whole.
func TestSARIF(t *testing.T) {
	doc := yamlpos.Parse("rules/a b/ü.yaml", []byte("id: x\ntags: [\"hihg\", ü hihg]\n"))
	doc.Report(2, 8, "tags[0]", `unknown value "hihg"; did you mean "high"?`)
	doc.Warn(2, 18, "tags[1]", "also holds when x is absent")
	problems := append(doc.Problems(), detections.Problem{File: "/srv/rules/c.yml", Message: "rule files end in .yaml; rename it"})
	var out bytes.Buffer
	if err := printSARIF(&out, problems); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Runs []struct {
			Results []json.RawMessage
			Tool    struct {
				Driver struct{ Rules []struct{ ID string } }
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	results := log.Runs[0].Results
	if len(results) != 3 || len(log.Runs[0].Tool.Driver.Rules) != len(detections.Kinds) {
		t.Fatalf("%d results, %d rules", len(results), len(log.Runs[0].Tool.Driver.Rules))
	}
	want := `{
        "ruleId": "unknown-name",
        "ruleIndex": 3,
        "level": "error",
        "message": {"text": "tags[0]: unknown value \"hihg\"; did you mean \"high\"?"},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": "rules/a%20b/%C3%BC.yaml"},
                "region": {"startLine": 2, "startColumn": 8, "endColumn": 14, "snippet": {"text": "tags: [\"hihg\", ü hihg]"}}
            },
            "logicalLocations": [{"fullyQualifiedName": "tags[0]"}]
        }],
        "fixes": [{
            "description": {"text": "write high"},
            "artifactChanges": [{
                "artifactLocation": {"uri": "rules/a%20b/%C3%BC.yaml"},
                "replacements": [{"deletedRegion": {"startLine": 2, "startColumn": 9, "endColumn": 13}, "insertedContent": {"text": "high"}}]
            }]
        }]
    }`
	var got, wanted map[string]any
	if err := json.Unmarshal(results[0], &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if prints, _ := got["partialFingerprints"].(map[string]any); len(prints) != 1 {
		t.Errorf("fingerprints %v", prints)
	}
	delete(got, "partialFingerprints")
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Error(diff)
	}
	for i, part := range []string{`"level": "error"`, `"level": "warning"`, `"uri": "file:///srv/rules/c.yml"`} {
		if !bytes.Contains(results[i], []byte(part)) {
			t.Errorf("result %d lacks %s: %s", i, part, results[i])
		}
	}
	if bytes.Contains(results[2], []byte("region")) {
		t.Errorf("a problem of a file as a whole has a region: %s", results[2])
	}
}

func TestAnnotation(t *testing.T) {
	var out bytes.Buffer
	if err := (annotation{"error", "a,b:c.yaml", 3, 4, 9, "100% wrong", "one\r\ntwo: 5%, three"}).print(&out); err != nil {
		t.Fatal(err)
	}
	want := "::error file=a%2Cb%3Ac.yaml,line=3,endLine=3,col=4,endColumn=9,title=100%25 wrong::one%0D%0Atwo: 5%25, three\n"
	if out.String() != want {
		t.Errorf("got %q\nwant %q", out.String(), want)
	}
}
