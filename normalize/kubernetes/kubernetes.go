// Package kubernetes maps the audit events of Kubernetes API servers
// (audit.k8s.io/v1 and v1beta1), as the server writes them and as the clouds wrap
// them: EKS through CloudWatch, AKS's kube-audit and kube-audit-admin, GKE's Cloud
// Audit.
//
//	class            which events (classes.go is the table)
//	user_access      completed changes of roles and of their bindings
//	account_change   completed changes of service accounts
//	api_activity     all other
//
// Decisions:
//
//   - One action looks the same from every platform (TestSameAction): what comes in
//     another form is first written anew as the audit event that it was (gke.go,
//     rewrite.go). What the event leaves is at the top of unmapped, what its envelope
//     leaves below unmapped.envelope. metadata.log_source is the cluster's name,
//     log_name the log.
//   - A request has an event for each stage. Only ResponseComplete and Panic are
//     the completed action; metadata.event_code is the stage, and of the earlier
//     ones status_id is Unknown. A policy that logs no stage logs completed ones.
//   - metadata.uid is the auditID, for the stages before ResponseComplete and for
//     Panic with ":" and the stage, so that each event of a request has its own.
//     correlation_uid and api.request.uid are the auditID. A client may choose it.
//   - time is when the request was received, logged_time when the stage was reached.
//   - src_endpoint.ip is the last of sourceIPs, which the API server saw itself. Those
//     before it come from X-Forwarded-For and X-Real-Ip, which a client may set to
//     anything: they are http_request.x_forwarded_for.
//   - actor.user is who authenticated. Whom they impersonate stays in unmapped
//     (impersonatedUser) and is listed among the observables.
//   - resources.type is the resource in the notation of RBAC rules: pods, pods/exec.
//     A request for a whole collection has the name "*".
//   - actor.authorizations has the authorizer's decision and reason. The annotations of
//     admission stay in unmapped.annotations.
//   - api.request.data is the object that was asked for: a rule reads a pod's
//     privileges there on every platform (raw has them elsewhere on each).
//     api.request.containers lists its containers and images.
//   - On EKS the caller's ARN is actor.user.uid_alt and the access key credential_uid,
//     as in CloudTrail's events, and the ARN's account the user's. Of the cluster such
//     an event tells the provider only; its account is known from the CloudWatch
//     envelope.
//   - A plain event has no cloud profile: it does not say where its cluster runs.
//     OCSF has api in user_access and account_change only with that profile, so of
//     them the verb and the objects stay in unmapped, on every platform.
//   - Of a binding the user is the first subject, the others are observables; a group or
//     service account is written as RBAC does. Update and patch may add subjects,
//     so they count as Assign. Of a role the user is the role itself, as a role of AWS is, and
//     privileges are its rules.
//   - A token of a service account is api_activity, though it is a credential: every
//     pod has one asked for, all the time.
//   - GKE does not log groups, a request's query, and the code of a success. The
//     code of a failure is the one that the API server answers with where Google's
//     code stands. Its method names tell the verb.
//
// Fillers: the user, privilege and name that an event below level Request does not
// tell, a missing verb, and a source without sourceIPs, are normalize.Unknown.
package kubernetes

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

var source = normalize.Source{Name: normalize.KubernetesAudit, Product: "Kubernetes", Vendor: "Kubernetes"}

// The stages of a request.
const (
	requestReceived  = "RequestReceived"
	responseStarted  = "ResponseStarted"
	responseComplete = "ResponseComplete"
	panicked         = "Panic"
)

// Mapper maps audit events. It implements normalize.Mapper.
type Mapper struct {
	json    normalize.JSONRecord
	nested  jsondoc.Doc // the audit event of an envelope
	context jsondoc.Doc // what a transport said of the record
	text    []byte      // scratch
}

// New is a mapper for one goroutine.
func New() *Mapper { return new(Mapper) }

// Map implements normalize.Mapper.
func (m *Mapper) Map(rec *event.Record, ev *ocsf.Event) error {
	source.Begin(ev)
	root, err := m.json.Begin(rec, ev)
	if err != nil {
		return err
	}
	a, failure := m.unwrap(root)
	if failure != nil {
		return failure
	}
	root = a.event
	if root.Get("verb").Text() == "" && !isAPIVersion(root.Get("apiVersion").Text()) {
		return normalize.Missing("verb")
	}
	if !mapTime(root, ev) && !normalize.Time(a.envelope.Get("time"), ev.SetTime) {
		return normalize.Missing("requestReceivedTimestamp that is a time")
	}
	mapMetadata(rec, root, ev)
	m.mapEnvelope(rec, a, ev)
	for _, key := range [...]string{"user", "objectRef", "responseStatus"} {
		normalize.WantObject(key, root.Get(key), ev)
	}
	mapUser(root.Get("user"), &ev.Actor.User)
	mapAuthorization(root.Get("annotations"), ev)
	mapSource(root, ev)
	mapHTTP(root, ev)
	mapStatus(root, ev)
	mapClass(root, ev)
	m.finish(a, ev)
	if ev.Class() == ocsf.ClassUserAccess {
		observeSubjects(root, ev)
	}
	if impersonated := root.Path("impersonatedUser", "username").Text(); impersonated != "" {
		normalize.Observe(ev, "unmapped.impersonatedUser.username", ocsf.ObservableTypeIDUserName, impersonated)
	}
	return nil
}

// mapTime takes the first of the times that an event has had over its versions.
func mapTime(root jsondoc.Value, ev *ocsf.Event) bool {
	normalize.Time(root.Get("stageTimestamp"), ev.Metadata.SetLoggedTime)
	for _, at := range [...]jsondoc.Value{
		root.Get("requestReceivedTimestamp"),
		root.Get("timestamp"), // v1beta1
		root.Get("stageTimestamp"),
		root.Path("metadata", "creationTimestamp"),
	} {
		if normalize.Time(at, ev.SetTime) {
			return true
		}
	}
	return false
}

func mapMetadata(rec *event.Record, root jsondoc.Value, ev *ocsf.Event) {
	md := &ev.Metadata
	stage := normalize.Text(root.Get("stage"), md.SetEventCode)
	uid := normalize.Text(root.Get("auditID"), md.SetCorrelationUID)
	switch {
	case uid == "":
		md.SetUID(normalize.OriginUID(rec))
	case stage != "" && stage != responseComplete:
		md.SetUID(uid + ":" + stage)
	default:
		md.SetUID(uid)
	}
	normalize.Text(root.Get("kind"), md.SetType)
	normalize.Text(root.Get("level"), md.SetLogLevel)
	normalize.Text(root.Get("apiVersion"), md.SetLogVersion)
}

func mapSource(root jsondoc.Value, ev *ocsf.Event) {
	src, request := &ev.SrcEndpoint, &ev.HTTPRequest
	addresses := root.Get("sourceIPs")
	last := addresses.Len() - 1
	i := 0
	for address := range addresses.Elements {
		switch text := address.Text(); {
		case text == "":
		case i == last:
			address.Use()
			normalize.Endpoint(text, src.SetIP, src.SetName)
		case normalize.IsIP(text):
			address.Use()
			request.XForwardedFor = append(request.XForwardedFor, text)
		}
		i++
	}
	if !src.Present() {
		src.SetName(normalize.Unknown)
	}
}

func mapHTTP(root jsondoc.Value, ev *ocsf.Event) {
	request := &ev.HTTPRequest
	normalize.Text(root.Get("userAgent"), request.SetUserAgent)
	normalize.Text(root.Get("requestURI"), func(uri string) {
		path, query, found := strings.Cut(uri, "?")
		request.URL.SetPath(path)
		if found {
			request.URL.SetQueryString(query)
		}
	})
}

// mapStatus tells success from the response's code, which a request has once it is
// answered.
func mapStatus(root jsondoc.Value, ev *ocsf.Event) {
	status := root.Get("responseStatus")
	normalize.Text(status.Get("message"), ev.SetStatusDetail)
	code, ok := status.Get("code").Int()
	word := status.Get("status").Text()
	switch stage := root.Get("stage").Text(); {
	case stage == panicked:
		ev.SetStatusID(ocsf.StatusIDFailure)
	case stage == requestReceived, stage == responseStarted, !ok && word != "Success" && word != "Failure":
		ev.SetStatusID(ocsf.StatusIDUnknown)
	case code >= 400, !ok && word == "Failure":
		ev.SetStatusID(ocsf.StatusIDFailure)
	default:
		ev.SetStatusID(ocsf.StatusIDSuccess)
	}
	if ok {
		normalize.Text(status.Get("code"), ev.SetStatusCode)
	}
	if metadata := status.Get("metadata"); metadata.Len() == 0 {
		metadata.Use() // {}: of a list's response
	}
	if word == ev.Status() {
		status.Get("status").Use()
	}
}
