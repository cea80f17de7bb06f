package sentinel

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// login gets tokens of Entra. The credentials of azidentity keep a token until it is
// nearly over; one is made anew only when its secret has changed.
type login struct {
	conf   *Config
	client azcore.ClientOptions
	// known is false of a custom AuthorityHost, about which Entra's directory of hosts
	// says nothing.
	known bool

	credential azcore.TokenCredential
	secret     string // of which credential was made
}

func newLogin(conf *Config, client *httpsend.Client) (*login, error) {
	host, err := httpsend.CheckURL(conf.AuthorityHost)
	if err != nil || host.Scheme != "https" {
		return nil, errors.New("authority_host: want a URL like https://login.microsoftonline.com")
	}
	l := &login{conf: conf}
	for _, c := range []cloud.Configuration{cloud.AzurePublic, cloud.AzureGovernment, cloud.AzureChina} {
		l.known = l.known || c.ActiveDirectoryAuthorityHost == conf.AuthorityHost || c.ActiveDirectoryAuthorityHost == conf.AuthorityHost+"/"
	}
	l.client = azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: conf.AuthorityHost},
		Retry:     policy.RetryOptions{MaxRetries: -1}, // that is the deliver role's
		Transport: transport{client},
	}
	return l, l.check()
}

// transport lets azidentity use the client, with its authorities and timeout.
type transport struct{ client *httpsend.Client }

func (t transport) Do(req *http.Request) (*http.Response, error) { return t.client.Do(req) }

func (l *login) check() error {
	c := l.conf
	switch c.Credential {
	case ClientSecret:
		if c.TenantID == "" || c.ClientID == "" || c.ClientSecret == nil {
			return errors.New("credential client_secret needs tenant_id, client_id and client_secret")
		}
	case ClientCertificate:
		if c.TenantID == "" || c.ClientID == "" || c.CertificateFile == "" {
			return errors.New("credential client_certificate needs tenant_id, client_id and certificate_file")
		}
	case WorkloadIdentity, ManagedIdentity:
	default:
		return errNoCredential
	}
	return nil
}

// token is a token for the scope, from memory as long as one is good.
func (l *login) token(ctx context.Context) (string, error) {
	if err := l.renew(ctx); err != nil {
		return "", err
	}
	token, err := l.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{l.conf.Scope}})
	if err != nil {
		return "", fmt.Errorf("%s", httpsend.Safe(httpsend.MaskText(err.Error(), l.secret), 2*httpsend.MaxExcerpt))
	}
	return token.Token, nil
}

// forget drops the token that is in memory: Azure does not accept it any more.
func (l *login) forget() { l.credential = nil }

// renew makes the credential, again if its secret is another.
func (l *login) renew(ctx context.Context) (err error) {
	var secret string
	var certificate []byte
	switch l.conf.Credential {
	case ClientSecret:
		if secret, err = l.conf.ClientSecret(ctx); err != nil {
			return fmt.Errorf("read the client's secret: %w", err)
		}
		if secret == "" {
			return errors.New("the client's secret is empty")
		}
	case ClientCertificate:
		if certificate, err = os.ReadFile(l.conf.CertificateFile); err != nil {
			return fmt.Errorf("read the client's certificate: %w", err)
		}
		secret = string(certificate)
	}
	if l.credential != nil && secret == l.secret {
		return nil
	}
	credential, err := l.make(ctx, secret, certificate)
	if err != nil {
		return err
	}
	l.credential, l.secret = credential, secret
	return nil
}

func (l *login) make(ctx context.Context, secret string, certificate []byte) (azcore.TokenCredential, error) {
	c := l.conf
	switch c.Credential {
	case ClientSecret:
		return azidentity.NewClientSecretCredential(c.TenantID, c.ClientID, secret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: l.client, DisableInstanceDiscovery: !l.known})
	case ClientCertificate:
		return l.withCertificate(ctx, certificate)
	case WorkloadIdentity:
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: l.client, DisableInstanceDiscovery: !l.known, TenantID: c.TenantID, ClientID: c.ClientID, TokenFilePath: c.TokenFile,
		})
	}
	// The metadata service is this machine's: no proxy and no private authority.
	options := &azidentity.ManagedIdentityCredentialOptions{}
	if c.ClientID != "" {
		options.ID = azidentity.ClientID(c.ClientID)
	}
	return azidentity.NewManagedIdentityCredential(options)
}

func (l *login) withCertificate(ctx context.Context, certificate []byte) (azcore.TokenCredential, error) {
	var password string
	if l.conf.CertificatePassword != nil {
		var err error
		if password, err = l.conf.CertificatePassword(ctx); err != nil {
			return nil, fmt.Errorf("read the certificate's password: %w", err)
		}
	}
	certs, key, err := azidentity.ParseCertificates(certificate, []byte(password))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", l.conf.CertificateFile, err)
	}
	return azidentity.NewClientCertificateCredential(l.conf.TenantID, l.conf.ClientID, certs, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: l.client, DisableInstanceDiscovery: !l.known, SendCertificateChain: true})
}
