package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// cluster collects the audit events of one cluster's API server.
type cluster struct {
	dice
	expected *expectation
	events   []auditEvent
}

type auditEvent struct {
	at   time.Time
	json []byte
}

// subject is who makes a request of the API server.
type subject struct {
	username string
	uid      string
	groups   list
	extra    any
	ip       string
	agent    string
}

// request is one request. The audit policy decides how much of it is written.
type request struct {
	verb        string
	group       string // API group, "" for the core
	version     string // "v1" unless given
	resource    string // "pods"
	subresource string
	namespace   string
	name        string
	path        string // of a request for no resource: "/version"
	query       string

	level        string // Metadata unless given
	body         any    // requestObject, of levels Request and RequestResponse
	reply        any    // responseObject, of level RequestResponse
	code         int    // 200 unless given
	reason       string // of a failure
	message      string // of a failure
	decision     string // "allow" unless given
	why          string // the authorizer's reason
	bothStages   bool   // the policy writes RequestReceived too
	longRunning  bool   // a watch or a stream: ResponseStarted as well
	generatedFor bool   // a create whose name is known only from the reply
}

// uri is the request's path and query as the API server writes it.
func (r request) uri() string {
	if r.path != "" {
		return r.path
	}
	parts := []string{"/api", cmp.Or(r.version, "v1")}
	if r.group != "" {
		parts = []string{"/apis", r.group, cmp.Or(r.version, "v1")}
	}
	if r.namespace != "" {
		parts = append(parts, "namespaces", r.namespace)
	}
	parts = append(parts, r.resource)
	for _, part := range []string{r.name, r.subresource} {
		if part != "" && (r.verb != "create" || r.subresource != "") {
			parts = append(parts, part)
		}
	}
	uri := strings.Join(parts, "/")
	if r.query != "" {
		uri += "?" + r.query
	}
	return uri
}

func (r request) objectRef() any {
	if r.path != "" {
		return nil
	}
	ref := obj("resource", r.resource)
	for _, m := range []member{{"namespace", r.namespace}, {"name", r.name}, {"apiGroup", r.group}, {"apiVersion", cmp.Or(r.version, "v1")}, {"subresource", r.subresource}} {
		if m.value != "" && !(m.key == "name" && r.generatedFor) {
			ref = append(ref, m)
		}
	}
	return ref
}

// log adds the audit events of one request.
func (c *cluster) log(at time.Time, who subject, what request) {
	id := c.uuid()
	done := at.Add(time.Duration(2000+c.IntN(18000)) * time.Microsecond)
	if what.bothStages {
		c.stage(id, "RequestReceived", at, at, who, what)
	}
	if what.longRunning {
		c.stage(id, "ResponseStarted", at, done, who, what)
		done = done.Add(time.Duration(30+c.IntN(400)) * time.Second)
	}
	c.stage(id, "ResponseComplete", at, done, who, what)
}

func (c *cluster) stage(id, stage string, received, at time.Time, who subject, what request) {
	const micro = "2006-01-02T15:04:05.000000Z"
	code := cmp.Or(what.code, 200)
	var status, body, reply, annotations any
	if stage != "RequestReceived" {
		status = obj("metadata", obj(), "code", code)
		if code >= 400 {
			status = obj("metadata", obj(), "status", "Failure", "message", what.message, "reason", what.reason, "code", code)
		}
		body = what.body
		annotations = obj("authorization.k8s.io/decision", cmp.Or(what.decision, "allow"), "authorization.k8s.io/reason", what.why)
	}
	if stage == "ResponseComplete" {
		reply = what.reply
	}
	var uid any
	if who.uid != "" {
		uid = who.uid
	}
	e := obj(
		"kind", "Event",
		"apiVersion", "audit.k8s.io/v1",
		"level", cmp.Or(what.level, "Metadata"),
		"auditID", id,
		"stage", stage,
		"requestURI", what.uri(),
		"verb", what.verb,
		"user", obj("username", who.username, "uid", uid, "groups", who.groups, "extra", who.extra).some(),
		"sourceIPs", list{who.ip},
		"userAgent", who.agent,
		"objectRef", what.objectRef(),
		"responseStatus", status,
		"requestObject", body,
		"responseObject", reply,
		"requestReceivedTimestamp", received.Format(micro),
		"stageTimestamp", at.Format(micro),
		"annotations", annotations).some()
	c.events = append(c.events, auditEvent{at, encode(e)})
}

// kubernetes makes the audit log: one rotated part and the current file.
func kubernetes(expected *expectation) []file {
	c := &cluster{dice: newDice("kubernetes"), expected: expected}
	c.nodes()
	c.controllers()
	c.programs()
	c.staff()
	c.outside()
	c.attack()
	slices.SortStableFunc(c.events, func(a, b auditEvent) int { return a.at.Compare(b.at) })
	expected.read("kubernetes.audit", len(c.events))

	rotated := clock("08:58:12").Add(345 * time.Millisecond)
	var old, current bytes.Buffer
	for i, e := range c.events {
		part := &current
		if e.at.Before(rotated) {
			part = &old
		}
		part.Write(e.json)
		part.WriteByte('\n')
		if i == len(c.events)*3/4 { // the disk was full for a moment
			part.Write(e.json[:len(e.json)*2/5])
			part.WriteByte('\n')
			expected.deadLetter("kubernetes.audit", "a line of audit.log is cut short, as a full disk leaves it")
		}
	}
	return []file{
		{fmt.Sprintf("kubernetes/audit-%s.log.gz", rotated.Format("2006-01-02T15-04-05.000")), old.Bytes()},
		{"kubernetes/audit.log", current.Bytes()},
	}
}
