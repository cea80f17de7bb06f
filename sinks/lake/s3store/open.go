package s3store

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/weir-security/weir/sinks/lake"
)

// Config says which bucket, and how it is reached. Only Bucket is needed: the
// rest comes from where the AWS tools have it (environment, profile, role of the
// pod or machine).
type Config struct {
	Bucket string
	Prefix string // of keys, without slashes at its ends

	Region    string
	Endpoint  string // URL of another store than AWS
	PathStyle bool   // the bucket is in the path, not in the host's name

	AccessKeyID     string // with SecretAccessKey: instead of the AWS tools' credentials
	SecretAccessKey string
	RoleARN         string // a role to assume
	ExternalID      string // that the role asks for
	SessionName     string // of the assumed role, in CloudTrail

	KMSKeyID string // encrypt with this key: SSE-KMS
}

// requestTimeout is for one request with its answer; a part takes it at 140 kB/s.
const requestTimeout = 2 * time.Minute

// Open reaches the bucket and tries out what writing needs: see probe.
func Open(ctx context.Context, c Config) (*Store, error) {
	s, err := OpenReader(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := s.probe(ctx); err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	return s, nil
}

// OpenReader is Open for reading only: it tries nothing out.
func OpenReader(ctx context.Context, c Config) (*Store, error) {
	client, err := newClient(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	return newStore(client, c), nil
}

func newStore(client *s3.Client, c Config) *Store {
	s := &Store{client: client, bucket: c.Bucket, kms: c.KMSKeyID, part: partSize, pause: 250 * time.Millisecond}
	if p := strings.Trim(c.Prefix, "/"); p != "" {
		s.prefix = p + "/"
	}
	return s
}

func newClient(ctx context.Context, c Config) (*s3.Client, error) {
	options := []func(*awsconfig.LoadOptions) error{
		awsconfig.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(requestTimeout)),
		awsconfig.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.RateLimiter = ratelimit.None // whoever calls waits much longer between its tries
			})
		}),
	}
	if c.Region != "" {
		options = append(options, awsconfig.WithRegion(c.Region))
	}
	if c.AccessKeyID != "" {
		options = append(options, awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, "")))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" && c.Endpoint != "" {
		cfg.Region = "us-east-1" // a store that has no regions signs with it
	}
	if cfg.Region == "" {
		return nil, fmt.Errorf("no AWS region for the bucket %s: set lake.s3.region or AWS_REGION", c.Bucket)
	}
	if c.RoleARN != "" {
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), c.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = cmp.Or(c.SessionName, "weir")
			if c.ExternalID != "" {
				o.ExternalID = &c.ExternalID
			}
		})
		cfg.Credentials = aws.NewCredentialsCache(role)
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		passing := service(err) == "STS" && passes(err) // a machine without a role has no one to ask, which does not pass
		err = fmt.Errorf("no AWS credentials for the bucket %s (they come from lake.s3, the environment, a profile, or the role of the pod or machine): %w", c.Bucket, err)
		if passing {
			err = lake.Transient(err)
		}
		return nil, err
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = c.PathStyle
		o.DisableLogOutputChecksumValidationSkipped = true
		if c.Endpoint != "" {
			o.BaseEndpoint = &c.Endpoint
		}
	}), nil
}
