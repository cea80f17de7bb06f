package sources

import (
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gcp"
	"github.com/weir-security/weir/normalize/kubernetes"
)

var clusters = []Source{
	{
		Name:      normalize.KubernetesAudit,
		Title:     "Kubernetes audit log: plain, EKS, AKS, GKE",
		Format:    envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"items", "records", "entries"}, Transports: envelope.Transports},
		NewMapper: func() normalize.Mapper { return kubernetes.New() },
		JSON:      kubernetes.Dialect,
	},
	{
		Name:      normalize.GCPAudit,
		Title:     "Google Cloud audit logs",
		Format:    envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"entries", "receivedMessages"}},
		NewMapper: func() normalize.Mapper { return gcp.New() },
		JSON:      gcp.Dialect,
	},
}
