package vpcflow

import (
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// flow is the event of a record in the making.
type flow struct {
	ev                        *ocsf.Event
	srcAddr, dstAddr          string
	pktSrc, pktDst            string
	interfaceID, instanceID   string
	vpc, subnet               string
	direction, status, action string
	hasStart                  bool
	seen                      [maxFields]bool
}

// maxFields is more than table has.
const maxFields = 80

// field is one of the fields that a flow log can have.
type field struct {
	name string
	// set puts a value where it belongs, and tells whether it fitted. Nil: unmapped.
	set   func(f *flow, value string) bool
	index int // in table
}

// put sets a value and tells whether an attribute holds it. Of a field that comes
// twice, as in an object with two spellings, it is the first.
func (d *field) put(f *flow, value string) bool {
	if d.set == nil || f.seen[d.index] {
		return false
	}
	f.seen[d.index] = true
	return d.set(f, value)
}

// text makes the set of a field that takes any text.
func text(to func(f *flow, value string)) func(*flow, string) bool {
	return func(f *flow, value string) bool {
		to(f, value)
		return true
	}
}

// number makes the set of a field that takes a number from 0 to most.
func number(most int64, to func(f *flow, n int64)) func(*flow, string) bool {
	return func(f *flow, value string) bool {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 || n > most {
			return false
		}
		to(f, n)
		return true
	}
}

// address makes the set of a field that takes an IP address.
func address(to func(f *flow, ip string)) func(*flow, string) bool {
	return func(f *flow, value string) bool {
		if !normalize.IsIP(value) {
			return false
		}
		to(f, value)
		return true
	}
}

// word makes the set of a field that takes one of a few words, in any case.
func word(to func(f *flow, value string), words ...string) func(*flow, string) bool {
	return func(f *flow, value string) bool {
		for _, w := range words {
			if strings.EqualFold(value, w) {
				to(f, w)
				return w == value
			}
		}
		return false
	}
}

const (
	maxInt32 = 1<<31 - 1
	maxInt64 = 1<<63 - 1
	maxTime  = 253402300799 // the end of 9999
)

// table are the fields, as AWS names them.
var table = []field{
	{name: "version", set: text(func(f *flow, v string) { f.ev.Metadata.SetLogVersion(v) })},
	{name: "account-id", set: text(func(f *flow, v string) { f.ev.Cloud.Account.SetUID(v) })},
	{name: "interface-id", set: text(func(f *flow, v string) { f.interfaceID = v })},
	{name: "srcaddr", set: address(func(f *flow, v string) { f.srcAddr = v })},
	{name: "dstaddr", set: address(func(f *flow, v string) { f.dstAddr = v })},
	{name: "srcport", set: number(65535, func(f *flow, n int64) { f.ev.SrcEndpoint.SetPort(int32(n)) })},
	{name: "dstport", set: number(65535, func(f *flow, n int64) { f.ev.DstEndpoint.SetPort(int32(n)) })},
	{name: "protocol", set: number(255, func(f *flow, n int64) { normalize.SetProtocol(&f.ev.ConnectionInfo, int32(n)) })},
	{name: "packets", set: number(maxInt64, func(f *flow, n int64) { f.ev.Traffic.SetPackets(n) })},
	{name: "bytes", set: number(maxInt64, func(f *flow, n int64) { f.ev.Traffic.SetBytes(n) })},
	{name: "start", set: number(maxTime, func(f *flow, n int64) { f.ev.SetStartTime(n * 1000); f.hasStart = true })},
	{name: "end", set: number(maxTime, func(f *flow, n int64) { f.ev.SetEndTime(n * 1000) })},
	{name: "action", set: word(func(f *flow, v string) { f.action = v }, "ACCEPT", "REJECT")},
	{name: "log-status", set: text(func(f *flow, v string) { f.status = v })},
	{name: "vpc-id", set: text(func(f *flow, v string) { f.vpc = v })},
	{name: "subnet-id", set: text(func(f *flow, v string) { f.subnet = v })},
	{name: "instance-id", set: text(func(f *flow, v string) { f.instanceID = v })},
	{name: "tcp-flags", set: number(maxInt32, func(f *flow, n int64) { f.ev.ConnectionInfo.SetTCPFlags(int32(n)) })},
	{name: "type"},
	{name: "pkt-srcaddr", set: address(func(f *flow, v string) { f.pktSrc = v })},
	{name: "pkt-dstaddr", set: address(func(f *flow, v string) { f.pktDst = v })},
	{name: "region", set: text(func(f *flow, v string) { f.ev.Cloud.SetRegion(v) })},
	{name: "az-id", set: text(func(f *flow, v string) { f.ev.Cloud.SetZone(v) })},
	{name: "sublocation-type"},
	{name: "sublocation-id"},
	{name: "pkt-src-aws-service", set: text(func(f *flow, v string) { f.ev.SrcEndpoint.SetSvcName(v) })},
	{name: "pkt-dst-aws-service", set: text(func(f *flow, v string) { f.ev.DstEndpoint.SetSvcName(v) })},
	{name: "flow-direction", set: word(func(f *flow, v string) { f.direction = v }, "ingress", "egress")},
	{name: "traffic-path", set: number(8, func(f *flow, n int64) { setBoundary(&f.ev.ConnectionInfo, n) })},
	{name: "reject-reason", set: text(func(f *flow, v string) { f.ev.SetStatusDetail(v) })},
	{name: "ecs-cluster-arn"}, {name: "ecs-cluster-name"}, {name: "ecs-container-instance-arn"},
	{name: "ecs-container-instance-id"}, {name: "ecs-container-id"}, {name: "ecs-second-container-id"},
	{name: "ecs-service-name"}, {name: "ecs-task-definition-arn"}, {name: "ecs-task-arn"}, {name: "ecs-task-id"},
	{name: "resource-id"}, {name: "encryption-status"},
	// Transit gateways.
	{name: "resource-type"}, {name: "tgw-id"}, {name: "tgw-attachment-id"}, {name: "tgw-pair-attachment-id"},
	{name: "tgw-src-vpc-account-id"}, {name: "tgw-dst-vpc-account-id"},
	{name: "tgw-src-vpc-id", set: text(func(f *flow, v string) { f.ev.SrcEndpoint.SetVPCUID(v) })},
	{name: "tgw-dst-vpc-id", set: text(func(f *flow, v string) { f.ev.DstEndpoint.SetVPCUID(v) })},
	{name: "tgw-src-subnet-id", set: text(func(f *flow, v string) { f.ev.SrcEndpoint.SetSubnetUID(v) })},
	{name: "tgw-dst-subnet-id", set: text(func(f *flow, v string) { f.ev.DstEndpoint.SetSubnetUID(v) })},
	{name: "tgw-src-eni", set: text(func(f *flow, v string) { f.ev.SrcEndpoint.SetInterfaceUID(v) })},
	{name: "tgw-dst-eni", set: text(func(f *flow, v string) { f.ev.DstEndpoint.SetInterfaceUID(v) })},
	{name: "tgw-src-az-id", set: text(func(f *flow, v string) { f.ev.SrcEndpoint.SetZone(v) })},
	{name: "tgw-dst-az-id", set: text(func(f *flow, v string) { f.ev.DstEndpoint.SetZone(v) })},
	{name: "packets-lost-no-route"}, {name: "packets-lost-blackhole"}, {name: "packets-lost-mtu-exceeded"},
	{name: "packets-lost-ttl-expired"},
}

// otherKeys are what objects call fields otherwise: AWS' tables for Athena, Panther.
var otherKeys = map[string]string{
	"account": "account-id", "sourceaddress": "srcaddr", "destinationaddress": "dstaddr",
	"sourceport": "srcport", "destinationport": "dstport", "numpackets": "packets", "numbytes": "bytes",
	"starttime": "start", "endtime": "end", "status": "log-status", "trafficpath": "traffic-path",
}

// byName finds a field by its name, byKey by an object's key as spell writes it.
var byName, byKey = indexes()

func indexes() (byName, byKey map[string]*field) {
	byName, byKey = make(map[string]*field), make(map[string]*field)
	for i := range table {
		d := &table[i]
		d.index = i
		byName[d.name], byKey[d.name], byKey[spell(d.name)] = d, d, d
	}
	for key, name := range otherKeys {
		byKey[key] = byName[name]
	}
	return byName, byKey
}

// FieldNames are the names of all fields that are known: they tell a header.
func FieldNames() []string {
	names := make([]string, len(table))
	for i := range table {
		names[i] = table[i].name
	}
	return names
}

// isHeader tells whether the words of a line are names of fields: at least two, and
// half of them, are known. AWS adds some every year.
func isHeader(words []string) bool {
	known := 0
	for _, w := range words {
		if w[0] < 'a' || 'z' < w[0] {
			return false
		}
		if byName[w] != nil {
			known++
		}
	}
	return known > 1 && 2*known >= len(words)
}

// setBoundary sets the way that traffic took, which OCSF numbers as AWS does, three
// behind.
func setBoundary(info *ocsf.NetworkConnectionInfo, path int64) {
	if path > 0 {
		info.SetBoundaryID(int32(path) + ocsf.NetworkConnectionInfoBoundaryIDExternal)
	}
}

// finish sets what several fields tell together.
func (f *flow) finish(rec *event.Record) error {
	ev := f.ev
	switch {
	case f.hasStart:
		ev.SetTime(ev.StartTime())
	case ev.HasEndTime():
		ev.SetTime(ev.EndTime())
	default:
		return normalize.Missing("start that is a time")
	}
	ev.Metadata.SetUID(normalize.OriginUID(rec))
	ev.Metadata.Profiles = append(ev.Metadata.Profiles, "cloud")
	ev.Cloud.SetProvider("AWS")
	if ev.Cloud.Account.HasUID() {
		ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
	f.finishEndpoint(&ev.SrcEndpoint, f.srcAddr, f.pktSrc)
	f.finishEndpoint(&ev.DstEndpoint, f.dstAddr, f.pktDst)
	f.finishInterface()
	f.finishStatus()
	return nil
}

func (f *flow) finishEndpoint(end *ocsf.NetworkEndpoint, addr, pkt string) {
	switch {
	case pkt != "" && addr != "" && pkt != addr:
		end.SetIP(pkt)
		end.IntermediateIPs = append(end.IntermediateIPs, addr)
	case pkt != "":
		end.SetIP(pkt)
	case addr != "":
		end.SetIP(addr)
	}
	if end.HasIP() && !f.ev.ConnectionInfo.HasProtocolVerID() {
		normalize.SetIPVersion(&f.ev.ConnectionInfo, end.IP())
	}
	if end.Present() && !end.HasIP() && !end.HasSvcName() && !end.HasInterfaceUID() {
		end.SetName(normalize.Unknown) // a port without an address
	}
}

// finishInterface sets where the flow was seen, and with a direction which end
// that is.
func (f *flow) finishInterface() {
	ev, point := f.ev, &f.ev.NetworkObservationPoint
	set(f.interfaceID, point.SetInterfaceUID)
	set(f.instanceID, point.SetInstanceUID)
	set(f.vpc, point.SetVPCUID)
	set(f.subnet, point.SetSubnetUID)
	if point.Present() && !point.HasInterfaceUID() && !point.HasInstanceUID() {
		point.SetName(normalize.Unknown)
	}
	var end *ocsf.NetworkEndpoint
	info := &ev.ConnectionInfo
	switch f.direction {
	case "ingress":
		info.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDInbound)
		ev.SetObservationPointID(ocsf.ObservationPointIDDestination)
		end = &ev.DstEndpoint
	case "egress":
		info.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDOutbound)
		ev.SetObservationPointID(ocsf.ObservationPointIDSource)
		end = &ev.SrcEndpoint
	default:
		info.SetDirectionID(ocsf.NetworkConnectionInfoDirectionIDUnknown)
	}
	if end != nil && end.Present() {
		set(f.interfaceID, end.SetInterfaceUID)
		set(f.instanceID, end.SetInstanceUID)
		set(f.vpc, end.SetVPCUID)
		set(f.subnet, end.SetSubnetUID)
	}
	if !ev.SrcEndpoint.Present() && !ev.DstEndpoint.Present() {
		if f.interfaceID != "" {
			ev.SrcEndpoint.SetInterfaceUID(f.interfaceID)
		} else {
			ev.SrcEndpoint.SetName(normalize.Unknown)
		}
	}
}

// finishStatus sets what was decided about the flow, and whether it was logged.
func (f *flow) finishStatus() {
	ev := f.ev
	ev.SetActivityID(ocsf.NetworkActivityActivityIDTraffic)
	set(f.status, ev.SetStatusCode)
	switch f.status {
	case "":
	case "OK":
		ev.SetStatusID(ocsf.StatusIDSuccess)
	case "NODATA", "SKIPDATA":
		ev.SetActivityID(ocsf.ActivityIDOther)
		ev.SetActivityName(f.status)
		fallthrough
	default:
		ev.SetStatusID(ocsf.StatusIDOther)
		ev.SetStatus(f.status)
	}
	switch f.action {
	case "ACCEPT":
		ev.SetActionID(ocsf.ActionIDAllowed)
		ev.SetDispositionID(ocsf.DispositionIDAllowed)
	case "REJECT":
		ev.SetActionID(ocsf.ActionIDDenied)
		ev.SetDispositionID(ocsf.DispositionIDBlocked)
	default:
		return
	}
	ev.Metadata.Profiles = append(ev.Metadata.Profiles, "security_control")
}

func set(text string, to func(string)) {
	if text != "" {
		to(text)
	}
}
