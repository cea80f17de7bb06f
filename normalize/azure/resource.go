package azure

import "strings"

// resourceID is a resource id, taken apart, in the case in which it came:
//
//	/subscriptions/S/resourceGroups/G/providers/Microsoft.Sql/servers/s1/databases/d1
//	               S                G           kind Microsoft.Sql/servers/databases, name d1
type resourceID struct {
	subscription, group string
	kind, name          string
}

// parseResourceID takes an id apart. The last provider counts: an id may name what
// extends another resource, as a role assignment does.
func parseResourceID(s string) (id resourceID) {
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
	if provider < 0 {
		return id
	}
	kind := segments[provider : provider+1 : provider+1]
	for i := provider + 1; i+1 < len(segments); i += 2 {
		kind = append(kind, segments[i])
		id.name = segments[i+1]
	}
	id.kind = strings.Join(kind, "/")
	return id
}
