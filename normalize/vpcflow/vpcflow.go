// Package vpcflow maps VPC Flow Logs of AWS, and transit gateways', versions 2 to 10,
// class network_activity.
//
// A record is a line of fields with a space between, or a JSON object with the
// fields' names as keys (as Firehose, Athena and others write them: flow-direction,
// flow_direction, flowDirection). Which fields a line has is told by, in this order:
//
//  1. the header line of its file, which the collector puts before each line of a
//     file whose header is not that of the default format:
//     "version vpc-id srcaddr ..\n5 vpc-0f1e.. 192.0.2.1 ..";
//  2. a configured format with that number of fields;
//  3. the default format, of 14 fields.
//
// Decisions:
//
//   - The activity is Traffic, whether it was accepted or rejected: action and
//     disposition tell that (profile security_control).
//   - time and start_time are the start of the aggregation interval, end_time is its end.
//   - src_endpoint.ip is pkt-srcaddr where a record has it, for that is the end of the
//     connection; an srcaddr that differs (a NAT gateway, a node before its pod) is
//     listed in intermediate_ips. dst_endpoint likewise.
//   - The interface where the flow was seen is network_observation_point. With a
//     flow-direction it is the source or destination too, which then has instance,
//     subnet and VPC.
//   - A record without traffic (NODATA) or that was lost (SKIPDATA) has that as its
//     activity_name and status_code, and its interface in place of a source.
//   - "-" is absent. What OCSF has no attribute for (ECS, sublocations) is in unmapped
//     under the field's own name.
//
// Source: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
package vpcflow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

var source = normalize.Source{Name: normalize.NetworkVPCFlow, Product: "VPC Flow Logs", Vendor: "AWS"}

// DefaultFormat are the fields of version 2, which a flow log without a format has.
const DefaultFormat = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"

// Mapper maps flow log records. It implements normalize.Mapper.
type Mapper struct {
	json    normalize.JSONRecord
	formats [][]*field // configured ones, and the default one last
	header  string     // of the last record that had one, and its fields
	fields  []*field
	scratch []byte
}

// New is a mapper for one goroutine. Each format is the names of a custom format's
// fields, for lines that come without a header.
func New(formats ...[]string) *Mapper {
	m := new(Mapper)
	for _, names := range append(formats, strings.Fields(DefaultFormat)) {
		m.formats = append(m.formats, lookup(names))
	}
	return m
}

// ParseFormat reads a format as AWS takes it: "${version} ${vpc-id} ..", or the
// bare names.
func ParseFormat(format string) ([]string, error) {
	var names []string
	for _, word := range strings.Fields(strings.NewReplacer("${", " ", "}", " ").Replace(format)) {
		if !slices.Contains(FieldNames(), word) {
			return nil, fmt.Errorf("unknown field %q of VPC Flow Logs", word)
		}
		if slices.Contains(names, word) {
			return nil, fmt.Errorf("field %q is there twice", word)
		}
		names = append(names, word)
	}
	if len(names) < 2 {
		return nil, fmt.Errorf("want the names of at least two fields, such as ${srcaddr} ${dstaddr} ${start}")
	}
	return names, nil
}

// lookup finds the fields of names; one that is not known keeps its name.
func lookup(names []string) []*field {
	list := make([]*field, len(names))
	for i, name := range names {
		if list[i] = byName[name]; list[i] == nil {
			list[i] = &field{name: name}
		}
	}
	return list
}

// Map implements normalize.Mapper.
func (m *Mapper) Map(rec *event.Record, ev *ocsf.Event) error {
	source.Begin(ev)
	ev.SetClass(ocsf.ClassNetworkActivity)
	if len(rec.Value) > 0 && rec.Value[0] == '{' {
		return m.mapObject(rec, ev)
	}
	text := normalize.ValidText(string(rec.Value))
	ev.SetRawData(text)
	line := text
	header, rest, hasHeader := strings.Cut(text, "\n")
	if hasHeader {
		line = rest
	}
	values := strings.Fields(line)
	fields, err := m.fieldsOf(header, hasHeader, values)
	if err != nil {
		return err
	}
	f := flow{ev: ev}
	m.scratch = m.scratch[:0]
	for i, value := range values {
		if value != "-" && !fields[i].put(&f, value) {
			m.leave(fields[i].name, value)
		}
	}
	if len(m.scratch) > 0 {
		ev.SetUnmapped(ocsf.JSON(append(m.scratch, '}')))
	}
	if err := f.finish(rec); err != nil {
		return err
	}
	normalize.AddObservables(ev)
	normalize.ObserveDestination(ev)
	return nil
}

// fieldsOf tells the fields of a line.
func (m *Mapper) fieldsOf(header string, hasHeader bool, values []string) ([]*field, error) {
	if hasHeader {
		if header != m.header {
			m.header, m.fields = header, lookup(strings.Fields(header))
		}
		if len(m.fields) == len(values) {
			return m.fields, nil
		}
		return nil, syntax("the line has %d fields, its header %d", len(values), len(m.fields))
	}
	if isHeader(values) {
		return nil, normalize.WrongSource("a header, and no flow")
	}
	for _, fields := range m.formats {
		if len(fields) == len(values) {
			return fields, nil
		}
	}
	if fields, _ := documented(values); fields != nil {
		return fields, nil
	}
	return nil, syntax("%d fields and no header: not the default format; configure the format of this flow log", len(values))
}

func syntax(format string, args ...any) error {
	return &normalize.Error{Reason: event.ReasonSyntax, Detail: fmt.Sprintf(format, args...)}
}

// leave adds what no attribute holds to unmapped.
func (m *Mapper) leave(name, value string) {
	if len(m.scratch) == 0 {
		m.scratch = append(m.scratch, '{')
	} else {
		m.scratch = append(m.scratch, ',')
	}
	m.scratch = normalize.AppendString(m.scratch, name)
	m.scratch = append(m.scratch, ':')
	m.scratch = normalize.AppendString(m.scratch, value)
}

// mapObject maps a record that is a JSON object.
func (m *Mapper) mapObject(rec *event.Record, ev *ocsf.Event) error {
	root, err := m.json.Begin(rec, ev)
	if err != nil {
		return err
	}
	f := flow{ev: ev}
	for key, v := range root.Members {
		known := byKey[key]
		if known == nil {
			known = byKey[spell(key)]
		}
		text := v.Text()
		switch {
		case known == nil:
		case text == "" && v.Kind() <= jsondoc.String, text == "-", text == "null":
			v.Use()
		case text != "" && known.put(&f, text):
			v.Use()
		}
	}
	if err := f.finish(rec); err != nil {
		return err
	}
	m.json.Finish(ev)
	normalize.ObserveDestination(ev)
	return nil
}

// spell is a key as byKey has it: in small letters, without what parts words.
func spell(key string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == '_':
			return -1
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, key)
}
