package detections

import "github.com/weir-security/weir/schemas/ocsf"

// severityNames are the severities of rules, by OCSF's severity_id.
var severityNames = [...]string{
	ocsf.SeverityIDInformational: "informational",
	ocsf.SeverityIDLow:           "low",
	ocsf.SeverityIDMedium:        "medium",
	ocsf.SeverityIDHigh:          "high",
	ocsf.SeverityIDCritical:      "critical",
}

// severityName is a severity as rule files spell it, empty for one that rules
// cannot have.
func severityName(id int32) string {
	if id < 0 || int(id) >= len(severityNames) {
		return ""
	}
	return severityNames[id]
}

// severityID is the reverse.
func severityID(name string) int32 {
	for id, n := range severityNames {
		if n == name && n != "" {
			return int32(id)
		}
	}
	return ocsf.SeverityIDUnknown
}
