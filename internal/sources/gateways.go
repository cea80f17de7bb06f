package sources

import (
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway"
)

var gateways = []Source{
	{
		Name:      normalize.GatewayNGINX,
		Title:     "NGINX access log",
		Format:    envelope.Format{Kind: envelope.Lines},
		NewMapper: func() normalize.Mapper { return gateway.NewNginx() },
		JSON:      gateway.Dialect,
		Line:      gateway.LineDialect,
	},
}
