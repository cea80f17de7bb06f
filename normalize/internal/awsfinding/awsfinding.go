// Package awsfinding is what the findings of AWS' services have in common: GuardDuty
// and Security Hub's ASFF describe what happened in the same words, one with a small
// first letter, the other with a capital.
package awsfinding

import (
	"math"
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Get is the member of that name, which is given with a small first letter, in either
// case of that letter.
func Get(v jsondoc.Value, name string) jsondoc.Value {
	if m := v.Get(name); m.Exists() {
		return m
	}
	var buf [48]byte
	if len(name) == 0 || len(name) > len(buf) {
		return jsondoc.Value{}
	}
	n := copy(buf[:], name)
	buf[0] -= 'a' - 'A'
	return v.Get(string(buf[:n]))
}

// Path follows names as Get does.
func Path(v jsondoc.Value, names ...string) jsondoc.Value {
	for _, name := range names {
		v = Get(v, name)
	}
	return v
}

// Severity is the class of a severity's word; ok is false for a word of another list.
func Severity(label string) (id int32, ok bool) {
	switch strings.ToUpper(label) {
	case "INFORMATIONAL":
		return ocsf.SeverityIDInformational, true
	case "LOW":
		return ocsf.SeverityIDLow, true
	case "MEDIUM":
		return ocsf.SeverityIDMedium, true
	case "HIGH":
		return ocsf.SeverityIDHigh, true
	case "CRITICAL":
		return ocsf.SeverityIDCritical, true
	}
	return ocsf.SeverityIDUnknown, false
}

// URL gives set a text that is a URL; any other stays for unmapped.
func URL(v jsondoc.Value, set func(string)) {
	if normalize.IsURL(v.Text()) {
		normalize.Text(v, set)
	}
}

// Whole gives set a whole number of 32 bits, also one that the source wrote as a text.
func Whole(v jsondoc.Value, set func(int32)) {
	if s, ok := v.Str(); ok {
		if n, err := strconv.ParseInt(s, 10, 32); err == nil {
			v.Use()
			set(int32(n))
		}
		return
	}
	normalize.Int32(v, set)
}

// Port gives set a number that is a port.
func Port(v jsondoc.Value, set func(int32)) {
	if n, ok := v.Int(); ok && 0 <= n && n <= math.MaxUint16 {
		v.Use()
		set(int32(n))
	}
}

// Float gives set a finite number.
func Float(v jsondoc.Value, set func(float64)) {
	if f, ok := v.Float(); ok {
		v.Use()
		set(f)
	}
}

// Texts gives add every text of a list.
func Texts(list jsondoc.Value, add func(string)) {
	for e := range list.Elements {
		if s, ok := e.Str(); ok && s != "" {
			e.Use()
			add(s)
		}
	}
}

// IP gives set an address. One that is none stays for unmapped.
func IP(v jsondoc.Value, set func(string)) {
	if s, ok := v.Str(); ok && normalize.IsIP(s) {
		v.Use()
		set(s)
	}
}

// Remote maps remoteIpDetails: an address, where it is and whose.
func Remote(details jsondoc.Value, out *ocsf.NetworkEndpoint) {
	IP(Get(details, "ipAddressV4"), out.SetIP)
	if !out.HasIP() {
		IP(Get(details, "ipAddressV6"), out.SetIP)
	}
	place := &out.Location
	normalize.Text(Path(details, "city", "cityName"), place.SetCity)
	country := Get(details, "country")
	if normalize.Text(Get(country, "countryCode"), place.SetCountry) == "" {
		normalize.Text(Get(country, "countryName"), place.SetCountry)
	}
	if place.Present() { // coordinates alone are no location to OCSF
		geo := Get(details, "geoLocation")
		if !geo.Exists() {
			geo = Get(details, "geolocation")
		}
		Float(Get(geo, "lat"), place.SetLat)
		Float(Get(geo, "lon"), place.SetLong)
	}
	owner := Get(details, "organization")
	Whole(Get(owner, "asn"), out.AutonomousSystem.SetNumber)
	normalize.Text(Get(owner, "asnOrg"), out.AutonomousSystem.SetName)
	normalize.Text(Get(owner, "isp"), out.SetISP)
	normalize.Text(Get(owner, "org"), out.SetISPOrg)
	endpoint(out)
}

// Tactic is a tactic of MITRE ATT&CK by its name, with or without spaces; ok is false
// for any other word.
func Tactic(name string) (uid, caption string, ok bool) {
	tactic, ok := tactics[strings.ToLower(strings.ReplaceAll(name, " ", ""))]
	return tactic.uid, tactic.name, ok
}

type tactic struct{ uid, name string }

var tactics = map[string]tactic{
	"reconnaissance":      {"TA0043", "Reconnaissance"},
	"recon":               {"TA0043", "Reconnaissance"},
	"resourcedevelopment": {"TA0042", "Resource Development"},
	"initialaccess":       {"TA0001", "Initial Access"},
	"execution":           {"TA0002", "Execution"},
	"persistence":         {"TA0003", "Persistence"},
	"privilegeescalation": {"TA0004", "Privilege Escalation"},
	"defenseevasion":      {"TA0005", "Defense Evasion"},
	"credentialaccess":    {"TA0006", "Credential Access"},
	"discovery":           {"TA0007", "Discovery"},
	"lateralmovement":     {"TA0008", "Lateral Movement"},
	"collection":          {"TA0009", "Collection"},
	"exfiltration":        {"TA0010", "Exfiltration"},
	"commandandcontrol":   {"TA0011", "Command and Control"},
	"impact":              {"TA0040", "Impact"},
}

// AddTactic lists a tactic as an attack of the finding, once.
func AddTactic(name string, info *ocsf.FindingInfo) {
	uid, caption, ok := Tactic(name)
	if !ok {
		return
	}
	for i := range info.Attacks {
		if info.Attacks[i].Tactic.UID() == uid {
			return
		}
	}
	attack := info.AddAttacks()
	attack.Tactic.SetUID(uid)
	attack.Tactic.SetName(caption)
}

// Observe lists the addresses of the evidences, which AddObservables leaves out.
func Observe(ev *ocsf.Event) {
	for i := range ev.Evidences {
		e := &ev.Evidences[i]
		normalize.Observe(ev, "evidences.src_endpoint.ip", ocsf.ObservableTypeIDIPAddress, e.SrcEndpoint.IP())
		normalize.Observe(ev, "evidences.dst_endpoint.ip", ocsf.ObservableTypeIDIPAddress, e.DstEndpoint.IP())
		normalize.Observe(ev, "evidences.query.hostname", ocsf.ObservableTypeIDHostname, e.Query.Hostname())
		normalize.Observe(ev, "evidences.actor.user.name", ocsf.ObservableTypeIDUserName, e.Actor.User.Name())
		normalize.Observe(ev, "evidences.actor.user.credential_uid", ocsf.ObservableTypeIDUserCredentialID, e.Actor.User.CredentialUID())
		normalize.Observe(ev, "evidences.process.name", ocsf.ObservableTypeIDProcessName, e.Process.Name())
		for j := range e.Process.File.Hashes {
			normalize.Observe(ev, "evidences.process.file.hashes.value", ocsf.ObservableTypeIDHash, e.Process.File.Hashes[j].Value())
		}
		for j := range e.File.Hashes {
			normalize.Observe(ev, "evidences.file.hashes.value", ocsf.ObservableTypeIDHash, e.File.Hashes[j].Value())
		}
	}
}

// Tags maps tags: a list of keys and values, or an object of them.
func Tags(tags jsondoc.Value, r *ocsf.ResourceDetails) {
	for tag := range tags.Elements {
		addTag(Get(tag, "key"), Get(tag, "value"), r)
	}
	for key, value := range tags.Members {
		if text, ok := value.Str(); ok && key != "" && text != "" {
			value.Use()
			out := r.AddTags()
			out.SetName(key)
			out.SetValue(text)
		}
	}
}

func addTag(key, value jsondoc.Value, r *ocsf.ResourceDetails) {
	if key.Text() == "" || value.Text() == "" {
		return // OCSF wants both
	}
	out := r.AddTags()
	normalize.Text(key, out.SetName)
	normalize.Text(value, out.SetValue)
}

// Hash adds a hash in hex to a file, of the algorithm that its length tells. Any other
// text stays for unmapped.
func Hash(v jsondoc.Value, f *ocsf.File) {
	text, _ := v.Str()
	algorithm, ok := algorithms[len(text)]
	if !ok || strings.Trim(text, "0123456789abcdefABCDEF") != "" {
		return
	}
	v.Use()
	hash := f.AddHashes()
	hash.SetAlgorithmID(algorithm)
	hash.SetValue(text)
}

// algorithms are the hashes by their lengths in hex.
var algorithms = map[int]int32{
	32:  ocsf.FingerprintAlgorithmIDMD5,
	40:  ocsf.FingerprintAlgorithmIDSHA1,
	64:  ocsf.FingerprintAlgorithmIDSHA256,
	128: ocsf.FingerprintAlgorithmIDSHA512,
}
