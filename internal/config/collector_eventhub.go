package config

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// EventHubCollector reads an event hub of Azure. Without any credentials here they come
// from where the Azure tools have them.
type EventHubCollector struct {
	Namespace, Hub string // Namespace is a host, with a port if need be

	ConnectionString     Secret
	ConnectionStringFile string
	TenantID, ClientID   string
	ClientSecret         Secret
	ClientSecretFile     string

	CAFile string
}

func newEventHubCollector() *EventHubCollector { return &EventHubCollector{} }

func (e *EventHubCollector) fields() []field {
	fields := []field{
		{"namespace", "host of the namespace, such as `weir-logs.servicebus.windows.net`; with a port where it is not 9093", required{checked(&e.Namespace, "host", checkNamespace)}},
		{"hub", "event hub to read, such as `insights-activity-logs`", required{checked(&e.Hub, "text", checkHub)}},
	}
	fields = append(fields, secret("connection_string", "connection string of a policy with the right Listen", &e.ConnectionString, &e.ConnectionStringFile)...)
	fields = append(fields,
		field{"tenant_id", "tenant of the service principal or workload identity", textOrNothing{text(&e.TenantID), &e.TenantID}},
		field{"client_id", "service principal with `client_secret`; alone, the workload identity or user-assigned managed identity to use", textOrNothing{text(&e.ClientID), &e.ClientID}},
	)
	fields = append(fields, secret("client_secret", "secret of the service principal", &e.ClientSecret, &e.ClientSecretFile)...)
	return append(fields, field{"ca_file", "PEM file of the authorities to trust instead of the system's", optionalPath(&e.CAFile)})
}

// Host is the namespace without a port.
func (e *EventHubCollector) Host() string {
	if host, _, err := net.SplitHostPort(e.Namespace); err == nil {
		return host
	}
	return e.Namespace
}

func checkNamespace(s string) error {
	host := s
	if strings.Contains(s, ":") {
		if err := checkAddress(s); err != nil {
			return err
		}
		host, _, _ = net.SplitHostPort(s)
	}
	if !namespaceForm.MatchString(host) {
		return fmt.Errorf("want the host of the namespace, such as weir-logs.servicebus.windows.net, got %q", s)
	}
	return nil
}

var (
	namespaceForm = regexp.MustCompile(`^([A-Za-z0-9-]+\.)+[A-Za-z0-9-]+$|^localhost$`)
	// hubForm is that of Event Hubs' names, and of Kafka's topics.
	hubForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,248}[A-Za-z0-9])?$`)
)

func checkHub(s string) error {
	if !hubForm.MatchString(s) {
		return fmt.Errorf("want the name of an event hub, got %q", s)
	}
	return nil
}

// check finds what is wrong across the keys of the collector at path.
func (e *EventHubCollector) check(r *reader, path string) {
	byString := r.given(path+".connection_string") || r.given(path+".connection_string_file")
	if byString {
		r.checkSecret(path, "connection_string")
		r.exclude(path, "and connection_string exclude each other; delete one", "tenant_id", "client_id", "client_secret", "client_secret_file")
		if err := e.checkConnectionString(); err != nil {
			r.problemAt(path+".connection_string", "%v", err)
		}
	}
	if !byString && (r.given(path+".client_secret") || r.given(path+".client_secret_file")) {
		r.checkSecret(path, "client_secret")
		r.wantAll(path, "tenant_id", "client_id")
	}
	(&TLS{CAFile: e.CAFile}).check(r, path)
}

// checkConnectionString says what a connection string lacks. It shows nothing of it.
func (e *EventHubCollector) checkConnectionString() error {
	if e.ConnectionString == "" || e.ConnectionString == mask {
		return nil // it is reported already, or shown
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(string(e.ConnectionString), ";") {
		key, value, _ := strings.Cut(part, "=")
		parts[strings.ToLower(strings.TrimSpace(key))] = value
	}
	endpoint, err := url.Parse(parts["endpoint"])
	switch {
	case err != nil || endpoint.Scheme != "sb" || endpoint.Host == "",
		parts["sharedaccesssignature"] == "" && (parts["sharedaccesskeyname"] == "" || parts["sharedaccesskey"] == ""):
		return fmt.Errorf("want a connection string of Event Hubs: Endpoint=sb://<namespace>/;SharedAccessKeyName=<policy>;SharedAccessKey=<key>")
	case e.Namespace != "" && !strings.EqualFold(endpoint.Hostname(), e.Host()):
		return fmt.Errorf("is for another namespace than %s", e.Host())
	case e.Hub != "" && parts["entitypath"] != "" && !strings.EqualFold(parts["entitypath"], e.Hub):
		return fmt.Errorf("is for another hub than %s", e.Hub)
	}
	return nil
}
