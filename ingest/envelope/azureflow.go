package envelope

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// maxTuples is how long the records of one flow log record may be together. Azure
// writes a record a minute and network interface.
const maxTuples = 64 << 20

// holdsTuples tells whether an element may be a record of Azure's flow logs.
func holdsTuples(value []byte) bool { return bytes.Contains(value, []byte(`"flowTuples"`)) }

// expandTuples begins to read a record of Azure's flow logs, which holds the flows of
// a minute, as one record a flow:
//
//	{<what the record has but flows>, "rule": .., "mac": .., "flowTuple": "1542110377,10.0.0.4,.."}
//
// NSG flow logs have them in properties.flows[].flows[].flowTuples[], virtual network
// flow logs in flowRecords.flows[].flowGroups[].flowTuples[]. Like those of a
// transport, the pieces have the offsets of the record's own bytes, one after the
// other. A record without flows stays as it is.
// https://learn.microsoft.com/azure/network-watcher/vnet-flow-logs-overview#log-format
func (s *Splitter) expandTuples(p Piece) (Piece, outcome) {
	c := &s.carried
	if c.doc.Parse(p.Value) != nil {
		return p, isRecord // the mapper says what is wrong
	}
	t := tuples{data: c.data[:0], root: c.doc.Root()}
	t.record("properties", "flows")
	t.record("flowRecords", "flowGroups")
	c.data = t.data
	switch {
	case t.tooLong:
		p.Reason = event.ReasonTooLarge
		p.Detail = fmt.Sprintf("the flows of one record are longer than %d MiB as records", maxTuples>>20)
		return p, isRecord
	case len(c.data) == 0:
		return p, isRecord
	}
	s.enterInner(p, bytes.NewReader(c.data))
	return Piece{}, isOpen
}

// tuples writes the flows of a record as NDJSON.
type tuples struct {
	data    []byte
	root    jsondoc.Value
	head    []byte
	tooLong bool
}

// record writes the flows below root[holder].flows[][groups][].flowTuples.
func (t *tuples) record(holder, groups string) {
	outer := t.root.Get(holder)
	for flow := range outer.Get("flows").Elements {
		for group := range flow.Get(groups).Elements {
			list := group.Get("flowTuples")
			if list.Len() == 0 {
				continue
			}
			t.head = append(t.head[:0], '{')
			t.head = appendMembers(t.head, t.root, holder)
			if inner := appendMembers([]byte{'{'}, outer, "flows"); len(inner) > 1 {
				t.head = appendKey(t.head, holder)
				t.head = append(append(t.head, inner...), '}')
			}
			t.head = appendMembers(t.head, flow, groups)
			t.head = appendMembers(t.head, group, "flowTuples")
			t.head = appendKey(t.head, "flowTuple")
			for tuple := range list.Elements {
				if len(t.data)+len(t.head) > maxTuples {
					t.tooLong = true
					return
				}
				t.data = append(t.data, t.head...)
				t.data = append(t.data, tuple.JSON()...)
				t.data = append(t.data, '}', '\n')
			}
		}
	}
}

// appendMembers appends the members of an object to one that is open, but one.
func appendMembers(dst []byte, object jsondoc.Value, but string) []byte {
	for key, v := range object.Members {
		if key != but {
			dst = append(appendKey(dst, key), v.JSON()...)
		}
	}
	return dst
}

func appendKey(dst []byte, key string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	quoted, err := json.Marshal(key)
	if err != nil { // a text always marshals
		quoted = []byte(`""`)
	}
	return append(append(dst, quoted...), ':')
}
