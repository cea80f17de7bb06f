package expr

import (
	"cel.dev/cel-go/cel"

	"github.com/weir-security/weir/detections/internal/closure"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
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
type Scope struct{ frame closure.Frame }

// Reset makes ev the scope's event.
func (s *Scope) Reset(ev *ocsf.Event) { s.frame.Reset(ev) }

// ResetRaw makes a record the scope's, of which there is no event yet.
func (s *Scope) ResetRaw(raw jsondoc.Value) { s.frame.ResetRaw(raw) }

// ResolveName gives cel-go a variable.
func (s *Scope) ResolveName(name string) (any, bool) {
	switch name {
	case varEvent:
		return s.frame.Event, true
	case varRaw:
		return s.frame.Raw(), true
	case varUnmapped:
		return s.frame.Unmapped(), true
	}
	return nil, false
}

// Parent is that of cel-go's interface: there is none.
func (s *Scope) Parent() cel.Activation { return nil }
