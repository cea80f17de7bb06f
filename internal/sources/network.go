package sources

import (
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/vpcflow"
)

var networks = []Source{
	{
		Name:      normalize.NetworkVPCFlow,
		Title:     "AWS VPC Flow Logs",
		Format:    envelope.Format{Kind: envelope.Lines, Transports: envelope.Transports},
		NewMapper: func() normalize.Mapper { return vpcflow.New() },
		JSON:      vpcflow.Dialect,
		Line:      vpcflow.LineDialect,
		Formats:   withFlowFormats,
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
