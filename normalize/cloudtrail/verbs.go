package cloudtrail

import "github.com/weir-security/weir/schemas/ocsf"

// verbs are the first words of operations' names, by what they do. What is in no
// list (Invoke, Assume, Decrypt, Send) is none of the four.
var verbs = map[int32][]string{
	ocsf.APIActivityActivityIDCreate: {
		"Add", "Allocate", "Clone", "Copy", "Create", "Generate", "Import", "Initiate", "Issue", "Launch", "Provision",
		"Publish", "Purchase", "Register", "Request", "Restore", "Run", "Upload",
	},
	ocsf.APIActivityActivityIDRead: {
		"Check", "Count", "Describe", "Discover", "Download", "Estimate", "Export", "Filter", "Get", "Head", "List", "Lookup",
		"Preview", "Query", "Scan", "Search", "Select", "Simulate", "Test", "Validate", "Verify", "View",
	},
	ocsf.APIActivityActivityIDUpdate: {
		"Accept", "Activate", "Apply", "Associate", "Attach", "Authorize", "Cancel", "Change", "Deactivate", "Detach", "Disable",
		"Disassociate", "Enable", "Modify", "Move", "Pause", "Put", "Reboot", "Rename", "Replace", "Reset", "Resume", "Revoke",
		"Rotate", "Set", "Share", "Start", "Stop", "Suspend", "Tag", "Transfer", "Unassign", "Untag", "Update", "Upgrade",
	},
	ocsf.APIActivityActivityIDDelete: {
		"Delete", "Deprovision", "Deregister", "Destroy", "Purge", "Release", "Remove", "Terminate",
	},
}

// activities is verbs, turned round.
var activities = func() map[string]int32 {
	byVerb := make(map[string]int32)
	for activity, words := range verbs {
		for _, word := range words {
			byVerb[word] = activity
		}
	}
	return byVerb
}()

// activityOf is the activity of an operation: what CloudTrail calls read-only is
// Read, else its verb decides, else it is Other.
func activityOf(eventName string, readOnly bool) int32 {
	if readOnly {
		return ocsf.APIActivityActivityIDRead
	}
	verb, rest := firstWord(eventName)
	if verb == "Batch" { // BatchGetItem
		verb, _ = firstWord(rest)
	}
	if activity, ok := activities[verb]; ok {
		return activity
	}
	return ocsf.APIActivityActivityIDOther
}

// firstWord splits CamelCase behind its first word.
func firstWord(s string) (word, rest string) {
	for i := 1; i < len(s); i++ {
		if s[i] < 'a' || s[i] > 'z' {
			return s[:i], s[i:]
		}
	}
	return s, ""
}
