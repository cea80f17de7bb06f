package cloudtrail

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-security/weir/schemas/jsondoc"
)

func TestParsePresto(t *testing.T) {
	tests := []struct{ text, want string }{
		{`{type=Root, principalid=1, username=null}`, `{"type":"Root","principalId":"1","userName":null}`},
		{`{a={b=[{c=d}, {c=}], e=f}}`, `{"a":{"b":[{"c":"d"},{"c":null}],"e":"f"}}`},
		{`{key=a, b/c.pdf, x-amz-acl=private}`, `{"key":"a, b/c.pdf","x-amz-acl":"private"}`},
		{`{policy=a{"x": [1]}b, q="\}`, `{"policy":"a{\"x\": [1]}b","q":"\"\\"}`},
		{`{}`, `{}`},
		{`{a=b`, ``},
		{`{a}`, ``},
		{`{a=b}}`, ``},
		{`{=b}`, ``},
	}
	for _, tt := range tests {
		var doc jsondoc.Doc
		got := ""
		if parsePresto(&doc, tt.text) {
			got = doc.Root().JSON()
		}
		if got != tt.want {
			t.Errorf("%s\nreads as %s\nwant     %s", tt.text, got, tt.want)
		}
	}
}

func FuzzParsePresto(f *testing.F) {
	f.Add(`{a={b=[{c=d, e=}], f=g}, h=null}`)
	f.Fuzz(func(t *testing.T, text string) {
		var doc jsondoc.Doc
		if parsePresto(&doc, text) && !doc.Root().Exists() {
			t.Error("read, and nothing is there")
		}
	})
}

// Each row of the tables can be followed, and says what an event can hold.
func TestTables(t *testing.T) {
	for service, keys := range resources {
		for key, rows := range keys {
			for _, row := range rows {
				if key == "" || row.kind == "" && row.arn != "" {
					t.Errorf("%s %s: a resource without a type: %+v", service, key, row)
				}
				for i := range row.arn {
					if row.arn[i] == '$' && i > 0 && row.arn[i-1] != ':' && row.arn[i-1] != '/' && row.arn[i-1] != 'r' {
						t.Errorf("%s %s: arn %s", service, key, row.arn)
					}
				}
			}
		}
	}
	for key, op := range operations {
		if op.class.Name() == "" || key.eventSource == "" || key.eventName == "" {
			t.Errorf("%v: %+v", key, op)
		}
	}
}

// The page for rule authors names every operation of the table.
func TestPageNamesOperations(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "source-cloudtrail.md"))
	if err != nil {
		t.Fatal(err)
	}
	for key := range operations {
		service := strings.TrimSuffix(key.eventSource, ".amazonaws.com")
		named := regexp.MustCompile(`\b` + service + `: [\w, ]*\b` + key.eventName + `\b`)
		if !named.Match(page) {
			t.Errorf("docs/source-cloudtrail.md lacks %s: %s", service, key.eventName)
		}
	}
	if want := fmt.Sprintf("of %d services", len(resources)); !strings.Contains(string(page), want) {
		t.Errorf("docs/source-cloudtrail.md lacks %q", want)
	}
}
