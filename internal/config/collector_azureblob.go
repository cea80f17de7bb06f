package config

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// AzureBlobCollector reads the blobs of a container. Without any credentials here they
// come from where the Azure tools have them.
type AzureBlobCollector struct {
	Account, Container, Prefix string
	PollInterval               time.Duration
	Lookback                   time.Duration

	Include, Exclude []string
	From, To         time.Time
	Objects          int

	Endpoint           string
	TenantID, ClientID string

	ClientSecret         Secret
	ClientSecretFile     string
	ConnectionString     Secret
	ConnectionStringFile string
	SAS                  Secret
	SASFile              string
	AccountKey           Secret
	AccountKeyFile       string
}

func newAzureBlobCollector() *AzureBlobCollector {
	return &AzureBlobCollector{PollInterval: time.Minute, Lookback: 24 * time.Hour, Objects: 8}
}

func (a *AzureBlobCollector) fields() []field {
	fields := []field{
		{"account", "storage account; not with `connection_string`", textOrNothing{text(&a.Account), &a.Account}},
		{"container", "container to read, such as `insights-activity-logs`", required{text(&a.Container)}},
		{"prefix", "begins the names of blobs that are read", textOrNothing{text(&a.Prefix), &a.Prefix}},
		{"poll_interval", "time between two listings", duration(&a.PollInterval, time.Second)},
		{"lookback", "how long behind the end of its hour a blob may still grow", duration(&a.Lookback, time.Minute)},
	}
	fields = append(fields, chosen(&a.Include, &a.Exclude, &a.From, &a.To)...)
	fields = append(fields,
		field{"objects", "how many are read at the same time", integer(&a.Objects, 1, 64)},
		field{"endpoint", "URL of the account where it is not `https://<account>.blob.core.windows.net`; https, or http on loopback", textOrNothing{checked(&a.Endpoint, "URL", checkEndpoint), &a.Endpoint}},
		field{"tenant_id", "tenant of the service principal or workload identity", textOrNothing{text(&a.TenantID), &a.TenantID}},
		field{"client_id", "service principal with `client_secret`; alone, the workload identity or user-assigned managed identity to use", textOrNothing{text(&a.ClientID), &a.ClientID}},
	)
	fields = append(fields, secret("client_secret", "secret of the service principal", &a.ClientSecret, &a.ClientSecretFile)...)
	fields = append(fields, secret("connection_string", "connection string of the account", &a.ConnectionString, &a.ConnectionStringFile)...)
	fields = append(fields, secret("sas", "query of a shared access signature", &a.SAS, &a.SASFile)...)
	return append(fields, secret("account_key", "key of the account", &a.AccountKey, &a.AccountKeyFile)...)
}

// check finds what is wrong across the keys of the collector at path.
func (a *AzureBlobCollector) check(r *reader, path string) {
	var ways []string
	for _, key := range []string{"client_secret", "connection_string", "sas", "account_key"} {
		if r.given(path+"."+key) || r.given(path+"."+key+"_file") {
			r.checkSecret(path, key)
			ways = append(ways, key)
		}
	}
	if len(ways) > 1 {
		r.problemAt(path+"."+ways[1], "%s exclude each other; keep one", strings.Join(ways, " and "))
	}
	switch {
	case len(ways) == 1 && ways[0] == "client_secret":
		r.wantAll(path, "tenant_id", "client_id")
	case len(ways) == 1:
		r.exclude(path, "and "+ways[0]+" exclude each other; delete one", "tenant_id", "client_id")
	}
	switch {
	case len(ways) == 1 && ways[0] == "connection_string":
		r.exclude(path, "is in the connection string already; delete it", "account", "endpoint")
	case a.Account == "":
		r.wantAll(path, "account")
	case !accountForm.MatchString(a.Account):
		r.problemAt(path+".account", "%q is no name of a storage account", a.Account)
	}
	if a.Container != "" && !containerForm.MatchString(a.Container) {
		r.problemAt(path+".container", "%q is no name of a container", a.Container)
	}
	checkDays(r, path, a.From, a.To)
}

// unlessZero is a time that is not shown while it is not given.
type unlessZero struct {
	value
	to *time.Time
}

func (u unlessZero) write() *yaml.Node {
	if u.to.IsZero() {
		return nil
	}
	return u.value.write()
}
