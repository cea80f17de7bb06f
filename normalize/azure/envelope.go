package azure

import (
	"strconv"
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapTime sets time from the first of the event's members that is a time, else from
// the envelope, which tells when the record was written where both are there.
func (m *Mapper) mapTime(ev *ocsf.Event, names ...string) error {
	r := &m.r
	for _, name := range names {
		if normalize.Time(r.body.get(name), ev.SetTime) {
			break
		}
	}
	for _, name := range [...]string{"time", "TimeGenerated", "timestamp"} {
		written := r.top.get(name)
		switch {
		case !written.Exists():
			continue
		case !ev.HasTime():
			normalize.Time(written, ev.SetTime)
		case !ev.Metadata.HasLoggedTime():
			normalize.Time(written, ev.Metadata.SetLoggedTime)
		}
	}
	if !ev.HasTime() {
		return normalize.Missing("time that is a time")
	}
	return nil
}

// mapMetadata maps what every record may have. ids are the members that hold its id.
func (m *Mapper) mapMetadata(ev *ocsf.Event, ids ...string) {
	r := &m.r
	md := &ev.Metadata
	for _, name := range ids {
		if normalize.Text(r.field(name), md.SetUID) != "" {
			break
		}
	}
	if !md.HasUID() {
		md.SetUID(normalize.OriginUID(r.raw))
	}
	md.Profiles = append(md.Profiles, "cloud")
	if !md.HasEventCode() {
		normalize.Text(nameOf(r.top.any("category", "categoryValue")), md.SetEventCode)
	}
	normalize.Text(r.field("correlationId"), md.SetCorrelationUID)
	normalize.Text(r.top.any("level", "levelValue"), func(level string) {
		md.SetLogLevel(level)
		ev.SetSeverityID(severity(level))
	})
	m.mapTenant(ev)
	for _, duration := range [...]jsondoc.Value{r.body.get("durationInMilliseconds"), r.top.get("durationMs")} {
		if ms, ok := parseInt(duration.Text()); ok {
			duration.Use()
			ev.SetDuration(ms)
			break
		}
	}
}

// mapAPIVersion is for events that have an operation: OCSF has no API without one.
func (m *Mapper) mapAPIVersion(ev *ocsf.Event) {
	normalize.Text(m.r.top.get("operationVersion"), ev.API.SetVersion)
}

// mapTenant sets the tenant of Entra ID. In Log Analytics TenantId is the workspace,
// and a resource's id may tell.
func (m *Mapper) mapTenant(ev *ocsf.Event) {
	r := &m.r
	tenant := r.top.get("tenantId")
	if r.shape == analytics {
		tenant = r.top.any("AADTenantId")
	}
	if text := normalize.Text(tenant, ev.Metadata.SetTenantUID); text != "" {
		return
	}
	id := r.top.get("resourceId").Text()
	if rest, ok := cutPrefixFold(id, "/tenants/"); ok {
		uid, _, _ := strings.Cut(rest, "/")
		ev.Metadata.SetTenantUID(uid)
	}
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// severity reads a level: a word, or its number.
func severity(level string) int32 {
	switch {
	case level == "1", strings.EqualFold(level, "critical"):
		return ocsf.SeverityIDCritical
	case level == "2", strings.EqualFold(level, "error"):
		return ocsf.SeverityIDHigh
	case level == "3", strings.EqualFold(level, "warning"):
		return ocsf.SeverityIDMedium
	}
	return ocsf.SeverityIDInformational
}

// mapTenantCloud is the cloud of Entra ID, whose account is the tenant.
func (m *Mapper) mapTenantCloud(ev *ocsf.Event) {
	ev.Cloud.SetProvider(provider)
	if tenant := ev.Metadata.TenantUID(); tenant != "" {
		ev.Cloud.Account.SetUID(strings.ToLower(tenant))
		setTenantType(&ev.Cloud.Account)
	}
}

func setTenantType(account *ocsf.Account) {
	account.SetTypeID(ocsf.AccountTypeIDOther)
	account.SetType("Microsoft Entra Tenant")
}

const provider = "Azure"

// mapResourceCloud is the cloud of a resource, whose account is the subscription.
func (m *Mapper) mapResourceCloud(ev *ocsf.Event) {
	r := &m.r
	ev.Cloud.SetProvider(provider)
	normalize.Text(r.top.any("location", "resourceLocation"), ev.Cloud.SetRegion)
	r.id = parseResourceID(r.resourceID().Text())
	subscription := r.id.subscription
	if subscription == "" {
		subscription = r.top.get("subscriptionId").Text()
	}
	if subscription != "" {
		ev.Cloud.Account.SetUID(strings.ToLower(subscription))
		ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAzureSubscription)
	}
}

// resourceID is the member that names the resource, which the API also writes as a
// URI, and Log Analytics under a name of its own.
func (r *record) resourceID() jsondoc.Value {
	return nameOf(r.top.any("resourceId", "_ResourceId", "resourceUri"))
}

// mapResource lists the record's resource.
func (m *Mapper) mapResource(ev *ocsf.Event) {
	if id := m.r.resourceID(); id.Text() != "" {
		id.Use()
		addResource(id.Text(), &m.r.id, ev)
	}
}

func addResource(uid string, parsed *resourceID, ev *ocsf.Event) {
	out := ev.AddResources()
	out.SetUID(uid)
	if parsed.name != "" {
		out.SetName(parsed.name)
		out.SetType(parsed.kind)
	}
	if parsed.group != "" {
		out.Group.SetName(parsed.group)
	}
}

// mapAddress takes the first of the addresses that is one. Storage and firewalls
// write the port behind it.
func mapAddress(src *ocsf.NetworkEndpoint, addresses ...jsondoc.Value) {
	for _, address := range addresses {
		text := address.Text()
		if host, port, ok := normalize.SplitHostPort(text); ok {
			address.Use()
			src.SetIP(host)
			src.SetPort(port)
			return
		}
		if normalize.IsIP(text) {
			address.Use()
			src.SetIP(text)
			return
		}
	}
	for _, address := range addresses { // a GUID, 127.0.0.0/8, "::192.0.2.1x"
		if text := address.Text(); text != "" && text != "<null>" {
			address.Use()
			src.SetName(text)
			return
		}
	}
	src.SetName(normalize.Unknown)
}

// mapLocation maps {city, state, countryOrRegion, geoCoordinates}; a country that is
// no code of two letters stays in unmapped.
func mapLocation(v jsondoc.Value, location *ocsf.Location) {
	normalize.Text(fold(v, "city"), location.SetCity)
	normalize.Text(fold(v, "state"), location.SetRegion)
	country := fold(v, "countryOrRegion")
	if isCountry(country.Text()) {
		normalize.Text(country, location.SetCountry)
	}
	if !location.Present() {
		return // OCSF wants a place beside the coordinates
	}
	coordinates := fold(v, "geoCoordinates")
	mapFloat(fold(coordinates, "latitude"), location.SetLat)
	mapFloat(fold(coordinates, "longitude"), location.SetLong)
}

func isCountry(s string) bool {
	return len(s) == 2 && 'A' <= s[0]&^0x20 && s[0]&^0x20 <= 'Z' && 'A' <= s[1]&^0x20 && s[1]&^0x20 <= 'Z'
}

// mapFloat sets a number, and uses it if it is written as the event will write it.
func mapFloat(v jsondoc.Value, set func(float64)) {
	f, ok := v.Float()
	if !ok {
		return
	}
	set(f)
	var buf [32]byte
	if string(ocsf.AppendFloat(buf[:0], f)) == v.Raw() {
		v.Use()
	}
}

// mapNumber sets a whole number, also one that is written as a text.
func mapNumber(v jsondoc.Value, set func(int32)) {
	if n, ok := parseInt(v.Text()); ok && int64(int32(n)) == n {
		v.Use()
		set(int32(n))
	}
}

// parseInt is strconv.ParseInt of decimals, without an error to allocate for what is
// seldom a number.
func parseInt(s string) (n int64, ok bool) {
	if s == "" || (s[0] < '0' || s[0] > '9') && s[0] != '-' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// requireRequestUID sets the id that OCSF requires of a request beside whatever it holds.
func requireRequestUID(ev *ocsf.Event) {
	request := &ev.API.Request
	if !request.Present() || request.HasUID() {
		return
	}
	if request.SetUID(ev.Metadata.CorrelationUID()); request.UID() == "" {
		request.SetUID(ev.Metadata.UID())
	}
}
