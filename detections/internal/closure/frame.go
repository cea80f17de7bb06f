package closure

import (
	"net/netip"
	"time"

	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// Frame is one event as closures see it, and what they have found out about it.
// It is for one goroutine and reused with Reset; values are valid until then.
type Frame struct {
	Event *ocsf.Event

	raw, unmapped lazyJSON
	number        uint64 // of the event, from 1
	table         *Table // that the values are of
	version       int64  // of the table, when room was made
	// What shared sub-expressions gave, by slot.
	bools     []kept[bool]
	texts     []kept[string]
	ints      []kept[int64]
	floats    []kept[float64]
	times     []kept[time.Time]
	durations []kept[time.Duration]
	addrs     []kept[netip.Addr]
	jsons     []kept[ocsfcel.JSON]
	values    []kept[ref.Val]
	locals    []local
	scratch   Scratch
}

// kept is a value of the event of that number.
type kept[T any] struct {
	number uint64
	ok     bool
	v      T
}

// local is the variable of a comprehension, in the form that its kind has.
type local struct {
	text   string
	json   ocsfcel.JSON
	object any
	value  ref.Val
	// found and failed are what a quantifier has seen so far.
	found, failed bool
	count         int
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

// Reset makes ev the frame's event.
func (f *Frame) Reset(ev *ocsf.Event) {
	f.Event = ev
	f.number++
	f.raw.parsed, f.unmapped.parsed = false, false
}

// ResetRaw makes the frame's event one of which only the original record is known:
// raw, which is parsed already.
func (f *Frame) ResetRaw(raw jsondoc.Value) {
	f.Reset(&nothing)
	f.raw.value, f.raw.parsed = ocsfcel.JSONOf(raw), true
}

// nothing is an event without attributes. Frames only read.
var nothing ocsf.Event

// Raw is the event's original record, parsed once.
func (f *Frame) Raw() ocsfcel.JSON { return f.raw.get(f.Event.RawData()) }

// Unmapped is what no attribute holds, parsed once.
func (f *Frame) Unmapped() ocsfcel.JSON { return f.unmapped.get(string(f.Event.Unmapped())) }

// use makes room for what the table's closures keep. A table may have grown since
// the last time, and grow meanwhile: what a program needs was there when it was made.
func (f *Frame) use(t *Table) {
	if f.table != t {
		f.bools, f.texts, f.ints, f.floats, f.times, f.durations = nil, nil, nil, nil, nil, nil
		f.addrs, f.jsons, f.values, f.locals, f.table = nil, nil, nil, nil, t
	}
	f.version = t.version.Load()
	f.bools = grown(f.bools, t.slots[kindBool].Load())
	f.texts = grown(f.texts, t.slots[kindText].Load())
	f.ints = grown(f.ints, t.slots[kindInt].Load())
	f.floats = grown(f.floats, t.slots[kindFloat].Load())
	f.times = grown(f.times, t.slots[kindTime].Load())
	f.durations = grown(f.durations, t.slots[kindDuration].Load())
	f.addrs = grown(f.addrs, t.slots[kindIP].Load())
	f.jsons = grown(f.jsons, t.slots[kindJSON].Load())
	f.values = grown(f.values, t.slots[kindValue].Load())
	f.locals = grown(f.locals, t.locals.Load())
}

func grown[T any](s []T, n int32) []T {
	if len(s) >= int(n) {
		return s
	}
	return append(s, make([]T, int(n)-len(s))...)
}

// Exhausted tells whether the last program to be evaluated had no steps left. If it has
// no value either, cel-go must not be asked: it would take as many.
func (f *Frame) Exhausted() bool { return f.scratch.left < 0 }

// ready tells whether the frame has room for what the program needs.
func (f *Frame) ready(p *Program) bool { return f.table == p.table && f.version >= p.version }
