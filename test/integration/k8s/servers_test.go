//go:build integration_k8s

package k8s

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/test/integration/process"
)

// The API server gives a batch up after five attempts, with pauses that grow from
// the initial backoff by half each: 8.1 times the initial backoff in all, at least.
// All trouble that the test makes must be over within that time, so that every batch
// has an attempt after it: then nothing may be lost. This is the API server's default.
const (
	initialBackoff = 10 * time.Second
	patience       = 81 * time.Second
)

// hookToken is the API server's password for weir.
const hookToken = "b1f4d0a7c96e4e0f9d3e2a7715c8a6f3"

// servers are the three processes of the test and where they keep what.
type servers struct {
	dir     string
	ca      *authority
	etcd    string // client address
	api     string // address of the API server
	proxy   string // address that the API server sends its audit to
	hook    string // address of weir's collector, behind the proxy
	config  string // weir's
	weir    *process.Process
	apiserv *process.Process
}

// newServers writes all files that the servers need.
func newServers(t *testing.T, dir string) *servers {
	t.Helper()
	s := &servers{
		dir: dir, config: filepath.Join(dir, "weir.yaml"),
		etcd: process.FreeAddress(t), api: process.FreeAddress(t), proxy: process.FreeAddress(t), hook: process.FreeAddress(t),
	}
	s.ca = newAuthority(t, dir)
	s.ca.issue(t, "api", x509.ExtKeyUsageServerAuth)
	s.ca.issue(t, "hook", x509.ExtKeyUsageServerAuth)
	s.ca.issue(t, "apiserver", x509.ExtKeyUsageClientAuth)
	s.ca.signingKey(t, "accounts.key")
	digest := sha256.Sum256([]byte(hookToken))
	s.write(t, "people.csv", people)
	s.write(t, "webhook.kubeconfig", fmt.Sprintf(hookKubeconfig, s.proxy, hookToken))
	s.write(t, "weir.yaml", fmt.Sprintf(weirConfig, s.hook, hex.EncodeToString(digest[:])))
	return s
}

const hookKubeconfig = `apiVersion: v1
kind: Config
current-context: weir
contexts: [{name: weir, context: {cluster: weir, user: apiserver}}]
clusters: [{name: weir, cluster: {server: "https://%s/audit", certificate-authority: ca.crt}}]
users: [{name: apiserver, user: {token: %s, client-certificate: apiserver.crt, client-key: apiserver.key}}]
`

// Without redaction a row's raw_data is the record as the API server sent it, so that
// the lake can be held against the server's own audit file.
const weirConfig = `instance: integration
kafka:
  embedded:
    dir: broker
collectors:
  - name: apiserver
    type: webhook
    source: kubernetes.audit
    listen: %s
    tls: {cert_file: hook.crt, key_file: hook.key, client_ca_file: ca.crt, client_names: [apiserver]}
    token_sha256: {apiserver: [%s]}
redact: {enabled: false}
lake:
  dir: lake
  flush: {age: 5s, idle: 1s}
alerts:
  - name: archive
    type: file
    path: alerts.ndjson
`

func (s *servers) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *servers) startEtcd(ctx context.Context, t *testing.T, etcd string) {
	t.Helper()
	peer := "http://" + process.FreeAddress(t)
	p := process.Start(t, process.Options{Name: "etcd", Dir: s.dir}, etcd, "--data-dir", "etcd", "--unsafe-no-fsync", "--log-level", "warn",
		"--listen-client-urls", "http://"+s.etcd, "--advertise-client-urls", "http://"+s.etcd,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	p.WaitListening(ctx, t, s.etcd)
}

// startWeir starts weir, or starts it again, and waits until it takes batches.
func (s *servers) startWeir(ctx context.Context, t *testing.T, weir string) {
	t.Helper()
	s.weir = process.Start(t, process.Options{Name: "weir", Dir: s.dir}, weir, "run", "--config", s.config)
	s.weir.WaitListening(ctx, t, s.hook)
}

func (s *servers) startAPIServer(ctx context.Context, t *testing.T, apiserver, policy string) *cluster {
	t.Helper()
	port := s.api[strings.LastIndexByte(s.api, ':')+1:]
	s.apiserv = process.Start(t, process.Options{Name: "kube-apiserver", Dir: s.dir}, apiserver,
		"--etcd-servers=http://"+s.etcd,
		"--bind-address=127.0.0.1", "--secure-port="+port, "--endpoint-reconciler-type=none",
		"--tls-cert-file=api.crt", "--tls-private-key-file=api.key",
		"--token-auth-file=people.csv", "--authorization-mode=RBAC", "--allow-privileged",
		"--service-cluster-ip-range=10.96.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=accounts.key", "--service-account-signing-key-file=accounts.key",
		"--audit-policy-file="+policy,
		"--audit-log-path=audit.log", "--audit-log-maxsize=0",
		"--audit-webhook-config-file=webhook.kubeconfig",
		"--audit-webhook-mode=batch",
		"--audit-webhook-batch-max-wait=200ms",
		"--audit-webhook-initial-backoff="+initialBackoff.String(),
		"--audit-webhook-truncate-enabled",
		"--audit-webhook-truncate-max-batch-size=16777216",
		"--audit-webhook-truncate-max-event-size=4194304",
	)
	c := &cluster{url: "https://" + s.api, http: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.ca.pool()}},
	}}
	process.WaitFor(ctx, t, "kube-apiserver to be ready", func() error {
		if err := s.apiserv.Running(); err != nil {
			t.Fatal(err)
		}
		_, err := c.as(adminToken).do(ctx, get("/readyz"))
		return err
	})
	return c
}
