package jsondoc

import (
	"fmt"
	"slices"
)

// parser is one parse: an iterative descent, so that depth costs no stack.
type parser struct {
	doc   *Doc
	src   string
	pos   int
	depth int
	open  [MaxDepth + MaxWrapped]uint32 // the containers around pos, outermost first

	inObject bool // the innermost of them is an object
}

// parse reads the whole text.
func (p *parser) parse() *Error {
	if err := p.document(); err != nil {
		return err
	}
	p.space()
	if p.pos < len(p.src) {
		return p.fail("text after the document")
	}
	return nil
}

// document reads a value with all in it: one value after another, each followed by
// what the container around it needs.
func (p *parser) document() *Error {
	p.depth, p.inObject = 0, false
	for {
		p.space()
		n := p.newNode()
		if p.inObject {
			if err := p.key(n); err != nil {
				return err
			}
		}
		opened, err := p.value(n)
		if err != nil {
			return err
		}
		if opened {
			continue
		}
		done, err := p.afterValue()
		if err != nil {
			return err
		}
		if done {
			return nil
		}
	}
}

// newNode appends a node without a key. It is filled where it is: 1.1x on
// BenchmarkParse against a node that is made elsewhere and copied.
func (p *parser) newNode() *node {
	d := p.doc
	count := len(d.nodes)
	if count == cap(d.nodes) {
		d.nodes = slices.Grow(d.nodes, count+1)
	}
	d.nodes = d.nodes[:count+1]
	n := &d.nodes[count]
	n.keyStart, n.keyEnd, n.marks, n.keyHash = 0, 0, 0, 0
	return n
}

// key reads the key and colon of a member.
func (p *parser) key(n *node) *Error {
	if p.peek() != '"' {
		return p.fail("want a key in double quotes")
	}
	start := p.pos + 1
	hasEscape, err := p.string()
	if err != nil {
		return err
	}
	end := p.pos - 1
	n.keyStart, n.keyEnd, n.marks = uint32(start), uint32(end), member
	text := p.src[start:end]
	if hasEscape {
		n.marks |= keyEscaped
		text = unescape(text)
	}
	n.keyHash = hash(text)
	p.space()
	if p.peek() != ':' {
		return p.fail("want a colon after the key")
	}
	p.pos++
	p.space()
	return nil
}

// value reads a scalar or an empty container, or opens a container.
func (p *parser) value(n *node) (opened bool, err *Error) {
	n.start = uint32(p.pos)
	switch c := p.peek(); c {
	case '{':
		n.kind = Object
		return p.openContainer(n)
	case '[':
		n.kind = Array
		return p.openContainer(n)
	case '"':
		n.kind = String
		hasEscape, err := p.string()
		if err != nil {
			return false, err
		}
		if hasEscape {
			n.marks |= escaped
		}
	case 't':
		n.kind, err = Bool, p.literal("true")
	case 'f':
		n.kind, err = Bool, p.literal("false")
	case 'n':
		n.kind, err = Null, p.literal("null")
	default:
		n.kind, err = Number, p.number()
	}
	if err != nil {
		return false, err
	}
	n.end = uint32(p.pos)
	n.next = uint32(len(p.doc.nodes))
	return false, nil
}

// openContainer steps into an object or array; an empty one it closes at once.
func (p *parser) openContainer(n *node) (opened bool, err *Error) {
	if p.depth == MaxDepth+min(p.doc.Wrapped, MaxWrapped) {
		return false, p.fail(fmt.Sprintf("nested deeper than %d", p.depth))
	}
	p.pos++
	p.space()
	p.open[p.depth] = uint32(len(p.doc.nodes) - 1)
	p.depth++
	p.inObject = n.kind == Object
	if p.peek() == closer(n.kind) {
		return false, p.closeContainer()
	}
	return true, nil
}

// afterValue reads the comma to the next value, or closes what ends here.
func (p *parser) afterValue() (done bool, err *Error) {
	for p.depth > 0 {
		p.space()
		switch c := p.peek(); {
		case c == ',':
			p.pos++
			return false, nil
		case c == '}' && p.inObject, c == ']' && !p.inObject:
			if err := p.closeContainer(); err != nil {
				return false, err
			}
		case p.inObject:
			return false, p.fail("want a comma or } after the member")
		default:
			return false, p.fail("want a comma or ] after the element")
		}
	}
	return true, nil
}

// closeContainer ends the innermost container, at its bracket.
func (p *parser) closeContainer() *Error {
	p.pos++
	p.depth--
	i := p.open[p.depth]
	n := &p.doc.nodes[i]
	n.end = uint32(p.pos)
	n.next = uint32(len(p.doc.nodes))
	if p.inObject {
		p.doc.markDuplicates(i)
	}
	p.inObject = p.depth > 0 && p.doc.nodes[p.open[p.depth-1]].kind == Object
	if p.doc.duplicates > MaxDuplicates {
		return &Error{Offset: int(n.start), Msg: "more than 64 duplicate keys"}
	}
	return nil
}

func closer(k Kind) byte {
	if k == Array {
		return ']'
	}
	return '}'
}

// peek is the byte at the position, 0 at the end (a NUL in the text is an error
// wherever peek is asked, so the two need no telling apart but in fail).
func (p *parser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *parser) space() {
	if p.pos < len(p.src) && p.src[p.pos] <= ' ' { // mostly there is none
		p.skipSpace()
	}
}

func (p *parser) skipSpace() {
	start := p.pos
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
			continue
		}
		break
	}
	if p.pos > start {
		p.doc.spaced = true
	}
}

// fail is an error at the position; a text that ended says that instead.
func (p *parser) fail(msg string) *Error {
	if p.pos >= len(p.src) {
		msg = "the text ends inside the document"
	}
	return &Error{Offset: p.pos, Msg: msg}
}

func (p *parser) literal(word string) *Error {
	for i := range len(word) {
		if p.peek() != word[i] {
			return p.fail("want " + word)
		}
		p.pos++
	}
	return nil
}

// number reads -? int frac? exp?, and leaves its value to who asks.
func (p *parser) number() *Error {
	if p.peek() == '-' {
		p.pos++
	}
	switch c := p.peek(); {
	case c == '0':
		p.pos++
	case '1' <= c && c <= '9':
		p.digits()
	default:
		return p.fail("want a value")
	}
	if p.peek() == '.' {
		p.pos++
		if !p.digits() {
			return p.fail("want a digit after the point")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !p.digits() {
			return p.fail("want a digit in the exponent")
		}
	}
	return nil
}

func (p *parser) digits() bool {
	start := p.pos
	for p.pos < len(p.src) && '0' <= p.src[p.pos] && p.src[p.pos] <= '9' {
		p.pos++
	}
	return p.pos > start
}
