package gateway

import (
	"strings"

	"github.com/weir-security/weir/schemas/ocsf"
)

// decisions are the words of a firewall for what it did, in lower case.
type decisions map[string]decision

type decision struct{ action, disposition int32 }

// set maps the firewall's word. A denied request has failed; what became of the
// others the firewall does not know.
func (d decisions) set(a *access, text string) bool {
	did, ok := d[strings.ToLower(text)]
	if !ok {
		a.ev.SetActionID(ocsf.ActionIDOther)
		a.ev.SetAction(text)
		return true
	}
	a.ev.SetActionID(did.action)
	a.ev.SetDispositionID(did.disposition)
	if did.disposition == ocsf.DispositionIDOther {
		a.ev.SetDisposition(text)
	}
	if did.action == ocsf.ActionIDDenied {
		a.ev.SetStatusID(ocsf.StatusIDFailure)
	}
	return false // OCSF's caption is another word
}
