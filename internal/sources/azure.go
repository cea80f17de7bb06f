package sources

import (
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/azure"
)

// azureFormat is how Event Hubs and blobs hold records ("records"), and the APIs of
// Microsoft Graph and Resource Manager ("value").
var azureFormat = envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"records", "value"}}

var azures = []Source{
	{
		Name:      normalize.AzureActivity,
		Title:     "Azure Activity log",
		Format:    azureFormat,
		NewMapper: func() normalize.Mapper { return azure.NewActivity() },
		JSON:      azure.ActivityDialect,
	},
	{
		Name:      normalize.AzureEntra,
		Title:     "Microsoft Entra ID",
		Format:    azureFormat,
		NewMapper: func() normalize.Mapper { return azure.NewEntra() },
		JSON:      azure.EntraDialect,
	},
	{
		Name:      normalize.AzureGraph,
		Title:     "Microsoft Graph activity",
		Format:    azureFormat,
		NewMapper: func() normalize.Mapper { return azure.NewGraph() },
		JSON:      azure.GraphDialect,
	},
	{
		Name:      normalize.AzureDefender,
		Title:     "Microsoft Defender alerts",
		Format:    azureFormat,
		NewMapper: func() normalize.Mapper { return azure.NewDefender() },
		JSON:      azure.DefenderDialect,
	},
	{
		Name:      normalize.AzureResource,
		Title:     "Azure resource logs",
		Format:    azureFormat,
		NewMapper: func() normalize.Mapper { return azure.NewResource() },
		JSON:      azure.ResourceDialect,
	},
}
