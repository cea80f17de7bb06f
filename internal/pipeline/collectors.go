package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/weir-security/weir/ingest/azureblob"
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/ingest/eventhub"
	"github.com/weir-security/weir/ingest/file"
	"github.com/weir-security/weir/ingest/object"
	"github.com/weir-security/weir/ingest/s3"
	"github.com/weir-security/weir/internal/config"
)

// collectors is the one place where a type of collector meets its package.
func (p *pipeline) collectors(ctx context.Context) ([]namedCollector, error) {
	var all []namedCollector
	for _, c := range p.Config.Collectors {
		switch c.Type {
		case config.CollectorFile:
			col, err := file.New(file.Config{
				Name: c.Name, Source: c.Source,
				Path: c.File.Path, Origin: c.File.Origin, PollInterval: c.File.PollInterval,
				Once:   p.Once,
				Format: p.format(c.Source),
				Limits: envelope.Limits{Record: p.recordLimit()},
				Log:    p.log,
			})
			if err != nil {
				return nil, err
			}
			all = append(all, namedCollector{name: c.Name, source: c.Source, Collector: col})
		case config.CollectorWebhook:
			col, err := p.webhook(&c)
			if err != nil {
				return nil, err
			}
			all = append(all, namedCollector{name: c.Name, source: c.Source, Collector: col})
		case config.CollectorS3:
			col, err := s3.New(ctx, p.s3(&c))
			if err != nil {
				return nil, err
			}
			all = append(all, namedCollector{name: c.Name, source: c.Source, Collector: col})
		case config.CollectorAzureBlob:
			col, err := azureblob.New(p.azureBlob(&c))
			if err != nil {
				return nil, err
			}
			all = append(all, namedCollector{name: c.Name, source: c.Source, Collector: col})
		case config.CollectorEventHub:
			col, err := eventhub.New(p.eventHub(&c))
			if err != nil {
				return nil, err
			}
			all = append(all, namedCollector{name: c.Name, source: c.Source, Collector: col})
		case config.CollectorHTTP:
			col, err := p.http(&c)
			if err != nil {
				return nil, err
			}
			all = append(all, namedCollector{name: c.Name, source: c.Source, Collector: col})
		default:
			return nil, fmt.Errorf("collector %s: unknown type %q", c.Name, c.Type)
		}
		all[len(all)-1].backfill = c.Backfill
	}
	return all, nil
}

func (p *pipeline) s3(c *config.Collector) s3.Config {
	s := c.S3
	access := s3.Access{
		Region: s.Region, Endpoint: s.Endpoint, SQSEndpoint: s.SQSEndpoint, STSEndpoint: s.STSEndpoint, PathStyle: s.PathStyle,
		RoleARN: s.RoleARN, ExternalID: s.ExternalID,
	}
	if s.AccessKeyID != "" {
		access.Keys = func() (s3.Keys, error) {
			secret, err := config.ReadSecret(s.SecretAccessKey, s.SecretAccessKeyFile)
			token, tokenErr := config.ReadSecret(s.SessionToken, s.SessionTokenFile)
			return s3.Keys{ID: s.AccessKeyID, Secret: string(secret), SessionToken: string(token)}, errors.Join(err, tokenErr)
		}
	}
	return s3.Config{
		Name: c.Name, Source: c.Source, Access: access,
		QueueURL: s.QueueURL, Visibility: s.VisibilityTimeout,
		Bucket: s.Bucket, Prefix: s.Prefix, PollInterval: s.PollInterval, Rescan: s.Rescan, Lookback: s.Lookback,
		Filter:  object.Filter{Include: s.Include, Exclude: s.Exclude, From: s.From, To: s.To},
		Objects: s.Objects, Once: p.Once,
		Format: p.format(c.Source), Limits: envelope.Limits{Record: p.recordLimit()},
		Report: p.problems.report(c.Name), Log: p.log,
	}
}

func (p *pipeline) azureBlob(c *config.Collector) azureblob.Config {
	a := c.AzureBlob
	access := azureblob.Access{
		Account: a.Account, Endpoint: a.Endpoint, TenantID: a.TenantID, ClientID: a.ClientID,
		Secrets: func() (azureblob.Secrets, error) {
			client, clientErr := config.ReadSecret(a.ClientSecret, a.ClientSecretFile)
			connection, connectionErr := config.ReadSecret(a.ConnectionString, a.ConnectionStringFile)
			sas, sasErr := config.ReadSecret(a.SAS, a.SASFile)
			key, keyErr := config.ReadSecret(a.AccountKey, a.AccountKeyFile)
			return azureblob.Secrets{
				ClientSecret: string(client), ConnectionString: string(connection), SAS: string(sas), AccountKey: string(key),
			}, errors.Join(clientErr, connectionErr, sasErr, keyErr)
		},
	}
	return azureblob.Config{
		Name: c.Name, Source: c.Source, Access: access,
		Container: a.Container, Prefix: a.Prefix, PollInterval: a.PollInterval, Lookback: a.Lookback,
		Filter:  object.Filter{Include: a.Include, Exclude: a.Exclude, From: a.From, To: a.To},
		Objects: a.Objects, Once: p.Once,
		Format: p.format(c.Source), Limits: envelope.Limits{Record: p.recordLimit()},
		Report: p.problems.report(c.Name), Log: p.log,
	}
}

// recordLimit is the largest raw record in bytes: what is configured, and not more
// than a quarter of what the topics take, since an event holds its record twice.
func (p *pipeline) recordLimit() int {
	return min(int(p.Config.Limits.Record), int(p.opts.MaxMessage)/4)
}

func (p *pipeline) format(source string) envelope.Format {
	for _, s := range p.Sources {
		if s.Name == source {
			return s.Format
		}
	}
	return envelope.Format{}
}
