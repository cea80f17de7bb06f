package expr

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/functions"

	"github.com/weir-security/weir/detections/internal/closure"
)

// Function is one function of rules, as the reference lists it.
type Function struct {
	Section   string // of the reference
	Name      string // glob, jwt.header
	Signature string // text.glob(pattern) -> bool
	Doc       string // one sentence or two
	Example   string // a condition that holds
	Cost      string // how the estimate counts it: "1 + 0.1 a character"

	overloads []overload // of weir's own; none for those of CEL
}

// overload is one form of a function.
type overload struct {
	id     string
	member bool // called on its first argument
	native closure.Native
	// each is the estimated cost of one character of the texts that it is given, in
	// tenths of a unit; squared takes their product.
	each    uint64
	squared bool
	most    uint64 // of characters, or pairs of them; 0 is no bound
}

// on is a member function's overload.
func on(id string, native closure.Native) overload {
	return overload{id: id, member: true, native: native}
}

// of is the overload of a function that is no member.
func of(id string, native closure.Native) overload { return overload{id: id, native: native} }

// costing gives the overload a cost for each character.
func (o overload) costing(tenths uint64) overload {
	o.each = tenths
	return o
}

// costingPairs is costing for each pair of characters of two texts.
func (o overload) costingPairs(tenths uint64) overload {
	o.each, o.squared = tenths, true
	return o
}

// bounded limits how many characters, or pairs of them, cost something.
func (o overload) bounded(most uint64) overload {
	o.most = most
	return o
}

// Functions are all functions of rules in the order of the reference.
func Functions() []Function {
	var all []Function
	for _, section := range [][]Function{
		textFunctions, celText, decodeFunctions, policyFunctions, celList, netFunctions, conversionFunctions,
		celMath, celTime, celOther,
	} {
		all = append(all, section...)
	}
	return all
}

// own are the overloads of weir's own functions by id.
var own = ownOverloads()

func ownOverloads() map[string]overload {
	all := map[string]overload{}
	for _, f := range Functions() {
		for _, o := range f.overloads {
			all[o.id] = o
		}
	}
	return all
}

// declare makes cel-go's declarations of weir's own functions.
func declare() []cel.EnvOption {
	var options []cel.EnvOption
	for _, f := range Functions() {
		var overloads []cel.FunctionOpt
		for _, o := range f.overloads {
			overloads = append(overloads, o.declare())
		}
		if len(overloads) > 0 {
			options = append(options, cel.Function(f.Name, overloads...))
		}
	}
	return options
}

func (o overload) declare() cel.FunctionOpt {
	var binding cel.OverloadOpt
	switch unary, binary, function := o.native.Bind(); {
	case unary != nil:
		binding = cel.UnaryBinding(unary)
	case binary != nil:
		binding = cel.BinaryBinding(binary)
	default:
		binding = cel.FunctionBinding(function)
	}
	if o.member {
		return cel.MemberOverload(o.id, o.native.Args(), o.native.Result(), binding)
	}
	return cel.Overload(o.id, o.native.Args(), o.native.Result(), binding)
}

// closures is the library of compiled expressions: cel-go's bindings of an
// environment, and what is known without CEL values.
func closures(e *cel.Env, lists map[string]*List) (*closure.Library, error) {
	l := &closure.Library{
		Functions: map[string]*functions.Overload{}, Natives: map[string]closure.Native{},
		Prepared: map[string]closure.Prepare{}, Items: jsonItems,
	}
	for _, f := range e.Functions() {
		bindings, err := f.Bindings()
		if err != nil {
			return nil, err
		}
		for _, b := range bindings {
			l.Functions[b.Operator] = b
		}
	}
	for id, o := range own {
		l.Natives[id] = o.native
	}
	for id, n := range celNatives {
		l.Natives[id] = n
	}
	for id, n := range jsonNatives() {
		l.Natives[id] = n
	}
	for _, list := range lists {
		l.Natives[inListText+list.Name], l.Natives[inListJSON+list.Name] = listNatives(list)
	}
	for id, p := range preparations {
		l.Prepared[id] = p
	}
	return l, nil
}
