package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The files of certificates are any that exist: what is in them is for whoever
// listens with them.
const webhooks = `
kafka: {embedded: {}}
collectors:
  - name: clusters
    type: webhook
    source: kubernetes.audit
    listen: 0.0.0.0:9443
    tls: {cert_file: webhook.go, key_file: webhook_test.go, client_ca_file: secret.go, client_names: [kube-apiserver]}
    token_sha256:
      blue: [9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752]
      green: [fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13]
    timeout: 5s
    limits: {body: 8MiB, rate: 20}
  - {name: local, type: webhook, source: kubernetes.audit, listen: "localhost:9080"}
`

func TestWebhook(t *testing.T) {
	c := parse(t, "weir.yaml", webhooks)
	local := newWebhookCollector()
	local.Listen = "localhost:9080"
	want := []Collector{
		{Name: "clusters", Type: CollectorWebhook, Source: "kubernetes.audit", Webhook: &WebhookCollector{
			Listen: "0.0.0.0:9443",
			TLS:    &WebhookTLS{CertFile: "webhook.go", KeyFile: "webhook_test.go", ClientCAFile: "secret.go", ClientNames: []string{"kube-apiserver"}},
			Tokens: map[string][]string{
				"blue":  {"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"},
				"green": {"fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13"},
			},
			Timeout: 5 * time.Second,
			Limits:  WebhookLimits{Body: 8 << 20, Memory: 128 << 20, Requests: 64, Connections: 256, Rate: 20},
		}},
		{Name: "local", Type: CollectorWebhook, Source: "kubernetes.audit", Webhook: local},
	}
	if diff := cmp.Diff(want, c.Collectors); diff != "" {
		t.Errorf("collectors (-want +got):\n%s", diff)
	}

	shown, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again := parse(t, "shown.yaml", string(shown))
	if diff := cmp.Diff(c, again, ignorePlaces, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("loaded again (-want +got):\n%s\nfrom\n%s", diff, shown)
	}
}
