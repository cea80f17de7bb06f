package sources

import (
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/kubernetes"
)

var clusters = []Source{
	{
		Name:      normalize.KubernetesAudit,
		Title:     "Kubernetes audit log",
		Format:    envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"items"}, Transports: envelope.Transports},
		NewMapper: func() normalize.Mapper { return kubernetes.New() },
		JSON:      kubernetes.Dialect,
	},
}
