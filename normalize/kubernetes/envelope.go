package kubernetes

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// The shapes of a record: the words of Dialect.
const (
	plain      = "event"      // the event itself
	embedded   = "embedded"   // the event in a text of a line that some forwarder wrote
	cloudWatch = "cloudwatch" // the same, of a CloudWatch log event
	aks        = "aks"        // Azure's diagnostic record
	aksTable   = "aks-table"  // a row of Log Analytics' AKSAudit tables
	gke        = "gke"        // Cloud Audit's LogEntry
)

// Dialect names the shape of an audit event; "" if it is none.
func Dialect(root jsondoc.Value) string {
	switch {
	case isAPIVersion(root.Get("apiVersion").Text()),
		root.Get("verb").Text() != "" && (root.Get("auditID").Text() != "" || root.Get("objectRef").Kind() == jsondoc.Object):
		return plain
	case IsLogEntry(root):
		return gke
	case root.Get("AuditId").Text() != "" && root.Get("Verb").Text() != "":
		return aksTable
	}
	if isAuditCategory(root) {
		return aks
	}
	if text := log(root); text.Kind() == jsondoc.Object && isAPIVersion(text.Get("apiVersion").Text()) ||
		strings.HasPrefix(strings.TrimSpace(text.Text()), "{") && strings.Contains(text.Text(), `"audit.k8s.io/`) {
		if logGroup(root) != "" {
			return cloudWatch
		}
		return embedded
	}
	return ""
}

// isAPIVersion tells an audit event's apiVersion.
func isAPIVersion(s string) bool { return strings.HasPrefix(s, "audit.k8s.io/") }

// isAuditCategory tells AKS's audit records from those of its other components,
// whose log is text. A row of AzureDiagnostics has a capital.
func isAuditCategory(root jsondoc.Value) bool {
	switch firstText(root, "category", "Category") {
	case "kube-audit", "kube-audit-admin":
		return true
	}
	return false
}

// logPaths is where envelopes keep the event: AKS; AzureDiagnostics; CloudWatch
// and its Insights; forwarders of container logs.
var logPaths = [...][]string{{"properties", "log"}, {"log_s"}, {"message"}, {"@message"}, {"log"}}

func log(root jsondoc.Value) jsondoc.Value {
	for _, path := range logPaths {
		if v := root.Path(path...); v.Kind() >= jsondoc.String {
			return v
		}
	}
	return jsondoc.Value{}
}

func logGroup(root jsondoc.Value) string {
	if group := root.Get("logGroup").Text(); group != "" {
		return group
	}
	_, group, _ := strings.Cut(root.Get("@log").Text(), ":") // account:group
	return group
}

// audit is a record taken apart.
type audit struct {
	shape string
	// event is the audit event: the record, or what the mapper's nested document
	// holds.
	event jsondoc.Value
	// envelope is the record around the event; absent for the plain shape.
	envelope jsondoc.Value
}

// unwrap finds the audit event in a record. What came in another form than the
// API server's own is written anew as an audit event, so that all that follows
// knows one form only.
func (m *Mapper) unwrap(root jsondoc.Value) (audit, *normalize.Error) {
	switch shape := Dialect(root); shape {
	case gke:
		return m.rewritten(shape, root, m.logEntry(root))
	case aksTable:
		return m.rewritten(shape, root, m.tableRow(root))
	case aks, embedded, cloudWatch:
		text := log(root)
		if text.Kind() == jsondoc.Absent {
			return audit{}, normalize.Missing("properties.log, which holds the audit event")
		}
		written := text.Text()
		if text.Kind() != jsondoc.String {
			written = text.JSON()
		}
		text.Use()
		return m.rewritten(shape, root, written)
	}
	if !root.Get("auditID").Exists() && !root.Get("objectRef").Exists() && !root.Get("requestURI").Exists() {
		return audit{}, normalize.WrongSource("no auditID, objectRef or requestURI: not a Kubernetes audit event")
	}
	return audit{shape: plain, event: root}, nil
}

func (m *Mapper) rewritten(shape string, envelope jsondoc.Value, text string) (audit, *normalize.Error) {
	if err := m.nested.ParseString(text); err != nil {
		return audit{}, &normalize.Error{Reason: event.ReasonSyntax, Detail: "the audit event in its envelope (" + shape + "): " + err.Error()}
	}
	root := m.nested.Root()
	if root.Kind() != jsondoc.Object {
		return audit{}, normalize.WrongSource("want a JSON object in the envelope (" + shape + "), got " + root.Kind().String())
	}
	return audit{shape: shape, event: root, envelope: envelope}, nil
}

// finish adds what the event and its envelope have left to unmapped: the event's
// rest stands where that of a plain one does, the envelope's below "envelope".
func (m *Mapper) finish(a audit, ev *ocsf.Event) {
	m.json.Finish(ev)
	if !a.envelope.Exists() {
		return
	}
	rest := string(ev.Unmapped())
	ev.ClearUnmapped()
	m.text = m.nested.AppendUnused(m.text[:0])
	if rest != "" {
		if len(m.text) == 0 {
			m.text = append(m.text, `{}`...)
		}
		m.text = m.text[:len(m.text)-1]
		if len(m.text) > 1 {
			m.text = append(m.text, ',')
		}
		m.text = append(m.text, `"envelope":`...)
		m.text = append(m.text, rest...)
		m.text = append(m.text, '}')
	}
	if len(m.text) > 0 {
		ev.SetUnmapped(ocsf.JSON(m.text))
	}
	for _, flag := range m.nested.Flags().Names() {
		ev.Metadata.Labels = append(ev.Metadata.Labels, "json:"+flag)
	}
}

// mapEnvelope maps where the cluster runs, as far as the record tells, or the
// document of CloudWatch Logs that brought it.
func (m *Mapper) mapEnvelope(rec *event.Record, a audit, ev *ocsf.Event) {
	switch a.shape {
	case gke:
		mapGoogle(a.envelope, ev)
	case aks, aksTable:
		mapAzure(a.envelope, ev)
	case cloudWatch:
		mapCloudWatch(a.envelope, ev)
	case plain:
		if rec.Origin.Envelope != "" && m.context.ParseString(rec.Origin.Envelope) == nil {
			if of := m.context.Root().Get("cloudwatch"); of.Exists() {
				mapCloudWatch(of, ev)
			}
		}
	}
	if !ev.Cloud.HasProvider() && isAmazon(a.event.Get("user")) {
		ev.Cloud.SetProvider("AWS")
	}
	if ev.Cloud.Present() {
		ev.Metadata.Profiles = append(ev.Metadata.Profiles, "cloud")
	}
}

// isAmazon tells whether the caller came with an identity of AWS IAM, as to EKS.
func isAmazon(user jsondoc.Value) bool {
	return strings.HasPrefix(user.Get("uid").Text(), "aws-iam-authenticator:") || extra(user, "arn").Exists() || extra(user, "canonicalArn").Exists()
}

// mapCloudWatch maps a log event of an EKS cluster's group /aws/eks/NAME/cluster.
func mapCloudWatch(envelope jsondoc.Value, ev *ocsf.Event) {
	group := logGroup(envelope)
	if group != "" {
		ev.Metadata.SetLogName(group)
	}
	name, ok := strings.CutPrefix(group, "/aws/eks/")
	if !ok {
		return // an agent may send the log of any cluster to CloudWatch
	}
	name, _, _ = strings.Cut(name, "/")
	ev.Metadata.SetLogSource(name)
	ev.Cloud.SetProvider("AWS")
	account := envelope.Get("owner").Text()
	if account == "" {
		account, _, _ = strings.Cut(envelope.Get("@log").Text(), ":")
	}
	if account != "" {
		ev.Cloud.Account.SetUID(account)
		ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
}

// mapAzure maps a diagnostic record, or a row of Log Analytics.
func mapAzure(envelope jsondoc.Value, ev *ocsf.Event) {
	ev.Cloud.SetProvider("Azure")
	normalize.Text(envelope.Get("location"), ev.Cloud.SetRegion)
	id := firstText(envelope, "resourceId", "ResourceId", "_ResourceId")
	subscription := firstText(envelope, "SubscriptionId", "_SubscriptionId")
	for rest := id; ; {
		segment, after, found := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
		if strings.EqualFold(segment, "subscriptions") {
			subscription, _, _ = strings.Cut(after, "/")
		}
		if !found {
			break
		}
		rest = after
	}
	if subscription != "" {
		ev.Cloud.Account.SetUID(strings.ToLower(subscription))
		ev.Cloud.Account.SetTypeID(ocsf.AccountTypeIDAzureSubscription)
	}
	if name := id[strings.LastIndexByte(id, '/')+1:]; name != "" {
		ev.Metadata.SetLogSource(name)
	}
	if category := firstText(envelope, "category", "Category", "Type"); category != "" {
		ev.Metadata.SetLogName(category)
	}
}

func firstText(v jsondoc.Value, keys ...string) string {
	for _, key := range keys {
		if text := v.Get(key).Text(); text != "" {
			return text
		}
	}
	return ""
}
