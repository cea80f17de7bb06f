package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// activityLog collects the activity log records of one subscription.
type activityLog struct {
	dice
	expected *expectation
	records  []activity
}

type activity struct {
	at   time.Time
	json []byte
}

// principal is who calls Azure Resource Manager.
type principal struct {
	kind     string // User or ServicePrincipal, as the role assignment has it
	oid      string
	name     string // of a person
	email    string // of a person
	app      string // appid
	ip       string
	identity string // resource id of a managed identity
	role     string
}

// operation is one call of Azure Resource Manager, which becomes two or three
// records with one correlation id.
type operation struct {
	name     string // "Microsoft.Compute/virtualMachines/start/action"
	resource string // below the subscription: "/resourceGroups/..."
	scope    string // of the authorization, the resource unless given
	accepted bool   // it goes on after the answer: Start, Accept, Success
	failed   string // the result signature of a failure
	body     any    // properties.requestbody, an object that becomes a string
	location string
}

const subscriptionScope = "/subscriptions/" + subscription

// log adds the records of one operation.
func (l *activityLog) log(at time.Time, who principal, what operation) {
	id := l.uuid()
	results := [][3]string{{"Start", "Started.", ""}}
	if what.accepted {
		results = append(results, [3]string{"Accept", "Accepted.Accepted", "Accepted"})
	}
	switch {
	case what.failed != "":
		results = append(results, [3]string{"Failure", "Failed." + what.failed, what.failed})
	default:
		results = append(results, [3]string{"Success", "Succeeded." + pick(l.dice, []string{"OK", "OK", "Created"}), "OK"})
	}
	claims := l.claims(at, who)
	for i, result := range results {
		at := at.Add(time.Duration(i) * time.Duration(200+l.IntN(2500)) * time.Millisecond)
		scope := subscriptionScope + cmp.Or(what.scope, what.resource)
		properties := obj("eventCategory", "Administrative", "entity", subscriptionScope+what.resource, "message", what.name, "hierarchy", tenantID+"/harbourline/"+subscription)
		if result[0] == "Start" && what.body != nil {
			properties = properties.with("requestbody", string(encode(what.body)))
		}
		if result[2] != "" {
			properties = properties.with("statusCode", result[2], "serviceRequestId", l.uuid())
		}
		level := "Information"
		if what.failed != "" && i == len(results)-1 {
			level = "Error"
		}
		l.add(at, obj(
			"RoleLocation", "West Europe",
			"ReleaseVersion", "6.2026.44.3+c05cb9d2.release_2026w44",
			"time", ticks(l.dice, at),
			"resourceId", strings.ToUpper(subscriptionScope+what.resource),
			"operationName", strings.ToUpper(what.name),
			"category", "Administrative",
			"resultType", result[0],
			"resultSignature", result[1],
			"durationMs", fmt.Sprint(i*(100+l.IntN(1800))),
			"callerIpAddress", who.ip,
			"correlationId", id,
			"identity", obj("authorization", obj("scope", scope, "action", what.name, "evidence", l.evidence(who)), "claims", claims),
			"level", level,
			"location", cmp.Or(what.location, "global"),
			"properties", properties,
			"tenantId", tenantID))
	}
}

func (l *activityLog) add(at time.Time, record object) {
	l.records = append(l.records, activity{at, encode(record)})
}

// ticks is a time with the seven fractional digits of .NET.
func ticks(d dice, at time.Time) string {
	return at.Format("2006-01-02T15:04:05.000") + fmt.Sprintf("%04dZ", d.IntN(10000))
}

func (l *activityLog) evidence(who principal) object {
	d := newDice("role " + who.oid)
	return obj("role", cmp.Or(who.role, "Contributor"), "roleAssignmentScope", subscriptionScope, "roleAssignmentId", d.hex(32),
		"roleDefinitionId", "b24988ac618042a0ab8820f7382dd24c", "principalId", strings.ReplaceAll(who.oid, "-", ""), "principalType", who.kind)
}

// claims are those of the caller's token, under the names that Azure gives them.
func (l *activityLog) claims(at time.Time, who principal) object {
	issued := at.Add(-time.Duration(5+l.IntN(40)) * time.Minute).Unix()
	issuer := "https://sts.windows.net/" + tenantID + "/"
	c := obj("aud", "https://management.azure.com/", "iss", issuer, "iat", fmt.Sprint(issued), "nbf", fmt.Sprint(issued), "exp", fmt.Sprint(issued+4500), "aio", l.text(mixedDigits, 32))
	if who.kind == "User" {
		given, family, _ := strings.Cut(who.name, " ")
		return c.with("appid", who.app, "appidacr", "0", "http://schemas.microsoft.com/claims/authnclassreference", "1", "http://schemas.microsoft.com/claims/authnmethodsreferences", "pwd,mfa",
			"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname", family, "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", given,
			"ipaddr", who.ip, "name", who.name, "http://schemas.microsoft.com/identity/claims/objectidentifier", who.oid,
			"http://schemas.microsoft.com/identity/claims/scope", "user_impersonation", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", newDice(who.oid).text(mixedDigits, 43),
			"http://schemas.microsoft.com/identity/claims/tenantid", tenantID, "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", who.email,
			"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", who.email, "uti", l.text(mixedDigits, 22), "ver", "1.0")
	}
	c = c.with("appid", who.app, "appidacr", "2", "http://schemas.microsoft.com/identity/claims/identityprovider", issuer, "idtyp", "app",
		"http://schemas.microsoft.com/identity/claims/objectidentifier", who.oid, "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", who.oid,
		"http://schemas.microsoft.com/identity/claims/tenantid", tenantID, "uti", l.text(mixedDigits, 22), "ver", "1.0")
	if who.identity != "" {
		c = c.with("xms_mirid", who.identity)
	}
	return c
}

// azure makes the blobs: one an hour, one record a line.
func azure(expected *expectation) []file {
	l := &activityLog{dice: newDice("azure"), expected: expected}
	l.people()
	l.programs()
	l.platform()
	l.attack()
	slices.SortStableFunc(l.records, func(a, b activity) int { return a.at.Compare(b.at) })
	expected.read("azure.activity", len(l.records))

	var files []file
	for hour := dayStart; hour.Before(dayEnd); hour = hour.Add(time.Hour) {
		var blob bytes.Buffer
		for _, r := range l.records {
			if r.at.Truncate(time.Hour).Equal(hour) {
				blob.Write(r.json)
				blob.WriteString("\r\n")
			}
		}
		if hour.Hour() == 11 { // not JSON: a proxy's answer was appended to the blob
			blob.WriteString("<html><body>502 Bad Gateway</body></html>\r\n")
			expected.deadLetter("azure.activity", "a line of the blob of 11:00 is an error page, not a record")
		}
		path := fmt.Sprintf("azure/insights-activity-logs/resourceId=/SUBSCRIPTIONS/%s/y=2026/m=11/d=18/h=%02d/m=00/PT1H.json", strings.ToUpper(subscription), hour.Hour())
		files = append(files, file{path, blob.Bytes()})
	}
	return files
}
