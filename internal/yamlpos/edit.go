package yamlpos

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// Edit replaces a part of a file's text. What is around it stays, to the byte.
type Edit struct {
	from, to int // bytes
	text     string
}

// Apply is the file's text with the edits, which do not overlap.
func (d *Document) Apply(edits []Edit) []byte {
	text := strings.Join(d.lines, "\n")
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Compare(a.from, b.from) })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		if e.from < at {
			continue // within another
		}
		b.WriteString(text[at:e.from])
		b.WriteString(e.text)
		at = e.to
	}
	b.WriteString(text[at:])
	return []byte(b.String())
}

// IsBlock tells a list or mapping that is written over several lines from one in
// brackets, and a literal or folded text from one on a line.
func (n Node) IsBlock() bool {
	switch {
	case n.IsScalar():
		return n.yaml.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	case n.IsList(), n.IsMapping():
		return n.yaml.Style&yaml.FlowStyle == 0
	}
	return false
}

// Replace puts text in place of the value.
func (n Node) Replace(text string) Edit {
	from, to := n.extent()
	if n.IsBlock() && n.IsList() { // behind the key, on its line
		for from > 0 && strings.IndexByte(" \n\r\t", n.doc.Text()[from-1]) >= 0 {
			from--
		}
		text = " " + text
	}
	return Edit{from, to, text}
}

// Remove takes an element of a block list away, with the lines that it is on.
func (n Node) Remove() Edit {
	from, to := n.extent()
	text := n.doc.Text()
	from = strings.LastIndexByte(text[:from], '\n') + 1
	if end := strings.IndexByte(text[to:], '\n'); end >= 0 {
		to += end + 1
	}
	return Edit{from, to, ""}
}

// Append adds a mapping to a block list, its members in the manner of the last
// element: in brackets, or each on a line.
func (n Node) Append(members []string) Edit {
	last := Node{doc: n.doc, yaml: n.yaml.Content[len(n.yaml.Content)-1]}
	_, to := last.extent()
	indent := strings.Repeat(" ", n.yaml.Column-1)
	if last.IsBlock() {
		return Edit{to, to, "\n" + indent + "- " + strings.Join(members, "\n"+indent+"  ")}
	}
	return Edit{to, to, "\n" + indent + "- {" + strings.Join(members, ", ") + "}"}
}

// Text is the document without its last line break.
func (d *Document) Text() string { return strings.Join(d.lines, "\n") }

// offset is the byte that a place is at; columns count characters from one.
func (d *Document) offset(line, col int) int {
	at := 0
	for i := range min(line-1, len(d.lines)) {
		at += len(d.lines[i]) + 1
	}
	rest := d.lines[line-1]
	for range col - 1 {
		_, size := utf8.DecodeRuneInString(rest)
		rest, at = rest[size:], at+size
	}
	return at
}

// extent is the bytes that a value takes, without the line break behind it.
func (n Node) extent() (from, to int) {
	from = n.doc.offset(n.yaml.Line, n.yaml.Column)
	text := n.doc.Text()
	switch {
	case n.IsBlock() && n.IsScalar():
		return from, n.blockEnd(from, text)
	case n.IsBlock():
		last := n.yaml.Content[len(n.yaml.Content)-1]
		_, to = Node{doc: n.doc, yaml: last}.extent()
		return from, to
	case !n.IsScalar():
		return from, bracketEnd(text, from)
	case n.yaml.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		return from, quoteEnd(text, from)
	}
	return from, from + plainEnd(text[from:], n.yaml.Value)
}

// plainEnd is the length of a plain scalar in the source, which may go over lines.
func plainEnd(source, value string) int {
	at := 0
	for _, word := range strings.Fields(value) {
		i := strings.Index(source[at:], word)
		if i < 0 {
			break
		}
		at += i + len(word)
	}
	return at
}

// blockEnd is where a literal or folded text ends: before the first line that is
// indented less than it.
func (n Node) blockEnd(from int, text string) int {
	line := n.yaml.Line // of what follows the header, counting from zero
	end := from + len(n.doc.lines[line-1]) - len(n.doc.lines[line-1][:min(n.columnBytes(), len(n.doc.lines[line-1]))])
	indent := n.doc.blockIndent(n.yaml)
	at := end
	for ; line < len(n.doc.lines); line++ {
		source := n.doc.lines[line]
		at += 1 + len(source)
		trimmed := strings.TrimLeft(source, " ")
		if trimmed == "" || trimmed == "\r" {
			continue
		}
		if len(source)-len(trimmed) < indent || indent == 0 {
			break
		}
		end = at
	}
	return min(end, len(text))
}

// columnBytes is how many bytes of its line are before the value.
func (n Node) columnBytes() int {
	return n.doc.offset(n.yaml.Line, n.yaml.Column) - n.doc.offset(n.yaml.Line, 1)
}

// quoteEnd is where the quoted text that begins at a byte ends.
func quoteEnd(text string, from int) int {
	quote := text[from]
	for i := from + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case text[i] == quote && quote == '\'' && i+1 < len(text) && text[i+1] == quote:
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return len(text)
}

// bracketEnd is where the list or mapping in brackets that begins at a byte ends.
func bracketEnd(text string, from int) int {
	depth := 0
	for i := from; i < len(text); i++ {
		switch c := text[i]; {
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case (c == '"' || c == '\'') && i > 0 && strings.IndexByte(" \n,[{:", text[i-1]) >= 0:
			i = quoteEnd(text, i) - 1
		case c == '#' && i > 0 && (text[i-1] == ' ' || text[i-1] == '\n'):
			if end := strings.IndexByte(text[i:], '\n'); end >= 0 {
				i += end
			}
		}
	}
	return len(text)
}
