package sources

import (
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/cloudtrail"
	"github.com/weir-security/weir/normalize/guardduty"
	"github.com/weir-security/weir/normalize/securityhub"
)

var aws = []Source{
	{
		Name:      normalize.AWSCloudTrail,
		Title:     "AWS CloudTrail events",
		Format:    envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"Records"}, Transports: envelope.Transports},
		NewMapper: func() normalize.Mapper { return cloudtrail.New() },
		JSON:      cloudtrail.Dialect,
	},
	{
		Name:      normalize.AWSGuardDuty,
		Title:     "Amazon GuardDuty findings",
		Format:    envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"Findings"}, Transports: envelope.Transports},
		NewMapper: func() normalize.Mapper { return guardduty.New() },
		JSON:      guardduty.Dialect,
	},
	{
		Name:      normalize.AWSSecurityHub,
		Title:     "AWS Security Hub findings",
		Format:    envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"Findings"}, Transports: envelope.Transports},
		NewMapper: func() normalize.Mapper { return securityhub.New() },
		JSON:      securityhub.Dialect,
	},
}
