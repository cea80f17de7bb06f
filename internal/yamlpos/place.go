package yamlpos

import (
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// Place maps a place inside a scalar's value to the file: line counts from one
// and col from zero, in characters, as CEL reports them. ok is false for a style
// in which the position is lost: folded blocks and values over several lines
// (see Placeable); line and col are then those of the value.
func (n Node) Place(line, col int) (fileLine, fileCol int, ok bool) {
	fileLine, fileCol = n.Pos()
	if n.Placeable() != "" || line < 1 || col < 0 {
		return fileLine, fileCol, false
	}
	if n.yaml.Style&yaml.LiteralStyle != 0 {
		return fileLine + line, n.doc.blockIndent(n.yaml) + col + 1, true
	}
	return fileLine, fileCol + n.doc.sourceWidth(n.yaml, col), true
}

// Placeable is empty for a scalar in which places are kept, else what to write
// instead. Callers refuse expressions in any other style.
func (n Node) Placeable() string {
	const advice = "write it on one line or as a literal block (|): "
	switch {
	case !n.IsScalar():
		return "want a string"
	case n.yaml.Style&yaml.FoldedStyle != 0:
		return advice + "a folded block (>) loses the line and column of a mistake"
	case n.yaml.Style&yaml.LiteralStyle != 0:
		return ""
	case n.doc.lastLine(n.yaml) != n.yaml.Line:
		return advice + "a value over several lines loses the line and column of a mistake"
	}
	return ""
}

// blockIndent is how many columns a literal block is indented: as its first line
// with content, or by its explicit indicator.
func (d *Document) blockIndent(n *yaml.Node) int {
	if n.Style&yaml.FoldedStyle != 0 { // its lines are not those of the source
		for _, source := range d.lines[min(n.Line, len(d.lines)):] {
			if text := strings.TrimLeft(source, " "); strings.TrimSpace(text) != "" {
				return len(source) - len(text)
			}
		}
		return 0
	}
	content := strings.SplitN(n.Value, "\n", -1)
	for i, text := range content {
		if text == "" || n.Line+i >= len(d.lines) {
			continue
		}
		source := strings.TrimSuffix(d.lines[n.Line+i], "\r")
		return len(source) - len(text)
	}
	return 0
}

// lastLine is the line that a flow scalar ends in.
func (d *Document) lastLine(n *yaml.Node) int {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 {
		if strings.Contains(d.from(n), n.Value) {
			return n.Line
		}
		return n.Line + 1
	}
	rest := d.from(n)
	quote := rest[:min(1, len(rest))]
	for i := 1; i < len(rest); i++ {
		switch {
		case quote == `"` && rest[i] == '\\':
			i++
		case rest[i:i+1] == quote && quote == "'" && i+1 < len(rest) && rest[i+1] == '\'':
			i++
		case rest[i:i+1] == quote:
			return n.Line
		}
	}
	return n.Line + 1
}

// from is the source line from the node's first character on.
func (d *Document) from(n *yaml.Node) string {
	if n.Line < 1 || n.Line > len(d.lines) {
		return ""
	}
	rest := d.lines[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
	}
	return rest
}

// sourceWidth is how many characters of the source the first col characters of a
// one-line scalar take, its opening quote included.
func (d *Document) sourceWidth(n *yaml.Node, col int) int {
	switch {
	case n.Style&yaml.SingleQuotedStyle != 0:
		source, width := []rune(d.from(n)), 1
		for range col {
			if width+1 < len(source) && source[width] == '\'' && source[width+1] == '\'' {
				width++
			}
			width++
		}
		return width
	case n.Style&yaml.DoubleQuotedStyle != 0:
		source, width := []rune(d.from(n)), 1
		for range col {
			if width+1 < len(source) && source[width] == '\\' {
				width += escapeWidth(source[width+1])
				continue
			}
			width++
		}
		return width
	}
	return col
}

// escapeWidth is the length of a double-quoted escape by its letter.
func escapeWidth(letter rune) int {
	switch letter {
	case 'x':
		return 4
	case 'u':
		return 6
	case 'U':
		return 10
	}
	return 2
}
