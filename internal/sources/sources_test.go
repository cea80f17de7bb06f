package sources

import (
	"testing"

	"github.com/weir-security/weir/normalize"
)

func TestDetect(t *testing.T) {
	tests := []struct{ record, source string }{
		{`{"eventVersion":"1.11","eventTime":"2026-11-18T09:14:07Z","eventSource":"s3.amazonaws.com","eventName":"GetObject"}`, normalize.AWSCloudTrail},
		{`{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"get"}`, normalize.KubernetesAudit},
		{`{"auditID":"a","verb":"get"}`, normalize.KubernetesAudit},
		{`{"time":"x","resourceId":"/subscriptions/1","operationName":"a/b/write"}`, normalize.AzureActivity},
		{`{"remote_addr":"192.0.2.1","status":200}`, normalize.GatewayNGINX},
		{`192.0.2.1 - - [18/Nov/2026:09:04:05 +0000] "GET / HTTP/1.1" 200 1 "-" "-"`, normalize.GatewayNGINX},
		{`2026/11/18 09:04:05 [error] 19#19: *17 directory index of "/" is forbidden`, ""},
		{`{"kind":0}`, ""},
		{`[]`, ""},
		{``, ""},
	}
	for _, tt := range tests {
		if got, _ := Builtin().Detect([]byte(tt.record)); got != tt.source {
			t.Errorf("Detect(%s) is %q, want %q", tt.record, got, tt.source)
		}
	}
}
