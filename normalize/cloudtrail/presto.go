package cloudtrail

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// maxPresto bounds the texts that are read as Presto's, maxPrestoDepth how deep they
// nest.
const (
	maxPresto      = 64 << 10
	maxPrestoDepth = 16
)

// parsePresto reads an object or list as Presto prints it, which CloudTrail Lake and
// Athena give for a column that is a structure: {type=Root, sessioncontext={attributes=
// {mfaauthenticated=false}}}. The form has no escapes, so that a value with ", a=" in it
// reads as two; the record keeps the text itself.
func parsePresto(doc *jsondoc.Doc, text string) bool {
	if len(text) > maxPresto {
		return false
	}
	p := prestoParser{text: text}
	if !p.value(0) || p.pos != len(text) || doc.ParseString(string(p.out)) != nil {
		return false
	}
	doc.Respell(spelling)
	return true
}

// prestoParser writes what it reads as JSON.
type prestoParser struct {
	text string
	pos  int
	out  []byte
}

func (p *prestoParser) value(depth int) bool {
	if p.pos < len(p.text) && depth < maxPrestoDepth {
		switch p.text[p.pos] {
		case '{':
			return p.list('}', depth)
		case '[':
			return p.list(']', depth)
		}
	}
	end := p.scalarEnd()
	scalar := p.text[p.pos:end]
	p.pos = end
	if scalar == "null" || scalar == "" {
		p.out = append(p.out, "null"...)
		return true
	}
	p.out = normalize.AppendString(p.out, scalar)
	return true
}

// list reads members or elements up to the closing bracket.
func (p *prestoParser) list(closing byte, depth int) bool {
	p.out = append(p.out, p.text[p.pos])
	p.pos++
	for first := true; ; first = false {
		if p.pos >= len(p.text) {
			return false
		}
		if p.text[p.pos] == closing {
			p.pos++
			p.out = append(p.out, closing)
			return true
		}
		if !first {
			rest, ok := strings.CutPrefix(p.text[p.pos:], ", ")
			if !ok {
				return false
			}
			p.pos = len(p.text) - len(rest)
			p.out = append(p.out, ',')
		}
		if closing == '}' {
			n := nameLen(p.text[p.pos:])
			if n == 0 {
				return false
			}
			p.out = normalize.AppendString(p.out, p.text[p.pos:p.pos+n])
			p.out = append(p.out, ':')
			p.pos += n + 1
		}
		if !p.value(depth + 1) {
			return false
		}
	}
}

// scalarEnd is where the scalar at the position ends: at a closing bracket, or at a
// comma that a name and = follow.
func (p *prestoParser) scalarEnd() int {
	open := 0
	for i := p.pos; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '{' || c == '[':
			open++
		case (c == '}' || c == ']') && open > 0:
			open--
		case c == '}' || c == ']':
			return i
		case c == ',' && open == 0 && strings.HasPrefix(p.text[i:], ", ") && (nameLen(p.text[i+2:]) > 0 || strings.IndexByte("{[", at(p.text, i+2)) >= 0):
			return i
		}
	}
	return len(p.text)
}

func at(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

// nameLen is the length of the name that s begins with, if = follows it, else 0.
func nameLen(s string) int {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '=':
			return i
		case c != '_' && c != '-' && c != '.' && c != ':' && c != '/' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z'):
			return 0
		}
	}
	return 0
}
