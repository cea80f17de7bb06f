package gateway

import (
	"regexp"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// accessLine is how a line of NGINX's combined format begins, up to the request.
var accessLine = regexp.MustCompile(`^\S+ \S+ .+ \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "`)

// Dialect names the shape of a JSON access record: "json"; "" if it is none.
func Dialect(root jsondoc.Value) string {
	if root.Get("remote_addr").Exists() && root.Get("status").Exists() {
		return "json"
	}
	return ""
}

// LineDialect names the format of a line: "combined"; "" if it is none.
func LineDialect(line string) string {
	if accessLine.MatchString(line) {
		return "combined"
	}
	return ""
}
