package normalize

import (
	"regexp"
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// The sources that have a mapper, by their names in configuration, topics, rules
// and lake.
const (
	AWSCloudTrail   = "aws.cloudtrail"
	KubernetesAudit = "kubernetes.audit"
	AzureActivity   = "azure.activity"
	GatewayNGINX    = "gateway.nginx"
)

// shape tells a source by what its records have, and no other's do.
type shape struct {
	source string
	has    func(root jsondoc.Value) bool
}

var shapes = []shape{
	{AWSCloudTrail, func(r jsondoc.Value) bool {
		return r.Get("eventTime").Exists() && (r.Get("eventSource").Exists() || r.Get("awsRegion").Exists())
	}},
	{KubernetesAudit, func(r jsondoc.Value) bool {
		return r.Get("auditID").Exists() || strings.HasPrefix(r.Get("apiVersion").Text(), "audit.k8s.io/")
	}},
	{AzureActivity, func(r jsondoc.Value) bool {
		return r.Get("operationName").Exists() && (r.Get("resourceId").Exists() || r.Get("correlationId").Exists())
	}},
	{GatewayNGINX, func(r jsondoc.Value) bool {
		return r.Get("remote_addr").Exists() && r.Get("status").Exists()
	}},
}

// accessLine is how a line of NGINX's combined format begins, up to the request.
var accessLine = regexp.MustCompile(`^\S+ \S+ .+ \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "`)

// Detect tells the source of a record, without its envelope, from its shape. It
// is for the first record of an input that names no source; it parses anew.
func Detect(record []byte) (source string, ok bool) {
	var doc jsondoc.Doc
	if err := doc.Parse(record); err == nil {
		for _, s := range shapes {
			if s.has(doc.Root()) {
				return s.source, true
			}
		}
		return "", false
	}
	if accessLine.Match(record) {
		return GatewayNGINX, true
	}
	return "", false
}
