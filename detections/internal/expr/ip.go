package expr

import (
	"fmt"
	"net/netip"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The CEL types of addresses and networks.
var (
	ipType   = types.NewOpaqueType("ip")
	cidrType = types.NewOpaqueType("cidr")
)

// ipVal is an address; the zero Addr is that of a text that is none, of which
// everything is false.
type ipVal struct{ netip.Addr }

func (v ipVal) Type() ref.Type { return ipType }
func (v ipVal) Value() any     { return v.Addr }

// Equal compares addresses; what is none equals nothing.
func (v ipVal) Equal(other ref.Val) ref.Val {
	o, ok := other.(ipVal)
	return types.Bool(ok && v.IsValid() && v.Addr == o.Addr)
}

func (v ipVal) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("cannot convert ip to %s", t.TypeName())
}

func (v ipVal) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("convert ip to %v: not supported", t)
}

// cidrVal is a network; the zero Prefix contains nothing.
type cidrVal struct{ netip.Prefix }

func (v cidrVal) Type() ref.Type { return cidrType }
func (v cidrVal) Value() any     { return v.Prefix }

// Equal compares networks; what is none equals nothing.
func (v cidrVal) Equal(other ref.Val) ref.Val {
	o, ok := other.(cidrVal)
	return types.Bool(ok && v.IsValid() && v.Prefix == o.Prefix)
}

func (v cidrVal) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("cannot convert cidr to %s", t.TypeName())
}

func (v cidrVal) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("convert cidr to %v: not supported", t)
}

func toIP(v ref.Val) ref.Val {
	addr, _ := parseIP(string(v.(types.String)))
	return ipVal{addr}
}

func toCIDR(v ref.Val) ref.Val {
	p, err := ParseCIDR(string(v.(types.String)))
	if err != nil {
		return cidrVal{}
	}
	return cidrVal{p}
}

// ipFunctions are total: of a text that is no address or network, all are false
// or zero.
func ipFunctions() []cel.EnvOption {
	is := func(name string, f func(netip.Addr) bool) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload("ip_"+name, []*cel.Type{ipType}, cel.BoolType,
			cel.UnaryBinding(func(v ref.Val) ref.Val {
				addr := v.(ipVal).Addr
				return types.Bool(addr.IsValid() && f(addr))
			})))
	}
	return []cel.EnvOption{
		cel.Types(ipType, cidrType),
		cel.Function("ip", unary("ip_of_string", cel.StringType, ipType, toIP)),
		cel.Function("isIP", unary("is_ip_string", cel.StringType, cel.BoolType, func(v ref.Val) ref.Val {
			_, ok := parseIP(string(v.(types.String)))
			return types.Bool(ok)
		})),
		cel.Function("cidr", unary("cidr_of_string", cel.StringType, cidrType, toCIDR)),
		cel.Function("containsIP",
			member("cidr_contains_ip", cidrType, ipType, cel.BoolType, containsIP),
			member("cidr_contains_string", cidrType, cel.StringType, cel.BoolType, func(c, s ref.Val) ref.Val {
				return containsIP(c, toIP(s))
			})),
		cel.Function("family", cel.MemberOverload("ip_family", []*cel.Type{ipType}, cel.IntType, cel.UnaryBinding(family))),
		is("isPrivate", netip.Addr.IsPrivate),
		is("isLoopback", netip.Addr.IsLoopback),
		is("isLinkLocal", netip.Addr.IsLinkLocalUnicast),
		is("isPublic", func(a netip.Addr) bool { return a.IsGlobalUnicast() && !a.IsPrivate() }),
	}
}

func containsIP(c, ip ref.Val) ref.Val {
	addr := ip.(ipVal).Addr
	return types.Bool(addr.IsValid() && c.(cidrVal).Contains(addr))
}

// family is 4, 6, or 0 for no address.
func family(v ref.Val) ref.Val {
	switch addr := v.(ipVal).Addr; {
	case addr.Is4():
		return types.Int(4)
	case addr.Is6():
		return types.Int(6)
	}
	return types.IntZero
}
