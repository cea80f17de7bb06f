package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// junitRules are the rules of the schema junit-10.xsd, by which Jenkins' xUnit plugin
// accepts a report or refuses it whole, for the elements that weir writes: which
// attributes an element may have (with ! those that it must have), and what it may hold.
var junitRules = map[string]struct {
	attributes []string
	children   []string
	text       bool
}{
	"":           {nil, []string{"testsuites"}, false},
	"testsuites": {[]string{"name", "time", "tests", "failures", "errors"}, []string{"testsuite"}, false},
	"testsuite": {[]string{"name!", "tests!", "failures!", "errors!", "group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
		[]string{"testsuite", "properties", "testcase", "system-out", "system-err"}, false},
	"testcase": {[]string{"name!", "time", "classname", "group"},
		[]string{"skipped", "error", "failure", "rerunFailure", "rerunError", "flakyFailure", "flakyError", "system-out", "system-err"}, false},
	"failure": {[]string{"type", "message"}, nil, true},
}

// surefireTime is the schema's SUREFIRE_TIME.
var surefireTime = regexp.MustCompile(`^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?$`)

// checkJUnit holds a report against the schema, and its numbers against what it holds.
func checkJUnit(report []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(report))
	type element struct {
		name  string
		count map[string]int // of cases and failures below
		says  map[string]string
	}
	open := []element{{count: map[string]int{}}}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		last := &open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			rules, known := junitRules[name]
			if !known || !slices.Contains(junitRules[last.name].children, name) {
				return fmt.Errorf("<%s> within <%s>", name, last.name)
			}
			says := map[string]string{}
			for _, a := range token.Attr {
				if !slices.Contains(rules.attributes, a.Name.Local) && !slices.Contains(rules.attributes, a.Name.Local+"!") {
					return fmt.Errorf("<%s> has the attribute %s", name, a.Name.Local)
				}
				if a.Name.Local == "time" && !surefireTime.MatchString(a.Value) {
					return fmt.Errorf("<%s time=%q>", name, a.Value)
				}
				says[a.Name.Local] = a.Value
			}
			for _, a := range rules.attributes {
				if required, ok := strings.CutSuffix(a, "!"); ok && says[required] == "" {
					return fmt.Errorf("<%s> without %s", name, required)
				}
			}
			open = append(open, element{name, map[string]int{}, says})
		case xml.EndElement:
			done := *last
			open = open[:len(open)-1]
			outer := &open[len(open)-1]
			switch done.name {
			case "testcase":
				outer.count["tests"]++
			case "failure":
				outer.count["failures"]++
			}
			for what, n := range done.count {
				if done.name == "testsuite" || done.name == "testsuites" {
					if done.says[what] != strconv.Itoa(n) {
						return fmt.Errorf("<%s %s=%q> holds %d", done.name, what, done.says[what], n)
					}
				}
				outer.count[what] += n
			}
		case xml.CharData:
			if strings.TrimSpace(string(token)) != "" && !junitRules[last.name].text {
				return fmt.Errorf("text within <%s>", last.name)
			}
		}
	}
}

func TestJUnit(t *testing.T) {
	results := []testResult{
		{Rule: "a.one", Test: "fires", File: "rules/a/one.yaml", Line: 3, Column: 5, Passed: true, took: 1234567890 * time.Microsecond},
		{Rule: "a.one", Test: "a <b> & \"c\" ]]>\x00\x1b\ufffe", File: "rules/a/one.yaml", Line: 7, Column: 5, Failures: []string{"want <x>\n got ]]> & \x01", "\xff"}},
		{Rule: "b.two", Test: "silent", File: "rules/b/ü \"two\".yaml", Line: 3, Column: 5, Passed: true},
	}
	var out bytes.Buffer
	if err := printJUnit(&out, results); err != nil {
		t.Fatal(err)
	}
	if err := checkJUnit(out.Bytes()); err != nil {
		t.Errorf("%v\n%s", err, out.Bytes())
	}
	if !bytes.Contains(out.Bytes(), []byte(">rules/a/one.yaml:7:5")) {
		t.Errorf("the failure's place is not told: %s", out.Bytes())
	}
	out.Reset()
	if err := printJUnit(&out, nil); err != nil {
		t.Fatal(err)
	}
	if err := checkJUnit(out.Bytes()); err != nil {
		t.Errorf("a report without tests: %v\n%s", err, out.Bytes())
	}
}

// TestJUnitReaderIsStrict: what checkJUnit refuses.
func TestJUnitReaderIsStrict(t *testing.T) {
	for _, report := range []string{
		`<testsuite name="a" tests="0" failures="0" errors="0"/>`,
		`<testsuites><testcase name="a"/></testsuites>`,
		`<testsuites><testsuite name="a" tests="0" failures="0"/></testsuites>`,
		`<testsuites><testsuite name="a" tests="2" failures="0" errors="0"><testcase name="x"/></testsuite></testsuites>`,
		`<testsuites><testsuite name="a" tests="1" failures="0" errors="0"><testcase name="x" line="5"/></testsuite></testsuites>`,
		`<testsuites><testsuite name="a" tests="1" failures="0" errors="0"><testcase name="x" time="1s"/></testsuite></testsuites>`,
		`<testsuites><testsuite name="a" tests="1" failures="0" errors="0"><testcase name="x">text</testcase></testsuite></testsuites>`,
		`<testsuites>`,
	} {
		if checkJUnit([]byte(report)) == nil {
			t.Errorf("accepted: %s", report)
		}
	}
}
