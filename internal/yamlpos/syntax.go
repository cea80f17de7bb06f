package yamlpos

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// isText reports what is no text in UTF-8 with lines: the first byte that is none.
func (d *Document) isText(src []byte) bool {
	report := func(at int, format string, args ...any) bool {
		before := string(src[:at])
		d.Report(strings.Count(before, "\n")+1, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])+1, "", format, args...)
		return false
	}
	for i := 0; i < len(src); {
		c, n := utf8.DecodeRune(src[i:])
		switch {
		case c == utf8.RuneError && n == 1:
			return report(i, "not UTF-8 (byte 0x%02x); save the file as UTF-8", src[i])
		case c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f:
			return report(i, "a control character (0x%02x), which YAML does not allow; write it as an escape in double quotes: \"\\x%02x\"", c, c)
		}
		i += n
	}
	if at := bytes.IndexByte(src, '\r'); at >= 0 && !bytes.Contains(src, []byte("\n")) {
		return report(at, "the lines end with CR alone; save the file with LF")
	}
	return true
}

// syntaxAdvice is what the parser's messages usually mean.
var syntaxAdvice = []struct{ message, advice string }{
	{"mapping values are not allowed", "a text with \": \" in it stands in quotes; or the line is indented further than those above"},
	{"could not find expected ':'", "this is no key; the text below `key: |` is indented"},
	{"did not find expected '-' indicator", "the elements of a list are indented alike"},
	{"did not find expected key", "text goes on behind a closing quote or bracket, a quote is not closed, or the line is indented unlike those above; a text that begins with { or [ stands in quotes"},
	{"did not find expected ',' or", "a bracket is not closed, a comma is missing, or a text with [ ] { } or a comma within brackets stands without quotes"},
	{"unknown anchor", "anchors and aliases are not supported; put a value that begins with * in quotes"},
}

// syntax reports what the YAML parser refused.
func (d *Document) syntax(err error) {
	var one *yaml.LoadError
	if !errors.As(err, &one) {
		d.Report(0, 0, "", "read yaml: "+err.Error())
		return
	}
	line, col := one.Mark.Line, one.Mark.Column
	message := one.Message
	if one.ContextMsg != "" {
		message = one.ContextMsg + ": " + message
	}
	isKey := strings.Contains(message, "while scanning a simple key") // the context is the line that is no key
	if (line == 0 || isKey) && one.ContextMark.Line > 0 {
		line, col = one.ContextMark.Line, one.ContextMark.Column
	}
	d.Report(line, max(col, min(line, 1)), "", "yaml: "+message+d.adviceOn(message, line, col))
}

// adviceOn is the advice about a message of the parser; empty for none.
func (d *Document) adviceOn(message string, line, col int) string {
	for _, a := range syntaxAdvice {
		if strings.Contains(message, a.message) {
			return " (" + a.advice + ")"
		}
	}
	if !strings.Contains(message, "cannot start any token") || line < 1 || line > len(d.lines) {
		return ""
	}
	if source := []rune(d.lines[line-1]); col >= 1 && col <= len(source) && source[col-1] != '\t' {
		return " (put a value that begins with " + string(source[col-1]) + " in quotes)"
	}
	return " (YAML indents with spaces, not tabs)"
}
