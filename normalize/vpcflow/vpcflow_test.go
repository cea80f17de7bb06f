package vpcflow_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/normalize/vpcflow"
	"github.com/weir-security/weir/schemas/jsondoc"
)

var suite = maptest.Suite{
	Source:    "network.vpcflow",
	New:       func() normalize.Mapper { return vpcflow.New() },
	Kept:      kept,
	Converted: converted,
}

// words are what the words of a flow have become.
var words = map[string]string{"ACCEPT": "Allowed", "REJECT": "Denied", "ingress": "Inbound", "egress": "Outbound"}

// converted gives what a field's value has become: seconds are milliseconds.
func converted(text string) []string {
	if text == "null" || text == "-" {
		return []string{"network.vpcflow"} // absent
	}
	list := []string{words[text]}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		list = append(list, strconv.FormatInt(n*1000, 10), strconv.FormatInt(n, 10), strconv.FormatInt(n+3, 10))
	}
	return list
}

// kept looks for the fields of a line.
func kept(record, eventJSON []byte) (lost []string) {
	_, line, ok := strings.Cut(string(record), "\n")
	if !ok {
		line = string(record)
	}
	var doc jsondoc.Doc
	if err := doc.Parse(eventJSON); err != nil {
		return []string{err.Error()}
	}
	held := map[string]bool{}
	var walk func(v jsondoc.Value)
	walk = func(v jsondoc.Value) {
		held[v.Text()] = true
		for _, member := range v.Members {
			walk(member)
		}
		for element := range v.Elements {
			walk(element)
		}
	}
	walk(doc.Root())
next:
	for _, field := range strings.Fields(normalize.ValidText(line)) {
		for _, text := range append(converted(field), field) {
			if held[text] && text != "" {
				continue next
			}
		}
		lost = append(lost, field)
	}
	return lost
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestMutants(t *testing.T) { suite.Mutate(t, "object_hyphens", "object_camel_case") }

// Panther's flows have no times, so they need one to become events.
func TestLabelled(t *testing.T) {
	suite.Labelled(t, `"start":1651646498`, 0, "panther_vpcflow.ndjson")
}

func TestCorpus(t *testing.T) {
	suite.Corpus(t, "vpcflow/awscl_vpcflow.ndjson")
}

func TestFormats(t *testing.T) {
	format, err := vpcflow.ParseFormat("${version} ${srcaddr} ${dstaddr} ${start} ${end} ${action}")
	if err != nil {
		t.Fatal(err)
	}
	line := "5 192.0.2.7 10.0.0.9 1795168800 1795168860 REJECT"
	if got := vpcflow.LineDialect(line); got != "" {
		t.Errorf("a custom line is %q without its format", got)
	}
	if got := vpcflow.NewLineDialect(format)(line); got != "custom" {
		t.Errorf("dialect %q, want custom", got)
	}
	custom := maptest.Suite{Source: "network.vpcflow", New: func() normalize.Mapper { return vpcflow.New(format) }, Kept: kept}
	custom.Line(t, line)
	for _, bad := range []string{"", "${srcaddr}", "${srcaddr} ${source}", "${srcaddr} ${srcaddr}"} {
		if _, err := vpcflow.ParseFormat(bad); err == nil {
			t.Errorf("format %q is taken", bad)
		}
	}
}

func TestDialect(t *testing.T) {
	var doc jsondoc.Doc
	for record, want := range map[string]string{
		`{"srcAddr":"10.0.0.1","dstAddr":"192.168.1.1","flowDirection":"egress"}`: "object",
		`{"src_addr":"10.0.0.1"}`: "",
		`{"srcaddr":"10.0.0.1","query_name":"example.com","account_id":"111122223333"}`:                 "",
		`{"sourceaddress":"10.0.0.1","destinationaddress":"10.0.0.2","numbytes":"1","action":"ACCEPT"}`: "object",
	} {
		if err := doc.ParseString(record); err != nil {
			t.Fatal(err)
		}
		if got := vpcflow.Dialect(doc.Root()); got != want {
			t.Errorf("Dialect(%s) is %q, want %q", record, got, want)
		}
	}
	for line, want := range map[string]string{
		"2 111122223333 eni-1 192.0.2.1 10.0.0.1 1 2 6 1 40 1795168800 1795168860 ACCEPT OK": "default",
		"version srcaddr\n5 192.0.2.1": "header",
		"version srcaddr":              "",
		`192.0.2.1 - - [18/Nov/2026:09:04:05 +0000] "GET / HTTP/1.1" 200 1 "-" "-"`: "",
	} {
		if got := vpcflow.LineDialect(line); got != want {
			t.Errorf("LineDialect(%q) is %q, want %q", line, got, want)
		}
	}
}

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, "version start srcaddr\n2 1795168800 192.0.2.1", `{"start":1,"srcaddr":"192.0.2.1","srcAddr":"::1"}`)
}

func BenchmarkMap(b *testing.B) { suite.Benchmark(b, "default_accept", "v5_egress") }
