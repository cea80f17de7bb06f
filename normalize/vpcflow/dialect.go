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
	words := strings.Fields(line)
	if len(words) == 14 && isFlow(words) {
		return "default"
	}
	_, dialect := documented(words)
	return dialect
}

// newer are the fields of version 3 and later in the order in which AWS documents and
// its console writes them; a log that has all fields of a version has them so.
const newer = " vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id" +
	" pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path" +
	" ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id ecs-container-id ecs-second-container-id" +
	" ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id reject-reason resource-id encryption-status"

// transitGateway is the format of a transit gateway's flow log without a format.
const transitGateway = "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id" +
	" tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id" +
	" tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status type" +
	" packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags region flow-direction" +
	" pkt-src-aws-service pkt-dst-aws-service"

var (
	allFields = lookup(strings.Fields(DefaultFormat + newer))
	tgwFields = lookup(strings.Fields(transitGateway))
)

// documented tells the fields of a line without a header that has all fields of a
// version, or those of a transit gateway. Streams, as of CloudWatch Logs and Firehose,
// have no header.
func documented(words []string) (fields []*field, dialect string) {
	switch n := len(words); n {
	case len(tgwFields):
		if strings.HasPrefix(words[3], "tgw-") && isStatus(words[25]) && fits(tgwFields, words) {
			return tgwFields, "transit_gateway"
		}
	case 21, 25, 29, 39, 40, 41, 42: // of versions 3, 4, 5, 7, 8, 9, 10
		if isFlow(words) && fits(allFields[:n], words) {
			return allFields[:n], "all_fields"
		}
	}
	return nil, ""
}

func isStatus(word string) bool { return word == "OK" || word == "NODATA" || word == "SKIPDATA" }

// isFlow looks at the words of the default format that are always there.
func isFlow(words []string) bool {
	if !isStatus(words[13]) {
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
		case "type":
			ok = value == "IPv4" || value == "IPv6" || value == "EFA"
		case "flow-direction":
			ok = value == "ingress" || value == "egress"
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
