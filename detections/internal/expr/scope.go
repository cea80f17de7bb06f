package expr

import (
	"cel.dev/cel-go/cel"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// The variables of an environment. Attributes at top level are rewritten to
// members of event.
const (
	varEvent    = "event"
	varRaw      = "raw"
	varUnmapped = "unmapped"
)

// Scope is one event as expressions see it. It is for one goroutine and reused
// with Reset; values that expressions gave are valid until then.
type Scope struct {
	event         *ocsf.Event
	raw, unmapped lazyJSON
}

// lazyJSON is a text that is parsed when an expression first asks for it.
type lazyJSON struct {
	doc    jsondoc.Doc
	value  ocsfcel.JSON
	parsed bool
}

func (l *lazyJSON) get(text string) ocsfcel.JSON {
	if !l.parsed {
		l.value, l.parsed = ocsfcel.ParseJSON(&l.doc, text), true
	}
	return l.value
}

// Reset makes ev the scope's event.
func (s *Scope) Reset(ev *ocsf.Event) {
	s.event = ev
	s.raw.parsed, s.unmapped.parsed = false, false
}

// ResolveName gives cel-go a variable.
func (s *Scope) ResolveName(name string) (any, bool) {
	switch name {
	case varEvent:
		return s.event, true
	case varRaw:
		return s.raw.get(s.event.RawData()), true
	case varUnmapped:
		return s.unmapped.get(string(s.event.Unmapped())), true
	}
	return nil, false
}

// Parent is that of cel-go's interface: there is none.
func (s *Scope) Parent() cel.Activation { return nil }
