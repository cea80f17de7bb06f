package yamlpos

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Layout says how Format lays a file out.
type Layout struct {
	// Order is the order of a mapping's keys, by its path without indexes ("",
	// "tests", "alert"); those that it does not name come last, in their own order.
	Order func(path string) []string
	// Groups are keys of the top before which an empty line stands.
	Groups []string
	// Scalar gives the text of a scalar another layout, by its path without indexes; a
	// text of several lines becomes a literal block. ok is false to leave it alone.
	Scalar func(path, text string) (laidOut string, ok bool)
}

// Format is the file with its keys in order, blocks indented by two, and one empty
// line at most between things. Comments stay with what they stand before or beside;
// flow collections and texts stay as they are written.
func (d *Document) Format(l Layout) ([]byte, error) {
	if len(d.problems) > 0 {
		return nil, d.problems[0]
	}
	if d.root == nil || d.root.Kind != yaml.MappingNode || d.root.Style&yaml.FlowStyle != 0 {
		return nil, errors.New("want a mapping over several lines")
	}
	f := &formatter{Document: d, Layout: l, whole: d.Text()}
	if err := f.refuse(d.root); err != nil {
		return nil, err
	}
	f.at = f.header()
	f.mapping(Node{doc: d, yaml: d.root}, "", 0)
	f.comments(len(d.lines)+1, 0)
	return []byte(strings.TrimRight(f.out.String(), "\n") + "\n"), nil
}

type formatter struct {
	*Document
	Layout
	whole string
	out   strings.Builder
	at    int // the last line, from one, that was looked at for comments
}

// refuse finds what cannot be laid out anew without a risk.
func (f *formatter) refuse(n *yaml.Node) error {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0:
		return fmt.Errorf("line %d: anchors, aliases and tags cannot be formatted", n.Line)
	case n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		node := Node{doc: f.Document, yaml: n}
		from, _ := node.extent()
		header, _, _ := strings.Cut(f.whole[from:], "\n")
		header, _, _ = strings.Cut(header, "#")
		if strings.ContainsAny(header, "123456789") {
			return fmt.Errorf("line %d: a block with a number behind its | cannot be formatted; indent it by two and leave the number away", n.Line)
		}
	}
	for _, c := range n.Content {
		if err := f.refuse(c); err != nil {
			return err
		}
	}
	return nil
}

// header writes the comments that the file begins with and an empty line ends: they
// are about the file and not about its first key.
func (f *formatter) header() int {
	last := 0
	for i, line := range f.lines {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' {
			break
		}
		if line == "" && i > 0 || strings.HasPrefix(line, "# yaml-language-server:") {
			last = i + 1
		}
	}
	for _, line := range f.lines[:last] {
		if line = strings.TrimSpace(line); line != "" {
			f.out.WriteString(line + "\n")
		}
	}
	if last > 0 && f.out.Len() > 0 && strings.TrimSpace(f.lines[last-1]) == "" {
		f.out.WriteString("\n")
	}
	return last
}

// entry is a key with its value, or an element of a list, and the lines it takes.
type entry struct {
	name       string
	key, value Node
	first      int // line of its beginning
	last       int // line of its end
	from       int // line after that of the entry before: what is between is about this one
	gap        bool
}

// entries are the members of a block mapping in the order in which they are written.
func (f *formatter) entries(n Node, path string) []entry {
	var entries []entry
	previous := f.at
	for i := 0; i+1 < len(n.yaml.Content); i += 2 {
		key := Node{doc: n.doc, yaml: n.yaml.Content[i]}
		value := Node{doc: n.doc, yaml: n.yaml.Content[i+1]}
		e := entry{name: key.yaml.Value, key: key, value: value, first: key.yaml.Line, last: f.lastLine(key, value), from: previous + 1}
		entries = append(entries, e)
		previous = e.last
	}
	f.gaps(entries)
	if order := f.Order(path); order != nil {
		slices.SortStableFunc(entries, func(a, b entry) int { return rank(order, a.name) - rank(order, b.name) })
	}
	return entries
}

// mapping writes a block mapping.
func (f *formatter) mapping(n Node, path string, indent int) {
	f.members(f.entries(n, path), path, indent, false)
}

// members writes the members of a mapping; the first stands behind a dash if inline,
// and what is before it is written already.
func (f *formatter) members(entries []entry, path string, indent int, inline bool) {
	end := f.at
	for i, e := range entries {
		if i > 0 && (e.gap || path == "" && slices.Contains(f.Groups, e.name)) {
			f.blank()
		}
		if !inline || i > 0 {
			f.at = e.from - 1
			f.comments(e.first, indent)
			f.out.WriteString(strings.Repeat(" ", indent))
		}
		f.at = e.first - 1
		f.out.WriteString(f.source(e.key) + ":")
		f.value(e.value, join(path, e.name), indent, f.behindKey(e.key))
		end = max(end, e.last)
	}
	f.at = end
}

func rank(order []string, name string) int {
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	return len(order)
}

// gaps finds the entries that an empty line stands before, comments included.
func (f *formatter) gaps(entries []entry) {
	for i := range entries {
		for line := entries[i].from; line < entries[i].first; line++ {
			if strings.TrimSpace(f.lines[line-1]) == "" {
				entries[i].gap = true
			}
		}
	}
}

// sequence writes a block list.
func (f *formatter) sequence(n Node, path string, indent int) {
	previous := f.at
	for i, c := range n.yaml.Content {
		item := Node{doc: n.doc, yaml: c}
		e := entry{value: item, first: c.Line, last: f.lastLine(item, item), from: previous + 1}
		one := []entry{e}
		f.gaps(one)
		if one[0].gap && i > 0 {
			f.blank()
		}
		f.at = previous
		f.comments(e.first, indent)
		if item.IsMapping() && item.IsBlock() {
			entries := f.entries(item, path)
			f.at = entries[0].from - 1
			f.comments(entries[0].first, indent) // they cannot stand behind the dash
			f.out.WriteString(strings.Repeat(" ", indent) + "- ")
			f.members(entries, path, indent+2, true)
		} else {
			f.out.WriteString(strings.Repeat(" ", indent) + "-")
			f.value(item, path, indent, "")
		}
		previous = e.last
	}
	f.at = previous
}

// value writes what stands behind a key or a dash, and the end of the line.
func (f *formatter) value(n Node, path string, indent int, beside string) {
	if text, ok := f.scalar(n, path); ok {
		f.laidOut(n, text, indent)
		return
	}
	switch {
	case n.yaml.Tag == "!!null" && f.source(n) == "":
		f.out.WriteString(beside + "\n")
	case n.IsMapping() && n.IsBlock():
		f.out.WriteString(beside + "\n")
		f.mapping(n, path, indent+2)
	case n.IsList() && n.IsBlock():
		f.out.WriteString(beside + "\n")
		f.sequence(n, path, indent+2)
	case n.IsBlock():
		f.block(n, indent)
	default:
		f.flow(n, indent)
	}
}

// scalar asks the layout for another text.
func (f *formatter) scalar(n Node, path string) (string, bool) {
	if f.Scalar == nil || !n.IsScalar() || n.IsNull() || n.yaml.Style&yaml.FoldedStyle != 0 || n.yaml.ShortTag() != "!!str" {
		return "", false
	}
	text, ok := f.Scalar(path, n.yaml.Value)
	if !ok || strings.TrimRight(text, "\n") == strings.TrimRight(n.yaml.Value, "\n") {
		return "", false
	}
	return text, true
}

// laidOut writes a scalar in another text than it has.
func (f *formatter) laidOut(n Node, text string, indent int) {
	_, to := n.extent()
	beside := ""
	if !n.IsBlock() {
		beside = f.beside(to)
	} else {
		from, _ := n.extent()
		header, _, _ := strings.Cut(f.whole[from:], "\n")
		if i := strings.IndexByte(header, '#'); i >= 0 {
			beside = "  " + strings.TrimSpace(header[i:])
		}
	}
	if !n.IsBlock() && !strings.Contains(text, "\n") {
		f.out.WriteString(" " + quoteLike(n, text) + beside + "\n")
		return
	}
	f.out.WriteString(" |" + beside + "\n")
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		if strings.TrimSpace(line) != "" {
			f.out.WriteString(strings.Repeat(" ", indent+2))
		}
		f.out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// quoteLike writes a text of one line in the style that the scalar has.
func quoteLike(n Node, text string) string {
	plain := n.yaml.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0
	switch {
	case n.yaml.Style&yaml.SingleQuotedStyle != 0, plain && (strings.Contains(text, ": ") || strings.Contains(text, " #")): // c ? a : b
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	case n.yaml.Style&yaml.DoubleQuotedStyle != 0:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`).Replace(text) + `"`
	}
	return text
}

// block writes a literal or folded text, indented anew.
func (f *formatter) block(n Node, indent int) {
	from, to := n.extent()
	lines := strings.Split(f.whole[from:to], "\n")
	f.out.WriteString(" " + strings.TrimRight(lines[0], " \r") + "\n")
	had := f.blockIndent(n.yaml)
	for _, line := range lines[1:] {
		line = strings.TrimRight(line, "\r")
		if strings.TrimSpace(line) == "" {
			f.out.WriteString("\n")
			continue
		}
		f.out.WriteString(strings.Repeat(" ", indent+2) + line[min(had, len(line)):] + "\n")
	}
}

// flow writes a scalar or a collection in brackets as it is, further lines of it
// moved along with the first.
func (f *formatter) flow(n Node, indent int) {
	from, to := n.extent()
	lines := strings.Split(f.whole[from:to], "\n")
	f.out.WriteString(" " + strings.TrimRight(lines[0], "\r"))
	least := -1
	for _, line := range lines[1:] {
		if trimmed := strings.TrimLeft(line, " "); strings.TrimSpace(trimmed) != "" && (least < 0 || len(line)-len(trimmed) < least) {
			least = len(line) - len(trimmed)
		}
	}
	closing := len(lines) > 1 && strings.ContainsAny(strings.TrimSpace(lines[len(lines)-1])[:1], "]}")
	for i, line := range lines[1:] {
		f.out.WriteString("\n")
		if line = strings.TrimRight(line, " \r"); line == "" {
			continue
		}
		shift := indent + 2
		if closing && least >= 0 { // the bracket that closes stands under the key
			shift = indent
			if i == len(lines)-2 && len(line)-len(strings.TrimLeft(line, " ")) > least {
				line = strings.Repeat(" ", least) + strings.TrimLeft(line, " ")
			}
		}
		f.out.WriteString(strings.Repeat(" ", shift) + line[min(max(least, 0), len(line)):])
	}
	f.out.WriteString(f.beside(to) + "\n")
}

// beside is the comment behind what ends at a byte, on its line.
func (f *formatter) beside(to int) string {
	rest, _, _ := strings.Cut(f.whole[to:], "\n")
	if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "#") {
		return "  " + rest
	}
	return ""
}

// behindKey is the comment on the line of a key whose value is a block.
func (f *formatter) behindKey(key Node) string {
	_, to := key.extent()
	rest, _, _ := strings.Cut(f.whole[to:], "\n")
	rest = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(rest), ":"))
	if strings.HasPrefix(rest, "#") {
		return "  " + rest
	}
	return ""
}

// comments writes the lines of comments that are before a line and were not written
// yet.
func (f *formatter) comments(before, indent int) {
	gap := false
	for line := f.at + 1; line < before && line <= len(f.lines); line++ {
		text := strings.TrimSpace(f.lines[line-1])
		if text == "" {
			gap = true
			continue
		}
		if text[0] != '#' {
			continue
		}
		if gap {
			f.blank()
		}
		gap = false
		f.out.WriteString(strings.Repeat(" ", indent) + text + "\n")
	}
	f.at = before - 1
}

// blank ends with one empty line.
func (f *formatter) blank() {
	if text := f.out.String(); text != "" && !strings.HasSuffix(text, "\n\n") {
		f.out.WriteString("\n")
	}
}

// source is a scalar as it is written.
func (f *formatter) source(n Node) string {
	from, to := n.extent()
	return f.whole[from:to]
}

// lastLine is the line that an entry ends in.
func (f *formatter) lastLine(key, value Node) int {
	if value.IsNull() && f.source(value) == "" {
		return key.yaml.Line
	}
	_, to := value.extent()
	return strings.Count(f.whole[:to], "\n") + 1
}

// Comments are the texts of all comments, in order: of lines that begin with one and
// behind values. A # within a text is none.
func (d *Document) Comments() []string {
	if d.root == nil {
		return nil
	}
	inside := map[int]bool{} // lines of block texts
	var texts [][2]int       // bytes of other scalars
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		node := Node{doc: d, yaml: n}
		if n.Kind == yaml.ScalarNode {
			from, to := node.extent()
			if node.IsBlock() {
				for line := n.Line + 1; line <= strings.Count(d.Text()[:to], "\n")+1; line++ {
					inside[line] = true
				}
			} else {
				texts = append(texts, [2]int{from, to})
			}
		}
		for _, c := range n.Content {
			visit(c)
		}
	}
	visit(d.root)
	var all []string
	at := 0
	for i, line := range d.lines {
		for j := 0; j < len(line) && !inside[i+1]; j++ {
			if line[j] == '#' && (j == 0 || line[j-1] == ' ' || line[j-1] == '\t') &&
				!slices.ContainsFunc(texts, func(t [2]int) bool { return t[0] <= at+j && at+j < t[1] }) {
				all = append(all, strings.TrimSpace(line[j:]))
				break
			}
		}
		at += len(line) + 1
	}
	return all
}
