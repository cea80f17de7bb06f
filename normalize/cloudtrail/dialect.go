package cloudtrail

import (
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// Dialect names the shape of a CloudTrail record, "" if it is none: "record",
// "insight", "eventbridge", "lake" (a row of CloudTrail Lake), "lookup" (an event of
// LookupEvents), "lower_case" (a record whose keys an export has changed).
func Dialect(root jsondoc.Value) string {
	switch {
	case isCall(root, "eventName", "eventSource", "userIdentity", "awsRegion", "eventType", "requestParameters", "responseElements"):
		if isText(root.Get("eventJson")) {
			return "lake"
		}
		return "record"
	case isInsight(root):
		return "insight"
	case isCall(root, "eventname", "eventsource", "useridentity", "awsregion", "eventtype"):
		return "lower_case"
	case root.Get("detail-type").Exists() && isRecord(root.Get("detail")):
		return "eventbridge"
	case isText(root.Get("eventJson")), isText(root.Get("eventData")), root.Get("eventData").Get("eventName").Exists():
		return "lake"
	case isText(root.Get("CloudTrailEvent")):
		return "lookup"
	}
	return ""
}

// isCall tells whether v has a name of an event and what else a call has. Amazon S3's
// notifications have the same keys; their eventSource is aws:s3.
func isCall(v jsondoc.Value, name, source string, others ...string) bool {
	if !v.Get(name).Exists() {
		return false
	}
	if from := v.Get(source); from.Exists() {
		return !strings.HasPrefix(from.Text(), "aws:")
	}
	for _, key := range others {
		if v.Get(key).Exists() {
			return true
		}
	}
	return false
}

// isText tells whether v is a text that looks like an object.
func isText(v jsondoc.Value) bool {
	text, ok := v.Str()
	return ok && strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), `{"`)
}
