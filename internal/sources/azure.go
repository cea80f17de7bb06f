package sources

import (
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/azure"
)

var azures = []Source{
	{
		Name:      normalize.AzureActivity,
		Title:     "Azure Activity log",
		Format:    envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"records"}},
		NewMapper: func() normalize.Mapper { return azure.New() },
		JSON:      azure.Dialect,
	},
}
