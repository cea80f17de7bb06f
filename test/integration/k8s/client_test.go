//go:build integration_k8s

package k8s

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// object is a Kubernetes object in JSON.
type object = map[string]any

// cluster is a client of the API server. It speaks plain HTTPS and JSON: the
// test must not depend on the library whose traffic it looks at.
type cluster struct {
	url      string
	http     *http.Client
	requests atomic.Int64 // answered
}

// user is who asks. The zero token asks without a login.
type user struct {
	cluster *cluster
	token   string
}

func (c *cluster) as(token string) *user { return &user{cluster: c, token: token} }

// request is one call and what must be answered to it.
type request struct {
	method, path string
	body         any    // JSON; nil for none
	want         int    // status
	auditID      string // chosen by the client; empty: by the server
}

// do sends the request and returns the answer, which is an error if its status
// is not the one that is wanted. A binding takes effect a moment after it is
// made, so what is forbidden and should not be is tried again for a while.
func (u *user) do(ctx context.Context, r request) ([]byte, error) {
	for deadline := time.Now().Add(10 * time.Second); ; {
		status, answer, err := u.send(ctx, r)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
		case status == r.want:
			return answer, nil
		case status != http.StatusForbidden || time.Now().After(deadline):
			return nil, fmt.Errorf("%s %s: status %d, want %d: %.500s", r.method, r.path, status, r.want, answer)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (u *user) send(ctx context.Context, r request) (status int, answer []byte, err error) {
	var body io.Reader
	if r.body != nil {
		data, err := json.Marshal(r.body)
		if err != nil {
			return 0, nil, err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.cluster.url+r.path, body)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("User-Agent", "weir-integration/1")
	switch {
	case r.method == http.MethodPatch:
		req.Header.Set("Content-Type", "application/merge-patch+json")
	case body != nil:
		req.Header.Set("Content-Type", "application/json")
	}
	if u.token != "" {
		req.Header.Set("Authorization", "Bearer "+u.token)
	}
	if r.auditID != "" {
		req.Header.Set("Audit-ID", r.auditID)
	}
	resp, err := u.cluster.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	u.cluster.requests.Add(1)
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// all sends the requests one after the other and ends at the first error.
func (u *user) all(ctx context.Context, requests []request) error {
	for _, r := range requests {
		if _, err := u.do(ctx, r); err != nil {
			return err
		}
	}
	return nil
}
