package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// annotation is a message that GitHub shows beside a line of a pull request.
type annotation struct {
	level           string // error, warning, notice
	file            string
	line, col, last int // last is the last column; zero for none
	title, message  string
}

// print writes the annotation as a workflow command.
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
func (a annotation) print(w io.Writer) error {
	properties := []string{"file=" + escapeProperty(filepath.ToSlash(a.file))}
	if a.line > 0 {
		properties = append(properties, fmt.Sprintf("line=%d,endLine=%d,col=%d", a.line, a.line, a.col))
	}
	if a.last > 0 {
		properties = append(properties, fmt.Sprintf("endColumn=%d", a.last))
	}
	if a.title != "" {
		properties = append(properties, "title="+escapeProperty(a.title))
	}
	_, err := fmt.Fprintf(w, "::%s %s::%s\n", a.level, strings.Join(properties, ","), escapeData(a.message))
	return err
}

var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func escapeData(s string) string     { return dataEscapes.Replace(s) }
func escapeProperty(s string) string { return propertyEscapes.Replace(s) }
