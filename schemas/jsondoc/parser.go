package jsondoc

import "fmt"

// parser is one parse: an iterative descent, so that depth costs no stack.
type parser struct {
	doc   *Doc
	src   string
	pos   int
	depth int
	open  [MaxDepth + MaxWrapped]uint32 // the containers around pos, outermost first
}

// keySpan is where the key of the coming value is; marks is 0 if it has none.
type keySpan struct {
	start, end uint32
	marks      mark
	hash       uint16
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
	for {
		key, err := p.beforeValue()
		if err != nil {
			return err
		}
		opened, err := p.value(key)
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

// beforeValue reads the key and colon if the value is a member's.
func (p *parser) beforeValue() (keySpan, *Error) {
	p.space()
	if p.depth == 0 || p.doc.nodes[p.open[p.depth-1]].kind == Array {
		return keySpan{}, nil
	}
	if p.peek() != '"' {
		return keySpan{}, p.fail("want a key in double quotes")
	}
	start := p.pos
	hasEscape, err := p.string()
	if err != nil {
		return keySpan{}, err
	}
	key := keySpan{start: uint32(start + 1), end: uint32(p.pos - 1), marks: member}
	text := p.src[key.start:key.end]
	if hasEscape {
		key.marks |= keyEscaped
		text = unescape(text)
	}
	key.hash = hash(text)
	p.space()
	if p.peek() != ':' {
		return keySpan{}, p.fail("want a colon after the key")
	}
	p.pos++
	p.space()
	return key, nil
}

// value reads a scalar or an empty container, or opens a container.
func (p *parser) value(key keySpan) (opened bool, err *Error) {
	n := node{start: uint32(p.pos), keyStart: key.start, keyEnd: key.end, marks: key.marks, keyHash: key.hash}
	switch c := p.peek(); c {
	case '{', '[':
		n.kind = Object
		if c == '[' {
			n.kind = Array
		}
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
	n.next = uint32(len(p.doc.nodes) + 1)
	p.doc.nodes = append(p.doc.nodes, n)
	return false, nil
}

// openContainer steps into an object or array; an empty one it closes at once.
func (p *parser) openContainer(n node) (opened bool, err *Error) {
	if p.depth == MaxDepth+min(p.doc.Wrapped, MaxWrapped) {
		return false, p.fail(fmt.Sprintf("nested deeper than %d", p.depth))
	}
	p.pos++
	p.space()
	p.open[p.depth] = uint32(len(p.doc.nodes))
	p.depth++
	p.doc.nodes = append(p.doc.nodes, n)
	if p.peek() == closer(n.kind) {
		return false, p.closeContainer()
	}
	return true, nil
}

// afterValue reads the comma to the next value, or closes what ends here.
func (p *parser) afterValue() (done bool, err *Error) {
	for p.depth > 0 {
		p.space()
		kind := p.doc.nodes[p.open[p.depth-1]].kind
		switch c := p.peek(); {
		case c == ',':
			p.pos++
			return false, nil
		case c == closer(kind):
			if err := p.closeContainer(); err != nil {
				return false, err
			}
		case kind == Array:
			return false, p.fail("want a comma or ] after the element")
		default:
			return false, p.fail("want a comma or } after the member")
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
	if n.kind == Object {
		p.doc.markDuplicates(i)
	}
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
