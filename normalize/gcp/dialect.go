package gcp

import (
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// Dialect names the shape of an audit log entry: "logentry", "pubsub" for one in a
// Pub/Sub message, "auditlog" for its payload alone; "" if it is none.
func Dialect(root jsondoc.Value) string {
	payload := payloadOf(root)
	switch {
	case payload != root && payload.Get("methodName").Text() != "",
		strings.Contains(first(root, "logName", "logname").Text(), "cloudaudit.googleapis.com"):
		return "logentry"
	case dataOf(root).Exists() && (root.Path("message", "attributes", "logging.googleapis.com/timestamp").Exists() ||
		root.Path("attributes", "logging.googleapis.com/timestamp").Exists()):
		return "pubsub"
	case root.Get("methodName").Text() != "" && (root.Get("serviceName").Text() != "" || root.Get("authorizationInfo").Exists()) &&
		(strings.HasSuffix(root.Get("serviceName").Text(), ".googleapis.com") || root.Get("@type").Text() == "type.googleapis.com/google.cloud.audit.AuditLog"):
		return "auditlog"
	}
	return ""
}
