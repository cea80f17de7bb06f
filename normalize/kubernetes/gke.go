package kubernetes

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// IsLogEntry tells whether a record is Cloud Audit's entry of a request to a GKE
// cluster's API server.
func IsLogEntry(root jsondoc.Value) bool {
	payload := root.Get("protoPayload")
	return payload.Get("methodName").Text() != "" &&
		(payload.Get("serviceName").Text() == "k8s.io" || strings.HasPrefix(payload.Get("methodName").Text(), "io.k8s."))
}

// logEntry writes the audit event that an entry was made from. What it does not
// tell is left out: groups, uid, level, the URI's query and, of a success, the code.
func (m *Mapper) logEntry(root jsondoc.Value) string {
	payload := root.Get("protoPayload")
	call := parseCall(payload)
	w := rewriter{text: append(m.text[:0], '{')}
	w.move("auditID", first(root.Path("operation", "id"), root.Get("insertId"), root.Get("insertid")))
	w.str("stage", stageOf(root.Get("operation")))
	w.str("verb", call.verb)
	w.str("requestURI", call.uri())
	w.move("requestReceivedTimestamp", root.Get("timestamp"))
	w.move("stageTimestamp", first(root.Get("receiveTimestamp"), root.Get("receivetimestamp")))
	identity := payload.Get("authenticationInfo")
	w.open("user")
	w.move("username", first(identity.Get("principalEmail"), identity.Get("principalSubject")))
	w.close()
	if as := identity.Get("authoritySelector"); as.Text() != "" {
		w.open("impersonatedUser")
		w.move("username", as)
		w.close()
	}
	caller := payload.Get("requestMetadata")
	if ip := first(caller.Get("callerIp"), caller.Get("callerIP")); ip.Text() != "" {
		w.begin("sourceIPs")
		w.text = append(w.text, '[')
		w.text = append(w.text, ip.Use().JSON()...)
		w.text = append(w.text, ']')
	}
	w.move("userAgent", caller.Get("callerSuppliedUserAgent"))
	if call.resource != "" {
		w.open("objectRef")
		w.str("resource", call.resource)
		w.str("subresource", call.subresource)
		w.str("namespace", call.namespace)
		w.str("name", call.name)
		w.str("apiGroup", call.group)
		w.str("apiVersion", call.version)
		w.close()
	}
	w.status(payload)
	w.move("requestObject", payload.Get("request"))
	w.annotations(root.Get("labels"), payload.Get("authorizationInfo").Index(0))
	w.close()
	m.text = w.text
	return string(w.text)
}

// stageOf tells the stage: an entry is written when a request is complete, and of
// one that lasts another when it begins.
func stageOf(operation jsondoc.Value) string {
	first, _ := operation.Get("first").Bool()
	if last, told := operation.Get("last").Bool(); first && (!told || !last) {
		return responseStarted
	}
	return responseComplete
}

// status writes responseStatus and responseObject. A response that is a Status is
// the status itself; else there is Google's code only.
func (w *rewriter) status(payload jsondoc.Value) {
	response := payload.Get("response")
	if isStatus(response) {
		w.move("responseStatus", response)
		return
	}
	status := payload.Get("status")
	code, hasCode := status.Get("code").Int()
	w.open("responseStatus")
	switch {
	case hasCode && code != 0:
		w.str("status", "Failure")
		if http, ok := httpCodes[code]; ok {
			w.begin("code")
			w.text = append(w.text, http...)
		}
	case hasCode, status.Kind() == jsondoc.Object, response.Kind() == jsondoc.Object:
		w.str("status", "Success")
	default:
		if granted, told := isGranted(payload); told && granted {
			w.str("status", "Success")
		} else if told {
			w.str("status", "Failure")
		}
	}
	w.move("message", status.Get("message"))
	w.close()
	w.move("responseObject", response)
}

func isStatus(response jsondoc.Value) bool {
	return response.Get("status").Kind() == jsondoc.String && response.Get("code").Kind() == jsondoc.Number ||
		response.Get("kind").Text() == "Status" || strings.HasSuffix(response.Get("@type").Text(), ".Status")
}

// isGranted tells whether every permission was granted: many entries have neither
// a status nor a response.
func isGranted(payload jsondoc.Value) (granted, told bool) {
	for info := range payload.Get("authorizationInfo").Elements {
		if granted, told = info.Get("granted").Bool(); !granted {
			break
		}
	}
	return granted, told
}

// httpCodes are what the API server answers when Cloud Audit says (google.rpc.Code).
var httpCodes = map[int64]string{
	1: "499", 2: "500", 3: "400", 4: "504", 5: "404", 6: "409", 7: "403", 8: "429",
	9: "400", 10: "409", 11: "400", 12: "501", 13: "500", 14: "503", 15: "500", 16: "401",
}

// annotations writes the entry's labels, which are the annotations of the event,
// and the decision if only the authorization tells it.
func (w *rewriter) annotations(labels, info jsondoc.Value) {
	if labels.Kind() == jsondoc.Object {
		w.move("annotations", labels)
		return
	}
	if allowed, ok := info.Get("granted").Bool(); ok {
		w.open("annotations")
		if allowed {
			w.str("authorization.k8s.io/decision", "allow")
		} else {
			w.str("authorization.k8s.io/decision", "forbid")
		}
		w.close()
	}
}

// call is a request as an entry's methodName and resourceName tell it.
type call struct {
	verb, group, version, namespace, resource, name, subresource string
	path                                                         string // of a URL that is no resource
}

// parseCall reads names such as io.k8s.authorization.rbac.v1.clusterrolebindings.create
// and core/v1/namespaces/default/pods/web-0/exec.
func parseCall(payload jsondoc.Value) call {
	var c call
	method := strings.Split(payload.Get("methodName").Text(), ".")
	c.verb = method[len(method)-1]
	for i, word := range method {
		if isVersion(word) && i+2 < len(method) {
			c.version, c.resource = word, method[i+1]
			c.subresource = strings.Join(method[i+2:len(method)-1], "/")
			break
		}
	}
	object := payload.Get("resourceName").Text()
	if object == "" {
		object = payload.Get("authorizationInfo").Index(0).Get("resource").Text()
	}
	if c.resource == "" {
		c.path = "/" + object
		return c
	}
	c.parseObject(object)
	return c
}

func (c *call) parseObject(object string) {
	segments := strings.Split(object, "/")
	if len(segments) < 3 || !isVersion(segments[1]) {
		return
	}
	if segments[0] != "core" {
		c.group = segments[0]
	}
	c.version = segments[1]
	segments = segments[2:]
	if segments[0] == "namespaces" && len(segments) > 2 && c.resource != "namespaces" {
		c.namespace, segments = segments[1], segments[2:]
	}
	if segments[0] != c.resource {
		return
	}
	if len(segments) > 1 {
		c.name = segments[1]
	}
	if c.resource == "namespaces" && c.verb != "create" {
		c.namespace = c.name // as the API server has it
	}
}

// isVersion tells v1, v2beta1 and the like.
func isVersion(s string) bool {
	if len(s) < 2 || s[0] != 'v' || s[1] < '0' || '9' < s[1] {
		return false
	}
	rest := strings.TrimLeft(s[1:], "0123456789")
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "alpha"), "beta")
	return strings.Trim(rest, "0123456789") == ""
}

// uri is the path of the request, which follows from its object.
func (c *call) uri() string {
	if c.resource == "" {
		return c.path
	}
	if c.version == "" {
		return ""
	}
	path := "/apis/" + c.group + "/" + c.version
	if c.group == "" {
		path = "/api/" + c.version
	}
	if c.namespace != "" && c.resource != "namespaces" {
		path += "/namespaces/" + c.namespace
	}
	path += "/" + c.resource
	if c.name != "" && (c.verb != "create" || c.subresource != "") {
		path += "/" + c.name
	}
	if c.subresource != "" {
		path += "/" + c.subresource
	}
	return path
}

// mapGoogle maps the cluster that an entry is of.
func mapGoogle(root jsondoc.Value, ev *ocsf.Event) {
	cloud, labels := &ev.Cloud, root.Path("resource", "labels")
	cloud.SetProvider("GCP")
	project := labels.Get("project_id").Text()
	if project == "" {
		name := firstText(root, "logName", "logname")
		if rest, ok := strings.CutPrefix(name, "projects/"); ok {
			project, _, _ = strings.Cut(rest, "/")
		}
	}
	if project != "" {
		cloud.SetProjectUID(project)
		cloud.Account.SetUID(project)
		cloud.Account.SetTypeID(ocsf.AccountTypeIDGCPProject)
	}
	if region, zone := normalize.GoogleLocation(labels.Get("location").Text()); region != "" {
		cloud.SetRegion(region)
		if zone != "" {
			cloud.SetZone(zone)
		}
	}
	if cluster := labels.Get("cluster_name").Text(); cluster != "" {
		ev.Metadata.SetLogSource(cluster)
	}
	if name := firstText(root, "logName", "logname"); name != "" {
		ev.Metadata.SetLogName(name)
	}
	normalize.Text(first(root.Get("insertId"), root.Get("insertid")), ev.Metadata.SetOriginalEventUID)
}

// first is the first of the values that has a text.
func first(values ...jsondoc.Value) jsondoc.Value {
	for _, v := range values {
		if v.Text() != "" {
			return v
		}
	}
	return jsondoc.Value{}
}
