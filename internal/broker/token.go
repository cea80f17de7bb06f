package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/weir-security/weir/internal/config"
)

// bearer is OAUTHBEARER with the brokers' word on why a token is refused: they send
// it as a challenge (RFC 7628, section 3.2.2), of which the client's own mechanism
// only says that it is unexpected.
type bearer struct{ sasl.Mechanism }

func (b bearer) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	session, first, err := b.Mechanism.Authenticate(ctx, host)
	return bearerSession{session}, first, err
}

type bearerSession struct{ sasl.Session }

func (b bearerSession) Challenge(challenge []byte) (bool, []byte, error) {
	done, reply, err := b.Session.Challenge(challenge)
	if err != nil && len(challenge) > 0 {
		return done, reply, fmt.Errorf("the broker refused the token: %q: %w", challenge, kerr.SaslAuthenticationFailed)
	}
	return done, reply, err
}

// tokenClient gets access tokens by the client credentials grant of OAuth 2.0
// (RFC 6749, section 4.4). All clients of a process share one token until a fifth
// of its life is left; while the endpoint fails they use up that fifth.
type tokenClient struct {
	sasl *config.SASL
	http http.Client

	mu      sync.Mutex
	last    string
	fresh   time.Time // until when last is taken without asking
	expires time.Time
}

const (
	tokenTimeout  = 10 * time.Second
	maxTokenReply = 1 << 20
)

func newTokenClient(s *config.SASL) *tokenClient {
	return &tokenClient{sasl: s, http: http.Client{
		Timeout: tokenTimeout,
		// The secret goes to the configured address only.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (c *tokenClient) token(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := time.Now()
	if asked.Before(c.fresh) {
		return c.last, nil
	}
	reply, err := c.ask(ctx)
	switch {
	case err == nil:
		life := time.Duration(reply.ExpiresIn * float64(time.Second))
		c.last, c.fresh, c.expires = reply.AccessToken, asked.Add(life*4/5), asked.Add(life)
	case !time.Now().Before(c.expires):
		return "", fmt.Errorf("%w: get token from kafka.sasl.token_url: %w", errCredentials, err)
	}
	return c.last, nil
}

// tokenReply is the answer of a token endpoint, good or bad.
type tokenReply struct {
	AccessToken string  `json:"access_token"`
	ExpiresIn   float64 `json:"expires_in"` // seconds; 0 if it does not say
	Error       string  `json:"error"`
	Description string  `json:"error_description"`
}

func (c *tokenClient) ask(ctx context.Context) (tokenReply, error) {
	secret, err := settled(ctx, func() (config.Secret, error) {
		return config.ReadSecret(c.sasl.ClientSecret, c.sasl.ClientSecretFile)
	})
	if err != nil {
		return tokenReply{}, err
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if c.sasl.Scope != "" {
		form.Set("scope", c.sasl.Scope)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.sasl.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return tokenReply{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	// Encoded before they become basic authentication: RFC 6749, section 2.3.1.
	req.SetBasicAuth(url.QueryEscape(c.sasl.ClientID), url.QueryEscape(string(secret)))
	resp, err := c.http.Do(req)
	if err != nil {
		return tokenReply{}, err
	}
	defer resp.Body.Close()
	return readToken(resp)
}

func readToken(resp *http.Response) (tokenReply, error) {
	var reply tokenReply
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenReply))
	if err != nil {
		return reply, fmt.Errorf("read answer: %w", err)
	}
	malformed := json.Unmarshal(body, &reply)
	switch {
	case resp.StatusCode != http.StatusOK:
		return reply, fmt.Errorf("answer %s %s %s", resp.Status, reply.Error, reply.Description)
	case malformed != nil:
		return reply, fmt.Errorf("the answer is no JSON: %w", malformed)
	case reply.AccessToken == "":
		return reply, fmt.Errorf("the answer holds no access_token")
	}
	return reply, nil
}
