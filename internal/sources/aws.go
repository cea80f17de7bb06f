package sources

import (
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/cloudtrail"
)

var aws = []Source{
	{
		Name:      normalize.AWSCloudTrail,
		Title:     "AWS CloudTrail events",
		Format:    envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"Records"}, Transports: envelope.Transports},
		NewMapper: func() normalize.Mapper { return cloudtrail.New() },
		JSON:      cloudtrail.Dialect,
	},
}
