package blobstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// Config says which container, and how it is reached. At most one of the
// credentials is given.
type Config struct {
	Account   string
	Container string
	Prefix    string // of names, without slashes at its ends
	// Endpoint is the URL of the account where it is not that of the public cloud.
	Endpoint string

	Token            azcore.TokenCredential // of Entra ID
	ConnectionString string
	SAS              string // query of a shared access signature
	AccountKey       string
}

// requestTimeout is for one request with its answer; a block takes it at 140 kB/s.
const requestTimeout = 2 * time.Minute

// Open reaches the container and tries out what writing needs: see probe.
func Open(ctx context.Context, c Config) (*Store, error) {
	s, err := OpenReader(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := s.probe(ctx); err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	return s, nil
}

// OpenReader is Open for reading only: it tries nothing out.
func OpenReader(_ context.Context, c Config) (*Store, error) {
	client, err := newClient(c, &container.ClientOptions{ClientOptions: azcore.ClientOptions{
		Retry: policy.RetryOptions{MaxRetries: 2, TryTimeout: requestTimeout, MaxRetryDelay: 20 * time.Second},
	}})
	if err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	return newStore(client, c), nil
}

func newClient(c Config, options *container.ClientOptions) (*container.Client, error) {
	if c.ConnectionString != "" {
		if !strings.Contains(";"+c.ConnectionString+";", ";AccountName="+c.Account+";") && strings.Contains(c.ConnectionString, "AccountName=") {
			return nil, fmt.Errorf("the connection string is not of the account %s", c.Account)
		}
		client, err := container.NewClientFromConnectionString(c.ConnectionString, c.Container, options)
		if err != nil {
			// The SDK's error may quote the key.
			return nil, errors.New("the connection string is none: copy it from the storage account's access keys")
		}
		return client, nil
	}
	endpoint := c.Endpoint
	if endpoint == "" {
		endpoint = "https://" + c.Account + ".blob.core.windows.net"
	}
	url := strings.TrimSuffix(endpoint, "/") + "/" + c.Container
	switch {
	case c.SAS != "":
		return container.NewClientWithNoCredential(url+"?"+strings.TrimPrefix(c.SAS, "?"), options)
	case c.AccountKey != "":
		key, err := container.NewSharedKeyCredential(c.Account, c.AccountKey)
		if err != nil {
			return nil, errors.New("the account key is none: it is base64, copy it from the storage account's access keys")
		}
		return container.NewClientWithSharedKeyCredential(url, key, options)
	case c.Token != nil:
		return container.NewClient(url, c.Token, options)
	}
	return nil, fmt.Errorf("no credentials for the container %s", c.Container)
}
