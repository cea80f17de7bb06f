package envelope

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

const nsgFlows = `{"records":[
 {"time":"2026-11-20T12:00:00Z","macAddress":"000D3AF87856","category":"NetworkSecurityGroupFlowEvent","resourceId":"/SUBSCRIPTIONS/1/NSG","properties":{"Version":2,"flows":[
  {"rule":"DenyAll","flows":[{"mac":"000D3AF87856","flowTuples":["1795176000,198.51.100.9,10.0.0.4,1,22,T,I,D,B,,,,","1795176001,198.51.100.9,10.0.0.4,2,22,T,I,D,B,,,,"]}]},
  {"rule":"Allow \"web\"","flows":[{"mac":"000D3AF87857","flowTuples":["1795176002,192.0.2.7,10.0.0.4,3,443,T,I,A,E,1,2,3,4"]}]}]}},
 {"time":"2026-11-20T12:01:00Z","category":"NetworkSecurityGroupFlowEvent","properties":{"Version":2,"flows":[]}},
 {"time":"2026-11-20T12:02:00Z","category":"FlowLogFlowEvent","flowLogVersion":4,"flowRecords":{"flows":[{"aclID":"acl-1","flowGroups":[{"rule":"Out","flowTuples":["1795176120000,10.0.0.6,192.0.2.8,4,443,6,O,B,NX,0,0,0,0",7]}]}]}}
]}`

// flowRecords are what nsgFlows is split into.
var flowRecords = []string{
	`{"time":"2026-11-20T12:00:00Z","macAddress":"000D3AF87856","category":"NetworkSecurityGroupFlowEvent","resourceId":"/SUBSCRIPTIONS/1/NSG","properties":{"Version":2},"rule":"DenyAll","mac":"000D3AF87856","flowTuple":"1795176000,198.51.100.9,10.0.0.4,1,22,T,I,D,B,,,,"}`,
	`{"time":"2026-11-20T12:00:00Z","macAddress":"000D3AF87856","category":"NetworkSecurityGroupFlowEvent","resourceId":"/SUBSCRIPTIONS/1/NSG","properties":{"Version":2},"rule":"DenyAll","mac":"000D3AF87856","flowTuple":"1795176001,198.51.100.9,10.0.0.4,2,22,T,I,D,B,,,,"}`,
	`{"time":"2026-11-20T12:00:00Z","macAddress":"000D3AF87856","category":"NetworkSecurityGroupFlowEvent","resourceId":"/SUBSCRIPTIONS/1/NSG","properties":{"Version":2},"rule":"Allow \"web\"","mac":"000D3AF87857","flowTuple":"1795176002,192.0.2.7,10.0.0.4,3,443,T,I,A,E,1,2,3,4"}`,
	`{"time":"2026-11-20T12:01:00Z","category":"NetworkSecurityGroupFlowEvent","properties":{"Version":2,"flows":[]}}`,
	`{"time":"2026-11-20T12:02:00Z","category":"FlowLogFlowEvent","flowLogVersion":4,"aclID":"acl-1","rule":"Out","flowTuple":"1795176120000,10.0.0.6,192.0.2.8,4,443,6,O,B,NX,0,0,0,0"}`,
	`{"time":"2026-11-20T12:02:00Z","category":"FlowLogFlowEvent","flowLogVersion":4,"aclID":"acl-1","rule":"Out","flowTuple":7}`,
}

var flowFormat = Format{Kind: JSON, EnvelopeKeys: []string{"records"}, Transports: FlowTuples}

func TestFlowTuples(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(nsgFlows), "bytes": iotest.OneByteReader(strings.NewReader(nsgFlows)),
	} {
		got, _ := readFlows(t, r, Position{})
		if !slices.Equal(got, flowRecords) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(flowRecords, "\n"))
		}
	}
}

// A reader that goes on from the position behind any record gets those after it:
// each once.
func TestFlowTuplesResume(t *testing.T) {
	_, positions := readFlows(t, strings.NewReader(nsgFlows), Position{})
	for i, from := range positions {
		got, _ := readFlows(t, strings.NewReader(nsgFlows[from.Start:]), from)
		if !slices.Equal(got, flowRecords[i+1:]) {
			t.Errorf("behind record %d: got\n%s", i, strings.Join(got, "\n"))
		}
	}
}

// readFlows gives the records, and the position behind each.
func readFlows(t *testing.T, r io.Reader, from Position) (records []string, positions []Position) {
	t.Helper()
	s := New(r, Options{Format: flowFormat, From: from})
	last := int64(-1)
	for {
		p, err := s.Next()
		if err == io.EOF {
			return records, positions
		}
		if err != nil || p.Reason != "" {
			t.Fatalf("%v %s: %s", err, p.Reason, p.Detail)
		}
		if !json.Valid(p.Value) {
			t.Errorf("no JSON: %s", p.Value)
		}
		if p.Offset <= last {
			t.Errorf("a record at %d after one at %d", p.Offset, last)
		}
		last = p.Offset
		records, positions = append(records, string(p.Value)), append(positions, s.Position())
	}
}
