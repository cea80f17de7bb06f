package expr

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// List is a named set of values that rules refer to as lists.NAME.
type List struct {
	Name string
	Kind ListKind
	Fold bool // without regard to case
	// network is a value of Strings that is a network: addresses are compared with it as
	// texts. Empty if there is none.
	network string
	// Contains tells whether a value is in the set.
	Contains func(string) bool
}

// ListKind is what a list holds.
type ListKind int

// The kinds of lists.
const (
	Strings ListKind = iota
	CIDRs
	Globs
)

// NewStrings is a set of texts.
func NewStrings(name string, values []string, fold bool) *List {
	set := make(map[string]struct{}, len(values))
	network := ""
	for _, v := range values {
		if _, err := netip.ParsePrefix(v); err == nil && network == "" {
			network = v
		}
		if fold {
			v = strings.ToLower(v)
		}
		set[v] = struct{}{}
	}
	return &List{Name: name, Fold: fold, network: network, Contains: func(s string) bool {
		if fold {
			s = strings.ToLower(s)
		}
		_, ok := set[s]
		return ok
	}}
}

// NewCIDRs is a set of networks. It contains the addresses in them; a text that
// is no address is in none.
func NewCIDRs(name string, networks []netip.Prefix) *List {
	byLength := map[int]map[netip.Prefix]struct{}{}
	for _, p := range networks {
		p = p.Masked()
		key := p.Bits()
		if p.Addr().Is6() {
			key += 1000
		}
		if byLength[key] == nil {
			byLength[key] = map[netip.Prefix]struct{}{}
		}
		byLength[key][p] = struct{}{}
	}
	return &List{Name: name, Kind: CIDRs, Contains: func(s string) bool {
		addr, ok := parseIP(s)
		if !ok {
			return false
		}
		for key, set := range byLength {
			bits, is6 := key, false
			if key >= 1000 {
				bits, is6 = key-1000, true
			}
			if addr.Is6() != is6 {
				continue
			}
			if p, err := addr.Prefix(bits); err == nil {
				if _, ok := set[p]; ok {
					return true
				}
			}
		}
		return false
	}}
}

// NewGlobs is a set of patterns. It contains the texts that one of them matches.
func NewGlobs(name string, patterns []string, fold bool) *List {
	return &List{Name: name, Kind: Globs, Fold: fold, Contains: func(s string) bool {
		for _, p := range patterns {
			if globMatch(p, s, fold) {
				return true
			}
		}
		return false
	}}
}

// ParseCIDR reads a network, or an address as the network of itself. Bits below
// the mask must be zero: they are usually a mistake.
func ParseCIDR(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("%q is neither a network nor an address", s)
		}
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no network", s)
	}
	if p.Masked() != p {
		return netip.Prefix{}, fmt.Errorf("%q has bits set beyond its length; the network is %s", s, p.Masked())
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 { // as parseIP has the addresses in it
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p, nil
}

// parseIP reads an address without zone, an IPv4 address in IPv6 as IPv4.
func parseIP(s string) (netip.Addr, bool) {
	if !mayBeIP(s) {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.Unmap().WithZone(""), true
}

// mayBeIP is false for most texts that are none, such as host names: the error of
// netip.ParseAddr, which nobody reads, is an allocation.
func mayBeIP(s string) bool {
	s, _, zone := strings.Cut(s, "%")
	if strings.Contains(s, ":") {
		return strings.Trim(s, "0123456789abcdefABCDEF:.") == ""
	}
	return !zone && strings.Count(s, ".") == 3 && strings.Trim(s, "0123456789.") == ""
}

// List is a list by name, nil if there is none.
func (c *Compiler) List(name string) *List { return c.lists[name] }

// Lists are the names of all lists.
func (c *Compiler) Lists() []string { return slices.Sorted(maps.Keys(c.lists)) }
