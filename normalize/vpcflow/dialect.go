package vpcflow

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// LineDialect names the shape of a line: "default", or "header" if its file's header
// stands before it; "" if it is no flow.
func LineDialect(line string) string {
	if header, rest, ok := strings.Cut(line, "\n"); ok {
		names := strings.Fields(header)
		if isHeader(names) && len(strings.Fields(rest)) == len(names) {
			return "header"
		}
		return ""
	}
	if words := strings.Fields(line); len(words) == 14 && isFlow(words) {
		return "default"
	}
	return ""
}

// isFlow looks at the words of the default format that are always there.
func isFlow(words []string) bool {
	switch words[13] {
	case "OK", "NODATA", "SKIPDATA":
	default:
		return false
	}
	switch words[12] {
	case "ACCEPT", "REJECT", "-":
	default:
		return false
	}
	return strings.Trim(words[10]+words[11], "0123456789") == "" && (words[3] == "-" || normalize.IsIP(words[3]))
}

// NewLineDialect is LineDialect that knows configured formats, too.
func NewLineDialect(formats ...[]string) func(line string) string {
	m := New(formats...)
	return func(line string) string {
		if dialect := LineDialect(line); dialect != "" {
			return dialect
		}
		words := strings.Fields(line)
		for _, fields := range m.formats[:len(formats)] {
			if len(fields) == len(words) && fits(fields, words) {
				return "custom"
			}
		}
		return ""
	}
}

// fits tells whether addresses, numbers and actions stand where the format has them.
func fits(fields []*field, words []string) bool {
	for i, d := range fields {
		value, ok := words[i], true
		switch d.name {
		case "srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr":
			ok = normalize.IsIP(value)
		case "version", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "tcp-flags":
			ok = strings.Trim(value, "0123456789") == ""
		case "action":
			ok = value == "ACCEPT" || value == "REJECT"
		}
		if !ok && value != "-" {
			return false
		}
	}
	return true
}

// Dialect names the shape of a JSON record: "object" if it has both addresses of a
// flow, and something else that only flow logs have; "" if it is none.
func Dialect(root jsondoc.Value) string {
	if root.Kind() != jsondoc.Object {
		return ""
	}
	var addresses, more int
	for key := range root.Members {
		known := byKey[key]
		if known == nil {
			known = byKey[spell(key)]
		}
		if known == nil {
			continue
		}
		switch known.name {
		case "srcaddr", "dstaddr":
			addresses++
		case "srcport", "dstport", "interface-id", "flow-direction", "log-status", "pkt-srcaddr", "vpc-id", "account-id", "action":
			more++
		}
	}
	if addresses == 2 && more > 0 {
		return "object"
	}
	return ""
}
