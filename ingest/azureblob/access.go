package azureblob

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// Access is how an account is reached. Without secrets it is what the Azure SDK finds in
// its environment: variables, workload identity, managed identity, the Azure CLI.
type Access struct {
	Account string
	// Endpoint is the URL of the account where it is not
	// https://<account>.blob.core.windows.net.
	Endpoint string
	// TenantID and ClientID belong to Secrets.ClientSecret; without it they choose the
	// workload identity or user-assigned managed identity.
	TenantID, ClientID string
	// Secrets gives those that are there, as they are now: at most one of them. It may
	// be nil.
	Secrets func() (Secrets, error)
}

// Secrets are the ways to prove who one is, other than an identity.
type Secrets struct {
	ClientSecret     string
	ConnectionString string
	SAS              string // the query of a shared access signature
	AccountKey       string
}

// name is the account in the origin of records.
func (a *Access) name() string {
	if a.Account != "" || a.Secrets == nil {
		return a.Account
	}
	s, err := a.Secrets()
	if err != nil {
		return ""
	}
	for part := range strings.SplitSeq(s.ConnectionString, ";") {
		if name, ok := strings.CutPrefix(strings.TrimSpace(part), "AccountName="); ok {
			return name
		}
	}
	return ""
}

func (a *Access) secrets() (Secrets, error) {
	if a.Secrets == nil {
		return Secrets{}, nil
	}
	return a.Secrets()
}

// open makes a client of a container. It reaches nothing.
func (a *Access) open(name string, s Secrets) (*container.Client, error) {
	options := &container.ClientOptions{ClientOptions: azcore.ClientOptions{
		Retry:     policy.RetryOptions{MaxRetries: 3},
		Telemetry: policy.TelemetryOptions{ApplicationID: "weir"},
	}}
	if s.ConnectionString != "" {
		return container.NewClientFromConnectionString(s.ConnectionString, name, options)
	}
	at, err := a.url(name)
	if err != nil {
		return nil, err
	}
	switch {
	case s.SAS != "":
		return container.NewClientWithNoCredential(at+"?"+strings.TrimPrefix(s.SAS, "?"), options)
	case s.AccountKey != "":
		key, err := container.NewSharedKeyCredential(a.Account, s.AccountKey)
		if err != nil {
			return nil, fmt.Errorf("use the account key: %w", err)
		}
		return container.NewClientWithSharedKeyCredential(at, key, options)
	}
	identity, err := a.identity(s)
	if err != nil {
		return nil, fmt.Errorf("find an identity: %w", err)
	}
	return container.NewClient(at, identity, options)
}

func (a *Access) url(name string) (string, error) {
	endpoint := a.Endpoint
	if endpoint == "" {
		endpoint = "https://" + a.Account + ".blob.core.windows.net"
	}
	return url.JoinPath(endpoint, name)
}

func (a *Access) identity(s Secrets) (azcore.TokenCredential, error) {
	switch {
	case s.ClientSecret != "":
		return azidentity.NewClientSecretCredential(a.TenantID, a.ClientID, s.ClientSecret, nil)
	case a.ClientID == "":
		return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{TenantID: a.TenantID})
	}
	var chain []azcore.TokenCredential
	workload, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientID: a.ClientID, TenantID: a.TenantID})
	if err == nil { // else this is no pod with one
		chain = append(chain, workload)
	}
	managed, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ID: azidentity.ClientID(a.ClientID)})
	if err != nil {
		return nil, err
	}
	return azidentity.NewChainedTokenCredential(append(chain, managed), nil)
}
