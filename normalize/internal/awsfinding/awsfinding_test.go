package awsfinding

import (
	"testing"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

func parse(t *testing.T, text string) *jsondoc.Doc {
	t.Helper()
	var d jsondoc.Doc
	if err := d.ParseString(text); err != nil {
		t.Fatal(err)
	}
	return &d
}

func TestGet(t *testing.T) {
	root := parse(t, `{"small":1,"Capital":2,"both":3,"Both":4,"deep":{"Er":{"end":5}}}`).Root()
	for name, want := range map[string]string{"small": "1", "capital": "2", "both": "3", "none": "", "": ""} {
		if got := Get(root, name).Text(); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	if got := Path(root, "deep", "er", "end").Text(); got != "5" {
		t.Errorf("deep.er.end is %q", got)
	}
}

// A connection has its opener as the source, and a side without an address a filler.
func TestConnection(t *testing.T) {
	d := parse(t, `{"networkConnectionAction":{"connectionDirection":"OUTBOUND","remoteIpDetails":{"ipAddressV4":"198.51.100.7","geoLocation":{"lat":1,"lon":2}},
		"remotePortDetails":{"port":443},"localPortDetails":{"port":51022},"protocol":"TCP"}}`)
	var ev ocsf.Event
	Action(d.Root(), &ev)
	if len(ev.Evidences) != 1 {
		t.Fatalf("%d evidences, want 1", len(ev.Evidences))
	}
	e := &ev.Evidences[0]
	if e.SrcEndpoint.Name() != "unknown" || e.SrcEndpoint.Port() != 51022 || e.DstEndpoint.IP() != "198.51.100.7" || e.DstEndpoint.Port() != 443 {
		t.Errorf("source %+v, destination %+v", e.SrcEndpoint, e.DstEndpoint)
	}
	if got, want := string(d.AppendUnused(nil)), `{"networkConnectionAction":{"connectionDirection":"OUTBOUND","remoteIpDetails":{"geoLocation":{"lat":1,"lon":2}}}}`; got != want {
		t.Errorf("unused is %s\nwant      %s", got, want)
	}
}

// What says nothing that an evidence can hold is none.
func TestNoEvidence(t *testing.T) {
	var ev ocsf.Event
	Action(parse(t, `{"awsApiCallAction":{"callerType":"Domain"},"dnsRequestAction":{"domain":"no host"},"portProbeAction":{"portProbeDetails":[1]},"rdsLoginAttemptAction":{"a":1}}`).Root(), &ev)
	if len(ev.Evidences) != 0 {
		t.Errorf("%d evidences, want 0", len(ev.Evidences))
	}
}

func TestTactics(t *testing.T) {
	var info ocsf.FindingInfo
	for _, name := range []string{"DefenseEvasion", "Defense Evasion", "Recon", "Policy", ""} {
		AddTactic(name, &info)
	}
	if len(info.Attacks) != 2 || info.Attacks[0].Tactic.UID() != "TA0005" || info.Attacks[1].Tactic.Name() != "Reconnaissance" {
		t.Errorf("attacks: %+v", info.Attacks)
	}
}

func TestHash(t *testing.T) {
	d := parse(t, `["da39a3ee5e6b4b0d3255bfef95601890afd80709","zz39a3ee5e6b4b0d3255bfef95601890afd80709","abc",7]`)
	var f ocsf.File
	for v := range d.Root().Elements {
		Hash(v, &f)
	}
	if len(f.Hashes) != 1 || f.Hashes[0].AlgorithmID() != ocsf.FingerprintAlgorithmIDSHA1 {
		t.Errorf("hashes: %+v", f.Hashes)
	}
}
