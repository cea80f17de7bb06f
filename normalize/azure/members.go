package azure

import (
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// members finds the members of an object by name without regard to case: what
// Microsoft calls callerIpAddress is CallerIPAddress in one service, calleripaddress
// in an export and IPAddress in a table. It is read once for an object, so that many
// lookups cost what one walk does.
type members struct {
	of   jsondoc.Value
	list []member
	// first is the index in list, from 1, of the first member of each bucket.
	first [buckets]int32
}

const buckets = 128 // a power of two; a sign-in has some 80 members

type member struct {
	key   string
	value jsondoc.Value
	next  int32 // of the same bucket, as in members.first
}

// read indexes the members of v; none if it is no object. In AzureDiagnostics, which
// is one table for all services, the name of a column ends in its type ("_s"): typed
// takes that off.
func (m *members) read(v jsondoc.Value, typed bool) {
	m.of = v
	m.list = m.list[:0]
	clear(m.first[:])
	for key, value := range v.Members {
		if typed {
			key = withoutType(key)
		}
		key = strings.TrimSuffix(key, exportedUTC)
		b := bucket(key)
		m.list = append(m.list, member{key, value, m.first[b]})
		m.first[b] = int32(len(m.list))
	}
}

// exportedUTC is what the portal of Log Analytics adds to the names of columns of times
// when it exports them.
const exportedUTC = " [UTC]"

// withoutType is the name of a column without the letter of its type.
func withoutType(key string) string {
	if n := len(key) - 2; n > 0 && key[n] == '_' && strings.IndexByte("sdgbt", key[n+1]) >= 0 {
		return key[:n]
	}
	return key
}

// bucket is equal for keys that differ only in the case of ASCII letters.
func bucket(key string) uint32 {
	n := len(key)
	if n == 0 {
		return 0
	}
	h := uint32(n)
	h = h*31 + uint32(key[0]|0x20)
	h = h*31 + uint32(key[n/2]|0x20)
	h = h*31 + uint32(key[n-1]|0x20)
	return (h ^ h>>7) % buckets
}

// get is the member of that name, the one in the very case before another.
func (m *members) get(name string) (found jsondoc.Value) {
	for i := m.first[bucket(name)]; i != 0; {
		entry := &m.list[i-1]
		if len(entry.key) == len(name) {
			if entry.key == name {
				return entry.value
			}
			if strings.EqualFold(entry.key, name) {
				found = entry.value
			}
		}
		i = entry.next
	}
	return found
}

// any is the first of the members that says something, else one that is there.
func (m *members) any(names ...string) (found jsondoc.Value) {
	for _, name := range names {
		v := m.get(name)
		if says(v) {
			return v
		}
		if v.Exists() {
			found = v
		}
	}
	return found
}

// says tells whether v is more than null, "" or {}.
func says(v jsondoc.Value) bool {
	switch v.Kind() {
	case jsondoc.Absent, jsondoc.Null:
		return false
	case jsondoc.String:
		return v.Raw() != `""`
	case jsondoc.Array, jsondoc.Object:
		return v.Len() > 0
	}
	return true
}

// fold is the member of v whose key is key in any case. It is for small objects.
func fold(v jsondoc.Value, key string) jsondoc.Value {
	if exact := v.Get(key); exact.Exists() {
		return exact
	}
	for k, member := range v.Members {
		if len(k) == len(key) && strings.EqualFold(k, key) {
			return member
		}
	}
	return jsondoc.Value{}
}
