package sources

import (
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/azureflow"
	"github.com/weir-security/weir/normalize/hubble"
	"github.com/weir-security/weir/normalize/route53"
	"github.com/weir-security/weir/normalize/vpcflow"
)

var networks = []Source{
	{
		Name:  normalize.NetworkVPCFlow,
		Title: "AWS VPC Flow Logs",
		Format: envelope.Format{Kind: envelope.Lines, Transports: envelope.Transports,
			Header: envelope.Header{Fields: vpcflow.FieldNames(), Default: vpcflow.DefaultFormat}},
		NewMapper: func() normalize.Mapper { return vpcflow.New() },
		JSON:      vpcflow.Dialect,
		Line:      vpcflow.LineDialect,
		Formats:   withFlowFormats,
	},
	{
		Name:      normalize.NetworkAzureFlow,
		Title:     "Azure NSG and virtual network flow logs",
		Format:    envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"records"}, Transports: envelope.FlowTuples},
		NewMapper: func() normalize.Mapper { return azureflow.New() },
		JSON:      azureflow.Dialect,
	},
	{
		Name:      normalize.NetworkHubble,
		Title:     "Cilium Hubble flows",
		Format:    envelope.Format{Kind: envelope.JSON},
		NewMapper: func() normalize.Mapper { return hubble.New() },
		JSON:      hubble.Dialect,
	},
	{
		Name:      normalize.NetworkRoute53,
		Title:     "Amazon Route 53 Resolver query logs",
		Format:    envelope.Format{Kind: envelope.JSON, Transports: envelope.Transports},
		NewMapper: func() normalize.Mapper { return route53.New() },
		JSON:      route53.Dialect,
	},
}

// withFlowFormats is the row of VPC Flow Logs with the formats of a configuration,
// for lines that come without their file's header.
func withFlowFormats(row Source, texts []string) (Source, error) {
	formats := make([][]string, len(texts))
	for i, text := range texts {
		var err error
		if formats[i], err = vpcflow.ParseFormat(text); err != nil {
			return row, err
		}
	}
	row.NewMapper = func() normalize.Mapper { return vpcflow.New(formats...) }
	row.Line = vpcflow.NewLineDialect(formats...)
	return row, nil
}
