package closure

import (
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// Library is the functions that expressions may call.
type Library struct {
	// Functions are cel-go's bindings, by overload id and by name.
	Functions map[string]*functions.Overload
	// Natives are Go functions of the same meaning, by overload id.
	Natives map[string]Native
	// Prepared are, by overload id, what makes of literals after the first argument a
	// native function of the first, with its cost; nil if the literals are of no use.
	Prepared map[string]Prepare
	// Items is the function that gives the elements of a JSON array: a loop over it
	// needs no list.
	Items string
}

// Prepare makes a native function of an argument, and its cost, from the literals behind it.
type Prepare func(literals []ref.Val) (Native, int)

// Table is what the expressions of one rule set share. One goroutine compiles;
// others may evaluate what is compiled already in the meantime.
type Table struct {
	library *Library
	nodes   map[string]*shared
	// slots and locals are how many a frame needs; version changes with them.
	slots   [kinds]atomic.Int32
	locals  atomic.Int32
	version atomic.Int64
}

// NewTable makes an empty table.
func NewTable(library *Library) *Table {
	return &Table{library: library, nodes: map[string]*shared{}}
}

// Shared is how many sub-expressions occur more than once and are evaluated at
// most once an event.
func (t *Table) Shared() (n int) {
	for k := range t.slots {
		n += int(t.slots[k].Load())
	}
	return n
}

// shared is a sub-expression that does not depend on a variable.
type shared struct {
	node *node
	slot atomic.Int32 // where frames keep its value, from 1; 0 as long as it occurs once
}

// occurs notes that the sub-expression is there once more.
func (t *Table) occurs(s *shared) {
	if k := s.node.kind; s.slot.Load() == 0 && k != kindObject && k != kindCIDR {
		s.slot.Store(t.slots[k].Add(1))
		t.version.Add(1)
	}
}

// local makes a variable.
func (t *Table) local() int {
	defer t.version.Add(1)
	return int(t.locals.Add(1)) - 1
}

// keep makes a node that is evaluated once an event, as soon as it occurs twice.
func (t *Table) keep(key string, n *node) *node {
	s := &shared{}
	out := *n
	switch eval := n.eval.(type) {
	case fn[bool]:
		out.eval = keeping(s, eval, func(f *Frame) []kept[bool] { return f.bools })
	case fn[string]:
		out.eval = keeping(s, eval, func(f *Frame) []kept[string] { return f.texts })
	case fn[int64]:
		out.eval = keeping(s, eval, func(f *Frame) []kept[int64] { return f.ints })
	case fn[float64]:
		out.eval = keeping(s, eval, func(f *Frame) []kept[float64] { return f.floats })
	case fn[time.Time]:
		out.eval = keeping(s, eval, func(f *Frame) []kept[time.Time] { return f.times })
	case fn[time.Duration]:
		out.eval = keeping(s, eval, func(f *Frame) []kept[time.Duration] { return f.durations })
	case fn[netip.Addr]:
		out.eval = keeping(s, eval, func(f *Frame) []kept[netip.Addr] { return f.addrs })
	case fn[ocsfcel.JSON]:
		out.eval = keeping(s, eval, func(f *Frame) []kept[ocsfcel.JSON] { return f.jsons })
	case fn[ref.Val]:
		out.eval = keeping(s, eval, func(f *Frame) []kept[ref.Val] { return f.values })
	}
	s.node = &out
	t.nodes[key] = s
	return &out
}

func keeping[T any](s *shared, eval fn[T], of func(*Frame) []kept[T]) fn[T] {
	return func(f *Frame) (T, bool) {
		all, slot := of(f), int(s.slot.Load())-1
		if uint(slot) >= uint(len(all)) { // it occurs once, or has just got a slot
			return eval(f)
		}
		k := &all[slot]
		if k.number != f.number {
			k.v, k.ok = eval(f)
			if !k.ok && f.scratch.left < 0 { // for lack of steps, which another program may have
				return k.v, false
			}
			k.number = f.number
		}
		return k.v, k.ok
	}
}

// names are the variables around a sub-expression, the innermost last.
type names []string

// key is a text that equal sub-expressions have in common, whatever their variables
// are called; closed is false if it depends on one of those around it.
func key(e ast.Expr, around *variable) (text string, closed bool) {
	k := keyWriter{around: around, closed: true}
	k.write(e, nil)
	return k.String(), k.closed
}

type keyWriter struct {
	strings.Builder
	around *variable
	closed bool
}

func (k *keyWriter) write(e ast.Expr, inner names) {
	switch e.Kind() {
	case ast.LiteralKind:
		k.literal(e.AsLiteral())
	case ast.IdentKind:
		k.ident(e.AsIdent(), inner)
	case ast.SelectKind:
		s := e.AsSelect()
		if s.IsTestOnly() {
			k.WriteByte('?')
		}
		k.write(s.Operand(), inner)
		k.WriteString("." + strconv.Quote(s.FieldName()))
	case ast.CallKind:
		c := e.AsCall()
		k.WriteString("(" + c.FunctionName())
		if c.IsMemberFunction() {
			k.WriteString(" of ")
			k.write(c.Target(), inner)
		}
		k.all(c.Args(), inner)
		k.WriteByte(')')
	case ast.ListKind:
		k.WriteByte('[')
		k.all(e.AsList().Elements(), inner)
		k.WriteByte(']')
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		k.WriteString("(loop ")
		k.write(c.IterRange(), inner)
		k.write(c.AccuInit(), inner)
		inner = append(inner[:len(inner):len(inner)], c.IterVar(), c.IterVar2(), c.AccuVar())
		k.all([]ast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()}, inner)
		k.WriteByte(')')
	default:
		k.closed = false // not covered, and so not shared
	}
}

func (k *keyWriter) all(list []ast.Expr, inner names) {
	for _, e := range list {
		k.WriteByte(' ')
		k.write(e, inner)
	}
}

func (k *keyWriter) literal(v ref.Val) {
	k.WriteString(v.Type().TypeName() + ":")
	switch v := v.(type) {
	case types.String:
		k.WriteString(strconv.Quote(string(v)))
	case types.Int:
		k.WriteString(strconv.FormatInt(int64(v), 10))
	case types.Uint:
		k.WriteString(strconv.FormatUint(uint64(v), 10))
	case types.Double:
		k.WriteString(strconv.FormatFloat(float64(v), 'x', -1, 64))
	case types.Bool:
		k.WriteString(strconv.FormatBool(bool(v)))
	case types.Bytes:
		k.WriteString(strconv.Quote(string(v)))
	}
}

func (k *keyWriter) ident(name string, inner names) {
	for i := len(inner) - 1; i >= 0; i-- {
		if inner[i] == name {
			k.WriteString("$" + strconv.Itoa(i))
			return
		}
	}
	if k.around.find(name) != nil {
		k.closed = false
	}
	k.WriteString(name)
}
