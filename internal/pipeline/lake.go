package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/sinks/lake"
	"github.com/weir-security/weir/sinks/lake/blobstore"
	"github.com/weir-security/weir/sinks/lake/s3store"
)

// OpenLake opens the configured lake, for writing: a directory, a bucket or a
// container. Secrets that are in files are read anew. lake.IsTransient tells
// whether a later try may succeed.
func OpenLake(ctx context.Context, l *config.Lake, instance string) (lake.Store, error) {
	switch scheme, host, path := l.Store(); scheme {
	case config.LakeS3:
		c, err := s3Config(l.S3, host, path, instance)
		if err != nil {
			return nil, err
		}
		return openedStore(s3store.Open(ctx, c))
	case config.LakeAzBlob:
		c, err := azBlobConfig(l.AzBlob, host, path)
		if err != nil {
			return nil, err
		}
		return openedStore(blobstore.Open(ctx, c))
	}
	return openedStore(lake.NewDir(l.Dir))
}

// OpenLakeReader opens a lake for reading only: nothing is written or created there,
// and the rights to read and list are enough.
func OpenLakeReader(ctx context.Context, l *config.Lake, instance string) (lake.Store, error) {
	switch scheme, host, path := l.Store(); scheme {
	case config.LakeS3:
		c, err := s3Config(l.S3, host, path, instance)
		if err != nil {
			return nil, err
		}
		return openedStore(s3store.OpenReader(ctx, c))
	case config.LakeAzBlob:
		c, err := azBlobConfig(l.AzBlob, host, path)
		if err != nil {
			return nil, err
		}
		return openedStore(blobstore.OpenReader(ctx, c))
	}
	return openedStore(lake.ReadDir(l.Dir))
}

// openedStore is no store after an error, rather than one that is nil inside.
func openedStore[S lake.Store](store S, err error) (lake.Store, error) {
	if err != nil {
		return nil, err
	}
	return store, nil
}

func s3Config(s *config.S3Lake, bucket, prefix, instance string) (s3store.Config, error) {
	if s == nil {
		s = &config.S3Lake{}
	}
	secret, err := config.ReadSecret(s.SecretAccessKey, s.SecretAccessKeyFile)
	if err != nil {
		return s3store.Config{}, fmt.Errorf("lake.s3.secret_access_key: %w", err)
	}
	return s3store.Config{
		Bucket: bucket, Prefix: prefix,
		Region: s.Region, Endpoint: s.Endpoint, PathStyle: s.PathStyle,
		AccessKeyID: s.AccessKeyID, SecretAccessKey: string(secret),
		RoleARN: s.RoleARN, ExternalID: s.ExternalID, SessionName: "weir-" + instance,
		KMSKeyID: s.KMSKeyID,
	}, nil
}

func azBlobConfig(a *config.AzBlobLake, account, path string) (blobstore.Config, error) {
	if a == nil {
		a = &config.AzBlobLake{}
	}
	container, prefix, _ := strings.Cut(path, "/")
	c := blobstore.Config{Account: account, Container: container, Prefix: prefix, Endpoint: a.Endpoint}
	for _, s := range []struct {
		key   string
		value config.Secret
		file  string
		to    *string
	}{
		{"connection_string", a.ConnectionString, a.ConnectionStringFile, &c.ConnectionString},
		{"sas", a.SAS, a.SASFile, &c.SAS},
		{"account_key", a.AccountKey, a.AccountKeyFile, &c.AccountKey},
	} {
		secret, err := config.ReadSecret(s.value, s.file)
		if err != nil {
			return c, fmt.Errorf("lake.azblob.%s: %w", s.key, err)
		}
		*s.to = string(secret)
	}
	if c.ConnectionString == "" && c.SAS == "" && c.AccountKey == "" {
		var err error
		if c.Token, err = entra(a); err != nil {
			return c, fmt.Errorf("lake.azblob: %w", err)
		}
	}
	return c, nil
}

// entra is who weir is to Entra ID: the configured service principal; else, with a
// client id alone, that workload or managed identity; else what azidentity finds.
func entra(a *config.AzBlobLake) (azcore.TokenCredential, error) {
	secret, err := config.ReadSecret(a.ClientSecret, a.ClientSecretFile)
	switch {
	case err != nil:
		return nil, fmt.Errorf("client_secret: %w", err)
	case secret != "":
		return credential(azidentity.NewClientSecretCredential(a.TenantID, a.ClientID, string(secret), nil))
	case a.ClientID != "" && os.Getenv("AZURE_FEDERATED_TOKEN_FILE") != "":
		return credential(azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientID: a.ClientID, TenantID: a.TenantID}))
	case a.ClientID != "":
		return credential(azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ID: azidentity.ClientID(a.ClientID)}))
	}
	return credential(azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{TenantID: a.TenantID}))
}

func credential[C azcore.TokenCredential](c C, err error) (azcore.TokenCredential, error) {
	if err != nil {
		return nil, errors.New(strings.Join(strings.Fields(err.Error()), " "))
	}
	return c, nil
}
