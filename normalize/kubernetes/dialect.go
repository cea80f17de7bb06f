package kubernetes

import (
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// Dialect names the shape of an audit event: "event"; "" if it is none.
func Dialect(root jsondoc.Value) string {
	if root.Get("auditID").Exists() || strings.HasPrefix(root.Get("apiVersion").Text(), "audit.k8s.io/") {
		return "event"
	}
	return ""
}
