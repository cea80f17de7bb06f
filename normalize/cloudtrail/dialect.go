package cloudtrail

import "github.com/weir-security/weir/schemas/jsondoc"

// Dialect names the shape of a CloudTrail record: "record"; "" if it is none.
func Dialect(root jsondoc.Value) string {
	if root.Get("eventTime").Exists() && (root.Get("eventSource").Exists() || root.Get("awsRegion").Exists()) {
		return "record"
	}
	return ""
}
