package sentinel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/weir-security/weir/sinks/internal/finding"
)

// maxField bounds a column, in bytes: Azure cuts what is longer than 64 KB, and a JSON
// text that is cut is none.
const maxField = 64_000

// appendRow writes the row of a finding, the columns of Weir_CL (docs/sentinel.md).
func appendRow(dst []byte, f *finding.Finding) []byte {
	var cut []string
	dst = append(dst, '{')
	// Azure replaces a TimeGenerated of more than two days ago; EventTime stays.
	dst = finding.AppendTime(dst, "TimeGenerated", f.Plausible())
	dst = finding.AppendTime(dst, "EventTime", f.Time)
	for _, column := range []struct{ name, value string }{
		{"AlertId", f.ID}, {"FindingId", f.UID}, {"Kind", f.Kind},
		{"RuleId", f.Rule}, {"RuleName", f.RuleName}, {"RuleVersion", f.RuleVersion},
		{"Severity", f.Severity}, {"Title", f.Title}, {"Description", f.Description}, {"LogSource", f.Source},
	} {
		if column.value == "" {
			continue
		}
		if len(column.value) > maxField {
			cut = append(cut, column.name)
			column.value = strings.ToValidUTF8(column.value[:maxField], "")
		}
		dst = finding.AppendMember(dst, column.name, column.value)
	}
	dst = strconv.AppendInt(finding.AppendKey(dst, "SeverityId"), f.SeverityID, 10)
	dst = strconv.AppendInt(finding.AppendKey(dst, "EventCount"), f.Count, 10)
	dst = finding.AppendTime(dst, "FirstSeen", f.FirstSeen)
	dst = finding.AppendTime(dst, "LastSeen", f.LastSeen)
	dst = appendStrings(dst, "Techniques", f.Techniques)
	dst = appendStrings(dst, "Tags", f.Tags)
	if f.Test {
		dst = append(finding.AppendKey(dst, "Test"), "true"...)
	}
	dst, cut = appendEvidence(dst, f, cut)
	dst, cut = appendFinding(dst, f, cut)
	if len(cut) > 0 {
		dst = finding.AppendMember(dst, "Cut", strings.Join(cut, ", "))
	}
	return append(dst, '}')
}

// appendStrings writes an array, as long as it fits.
func appendStrings(dst []byte, column string, values []string) []byte {
	if len(values) == 0 {
		return dst
	}
	dst = append(finding.AppendKey(dst, column), '[')
	start := len(dst)
	for _, v := range values {
		if len(dst)-start+len(v) > maxField/2 {
			break
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = finding.AppendString(dst, v)
	}
	return append(dst, ']')
}

// appendEvidence writes the pieces of evidence that fit. All are in the lake.
func appendEvidence(dst []byte, f *finding.Finding, cut []string) ([]byte, []string) {
	evidence := f.Root.Get("evidences")
	if evidence.Len() == 0 {
		return dst, cut
	}
	dst = append(finding.AppendKey(dst, "Evidence"), '[')
	start, shown := len(dst), 0
	var piece []byte
	for v := range evidence.Elements {
		piece = v.AppendJSON(piece[:0])
		if len(dst)-start+len(piece)+2 > maxField {
			continue
		}
		if shown > 0 {
			dst = append(dst, ',')
		}
		dst, shown = append(dst, piece...), shown+1
	}
	if shown < evidence.Len() {
		cut = append(cut, fmt.Sprintf("Evidence: %d of %d", shown, evidence.Len()))
	}
	return append(dst, ']'), cut
}

// appendFinding writes the OCSF finding without its evidence, if it fits.
func appendFinding(dst []byte, f *finding.Finding, cut []string) ([]byte, []string) {
	document := append(make([]byte, 0, len(f.Root.Raw())), '{')
	for key, v := range f.Root.Members {
		if key != "evidences" {
			document = v.AppendJSON(finding.AppendKey(document, key))
		}
	}
	document = append(document, '}')
	if len(document) > maxField {
		return dst, append(cut, "Finding")
	}
	return append(finding.AppendKey(dst, "Finding"), document...), cut
}
