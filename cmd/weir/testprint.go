package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// print writes results in the form that was asked for.
func (o *testOptions) print(w io.Writer, results []testResult) error {
	switch o.format {
	case "json":
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		return out.Encode(results)
	case "junit":
		return printJUnit(w, results)
	case "github":
		return annotateTests(w, results)
	}
	return printTests(w, results)
}

func printTests(w io.Writer, results []testResult) error {
	passed := 0
	for _, r := range results {
		if r.Passed {
			passed++
			continue
		}
		text := fmt.Sprintf("%s:%d:%d: %s: %s", r.File, r.Line, r.Column, r.Rule, r.Test)
		for _, f := range r.Failures {
			text += "\n    " + strings.ReplaceAll(f, "\n", "\n    ")
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	if passed < len(results) || passed == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "ok: %s of %s\n", count(passed, "test"), subjects(results))
	return err
}

// annotateTests shows failed tests at their lines of a pull request.
func annotateTests(w io.Writer, results []testResult) error {
	for _, r := range results {
		if r.Passed {
			continue
		}
		a := annotation{"error", r.File, r.Line, r.Column, 0, "weir test: " + r.Rule + ": " + r.Test, strings.Join(r.Failures, "\n")}
		if err := a.print(w); err != nil {
			return err
		}
	}
	return nil
}

// JUnit's XML as the schema of Jenkins (junit-10.xsd) has it, which GitLab and GitHub
// actions read, too: a suite for each rule. A case has no place there; its failure's text
// begins with it.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`

		took time.Duration
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		File     string      `xml:"file,attr"`
		Cases    []junitCase `xml:"testcase"`

		took time.Duration
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		ClassName string        `xml:"classname,attr"`
		Time      string        `xml:"time,attr"`
		Failure   *junitFailure `xml:"failure,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

func printJUnit(w io.Writer, results []testResult) error {
	all := junitSuites{Name: "weir test"}
	for _, r := range results {
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != r.Rule {
			all.Suites = append(all.Suites, junitSuite{Name: r.Rule, File: r.File})
		}
		suite := &all.Suites[len(all.Suites)-1]
		c := junitCase{Name: clean(r.Test), ClassName: r.Rule, Time: seconds(r.took)}
		if !r.Passed {
			text := clean(strings.Join(r.Failures, "\n"))
			first, _, _ := strings.Cut(text, "\n")
			c.Failure = &junitFailure{Message: first, Type: "alerts", Text: fmt.Sprintf("%s:%d:%d\n%s", r.File, r.Line, r.Column, text)}
			suite.Failures++
			all.Failures++
		}
		suite.Cases = append(suite.Cases, c)
		suite.Tests++
		all.Tests++
		suite.took += r.took
		all.took += r.took
	}
	for i := range all.Suites {
		all.Suites[i].Time = seconds(all.Suites[i].took)
	}
	all.Time = seconds(all.took)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	out := xml.NewEncoder(w)
	out.Indent("", "  ")
	if err := out.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }

// clean takes away what XML cannot hold.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return '\ufffd'
		}
		return r
	}, s)
}
