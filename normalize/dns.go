package normalize

import (
	"strconv"
	"strings"

	"github.com/weir-security/weir/schemas/ocsf"
)

// rcodes are the names of DNS response codes, as RFC 6895 and resolvers write them.
var rcodes = map[string]int32{
	"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5, "YXDOMAIN": 6, "YXRRSET": 7,
	"NXRRSET": 8, "NOTAUTH": 9, "NOTZONE": 10, "DSOTYPENI": 11, "BADVERS": 16, "BADSIG": 16, "BADKEY": 17, "BADTIME": 18,
	"BADMODE": 19, "BADNAME": 20, "BADALG": 21, "BADTRUNC": 22, "BADCOOKIE": 23,
}

// ParseRCode reads a DNS response code: its name in any case, or its number.
func ParseRCode(text string) (id int32, ok bool) {
	if id, ok = rcodes[strings.ToUpper(text)]; ok {
		return id, true
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n > 23 || 11 < n && n < 16 {
		return 0, false
	}
	return int32(n), true
}

// SetDNSName sets the name that was asked for: as the event's message as it was
// written, and as query.hostname if it is a host's. Many names that matter to a
// detection are none: data that leaves in a label is often base64.
func SetDNSName(ev *ocsf.Event, name string) {
	ev.SetMessage(name)
	if host := strings.TrimSuffix(name, "."); IsHostname(host) {
		ev.Query.SetHostname(host)
	}
	Observe(ev, "message", ocsf.ObservableTypeIDHostname, strings.TrimSuffix(name, "."))
}
