package azure

import (
	"strings"
	"testing"
)

// splitResourceID is parseResourceID, plainly.
func splitResourceID(s string) (id resourceID) {
	segments := strings.Split(strings.Trim(s, "/"), "/")
	provider := -1
	for i := 0; i+1 < len(segments); i++ {
		switch key, next := segments[i], segments[i+1]; {
		case strings.EqualFold(key, "providers"):
			provider = i + 1
		case id.subscription == "" && strings.EqualFold(key, "subscriptions"):
			id.subscription = next
		case id.group == "" && strings.EqualFold(key, "resourceGroups"):
			id.group = next
		}
	}
	if provider < 0 || segments[provider] == "" && provider == len(segments)-1 {
		return id
	}
	kind := []string{segments[provider]}
	for i := provider + 1; i+1 < len(segments); i += 2 {
		kind = append(kind, segments[i])
		id.name = segments[i+1]
	}
	id.kind = strings.Join(kind, "/")
	return id
}

var resourceIDs = []string{
	"", "/", "//", "x", "providers", "/providers/", "providers//", "subscriptions/", "/subscriptions/S",
	"/subscriptions/S/resourceGroups/G",
	"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.COMPUTE/VIRTUALMACHINES/VM1",
	"/subscriptions/S/resourceGroups/G/providers/Microsoft.Sql/servers/s1/databases/d1",
	"/subscriptions/S/resourceGroups/G/providers/Microsoft.Sql/servers/s1/databases",
	"/subscriptions/S/providers/Microsoft.Authorization/roleAssignments/R",
	"/subscriptions/S/resourceGroups/G/providers/Microsoft.Storage/storageAccounts/a/providers/Microsoft.Authorization/roleAssignments/R",
	"/providers/Microsoft.Authorization", "/providers/Microsoft.Authorization/roleDefinitions", "/a/providers/providers/b/c/d//e//",
}

func TestParseResourceID(t *testing.T) {
	for _, s := range resourceIDs {
		if got, want := parseResourceID(s), splitResourceID(s); got != want {
			t.Errorf("%q: got %+v, want %+v", s, got, want)
		}
	}
	got := parseResourceID("/subscriptions/S/resourceGroups/G/providers/Microsoft.Sql/servers/s1/databases/d1")
	if want := (resourceID{"S", "G", "Microsoft.Sql/servers/databases", "d1"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func FuzzParseResourceID(f *testing.F) {
	for _, s := range resourceIDs {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := parseResourceID(s), splitResourceID(s); got != want {
			t.Errorf("%q: got %+v, want %+v", s, got, want)
		}
	})
}
