package closure

import (
	"fmt"
	"net/netip"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The CEL types of addresses and networks.
var (
	IPType   = types.NewOpaqueType("ip")
	CIDRType = types.NewOpaqueType("cidr")
)

// IP is an address; the zero Addr is that of a text that is none, of which
// everything is false.
type IP struct{ netip.Addr }

// Type is IPType.
func (v IP) Type() ref.Type { return IPType }

// Value is the Addr.
func (v IP) Value() any { return v.Addr }

// Equal compares addresses; what is none equals nothing.
func (v IP) Equal(other ref.Val) ref.Val {
	o, ok := other.(IP)
	return types.Bool(ok && v.IsValid() && v.Addr == o.Addr)
}

// ConvertToType refuses; string(ip) is a function of its own.
func (v IP) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("cannot convert ip to %s", t.TypeName())
}

// ConvertToNative is not needed: no address leaves CEL.
func (v IP) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("convert ip to %v: not supported", t)
}

// CIDR is a network; the zero Prefix contains nothing.
type CIDR struct{ netip.Prefix }

// Type is CIDRType.
func (v CIDR) Type() ref.Type { return CIDRType }

// Value is the Prefix.
func (v CIDR) Value() any { return v.Prefix }

// Equal compares networks; what is none equals nothing.
func (v CIDR) Equal(other ref.Val) ref.Val {
	o, ok := other.(CIDR)
	return types.Bool(ok && v.IsValid() && v.Prefix == o.Prefix)
}

// ConvertToType refuses; string(cidr) is a function of its own.
func (v CIDR) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("cannot convert cidr to %s", t.TypeName())
}

// ConvertToNative is not needed: no network leaves CEL.
func (v CIDR) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("convert cidr to %v: not supported", t)
}
