package sources

import (
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// gateways begin with the particular shapes: what many vendors could have written is
// taken for NGINX's.
var gateways = []Source{
	gatewayRow(gateway.WAF, "AWS WAF log", objects),
	gatewayRow(gateway.CloudFront, "Amazon CloudFront access log", commented),
	gatewayRow(gateway.ALB, "AWS Application Load Balancer access log", lines),
	gatewayRow(gateway.ELB, "AWS Classic and Network Load Balancer access log", lines),
	gatewayRow(gateway.S3Access, "Amazon S3 server access log", lines),
	gatewayRow(gateway.AppGateway, "Azure Application Gateway logs", azureRecords),
	gatewayRow(gateway.FrontDoor, "Azure Front Door logs", azureRecords),
	gatewayRow(gateway.APIM, "Azure API Management gateway log", azureRecords),
	gatewayRow(gateway.Kong, "Kong Gateway log", objects),
	gatewayRow(gateway.APISIX, "Apache APISIX log", either),
	gatewayRow(gateway.Caddy, "Caddy access log", objects),
	gatewayRow(gateway.Traefik, "Traefik access log", lines),
	gatewayRow(gateway.Envoy, "Envoy and Istio access log", lines),
	gatewayRow(gateway.HAProxy, "HAProxy log", lines),
	gatewayRow(gateway.APIGateway, "AWS API Gateway access log", lines),
	gatewayRow(gateway.Apache, "Apache HTTP Server access log", lines),
	gatewayRow(gateway.NGINX, "NGINX access log", lines),
}

// The envelopes of gateways' logs. A stream of lines may hold an object a line.
var (
	lines        = envelope.Format{Kind: envelope.Lines, Transports: envelope.Transports}
	commented    = envelope.Format{Kind: envelope.Lines, Transports: envelope.Transports, Comment: "#"}
	either       = envelope.Format{Kind: envelope.Detect, Transports: envelope.Transports} // lines, or arrays in batches
	objects      = envelope.Format{Kind: envelope.JSON, Transports: envelope.Transports}
	azureRecords = envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"records"}, Transports: envelope.Transports}
)

func gatewayRow(v *gateway.Vendor, title string, format envelope.Format) Source {
	row := Source{
		Name:      v.Name(),
		Title:     title,
		Format:    format,
		NewMapper: func() normalize.Mapper { return v.NewMapper() },
		JSON:      v.Dialect,
		Line:      v.LineDialect,
	}
	if v.HasFormats() {
		row.Formats = func(row Source, texts []string) (Source, error) { return withFormats(v, row, texts) }
	}
	return row
}

// withFormats is a row that knows a configuration's formats beside the vendor's own.
func withFormats(v *gateway.Vendor, row Source, texts []string) (Source, error) {
	formats, err := v.CompileAll(texts)
	if err != nil {
		return row, err
	}
	row.NewMapper = func() normalize.Mapper { return v.NewMapper(formats...) }
	row.JSON = func(root jsondoc.Value) string {
		for _, f := range formats {
			if f.MatchesObject(root) {
				return "custom"
			}
		}
		return v.Dialect(root)
	}
	row.Line = func(line string) string {
		for _, f := range formats {
			if f.Matches(line) {
				return "custom"
			}
		}
		return v.LineDialect(line)
	}
	return row, nil
}
