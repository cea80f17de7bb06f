package azure

import "github.com/weir-security/weir/schemas/jsondoc"

// Dialect names the shape of an Azure Activity record: "diagnostic"; "" if it is none.
func Dialect(root jsondoc.Value) string {
	if root.Get("operationName").Exists() && (root.Get("resourceId").Exists() || root.Get("correlationId").Exists()) {
		return "diagnostic"
	}
	return ""
}
