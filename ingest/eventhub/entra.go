package eventhub

import (
	"context"
	"fmt"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Identity is who weir is to Entra ID. With neither of its ids it is whoever the tools of
// Azure would be here: by environment variables, workload identity, managed identity.
type Identity struct {
	TenantID, ClientID string
	// ClientSecret returns the secret of the service principal as it is now, empty for none.
	// ClientID alone is a workload identity, or else a user-assigned managed identity.
	ClientSecret func() (string, error)
}

// Credential gets tokens for the identity.
func (i Identity) Credential() azcore.TokenCredential { return &credential{identity: i} }

// credential makes its credential anew when the secret has changed.
type credential struct {
	identity Identity

	mu     sync.Mutex
	secret string
	use    azcore.TokenCredential
}

// GetToken implements azcore.TokenCredential.
func (c *credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	use, err := c.current()
	if err != nil {
		return azcore.AccessToken{}, fmt.Errorf("find an identity: %w", err)
	}
	return use.GetToken(ctx, o)
}

func (c *credential) current() (azcore.TokenCredential, error) {
	secret, err := c.identity.ClientSecret()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.use == nil || secret != c.secret {
		use, err := c.identity.credential(secret)
		if err != nil {
			return nil, err
		}
		c.use, c.secret = use, secret
	}
	return c.use, nil
}

func (i Identity) credential(secret string) (azcore.TokenCredential, error) {
	switch {
	case secret != "":
		return azidentity.NewClientSecretCredential(i.TenantID, i.ClientID, secret, nil)
	case i.ClientID == "":
		return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{TenantID: i.TenantID})
	}
	var chain []azcore.TokenCredential
	workload, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientID: i.ClientID, TenantID: i.TenantID})
	if err == nil { // else this is no pod with one
		chain = append(chain, workload)
	}
	managed, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ID: azidentity.ClientID(i.ClientID)})
	if err != nil {
		return nil, err
	}
	return azidentity.NewChainedTokenCredential(append(chain, managed), nil)
}
