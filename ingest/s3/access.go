package s3

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Access is how the services are reached. The zero value is what the AWS SDK finds in
// its environment: variables, shared files, the pod's or the machine's role.
type Access struct {
	Region string
	// Endpoint, SQSEndpoint and STSEndpoint are URLs of services other than AWS's own.
	Endpoint, SQSEndpoint, STSEndpoint string
	// PathStyle puts the bucket into the path instead of the host.
	PathStyle bool
	// Keys gives fixed credentials, which may change; nil for those of the
	// environment.
	Keys func() (Keys, error)
	// RoleARN is assumed with the credentials, ExternalID goes with it.
	RoleARN, ExternalID string
}

// Keys are fixed credentials.
type Keys struct{ ID, Secret, SessionToken string }

// keysLast is how long keys are used before they are asked for again.
const keysLast = 5 * time.Minute

type clients struct {
	s3  *awss3.Client
	sqs *sqs.Client
}

func (a *Access) open(ctx context.Context, name, queueURL string) (clients, error) {
	region := a.Region
	if region == "" {
		region = regionOf(queueURL)
	}
	options := []func(*awsconfig.LoadOptions) error{awsconfig.WithRegion(region), awsconfig.WithAppID("weir")}
	if a.Keys != nil {
		options = append(options, awsconfig.WithCredentialsProvider(aws.NewCredentialsCache(a.keys())))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return clients{}, fmt.Errorf("find the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return clients{}, errors.New("no region is known; give region, or AWS_REGION in the environment")
	}
	if a.RoleARN != "" {
		service := sts.NewFromConfig(cfg, func(o *sts.Options) { o.BaseEndpoint = endpoint(a.STSEndpoint) })
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(service, a.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = sessionName(name)
			if a.ExternalID != "" {
				o.ExternalID = &a.ExternalID
			}
		}))
	}
	return clients{
		s3: awss3.NewFromConfig(cfg, func(o *awss3.Options) {
			o.BaseEndpoint = endpoint(a.Endpoint)
			o.UsePathStyle = a.PathStyle
			// TLS guards the way, and a stream that is resumed has no checksum of its own.
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}),
		sqs: sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.BaseEndpoint = endpoint(a.SQSEndpoint) }),
	}, nil
}

func (a *Access) keys() aws.CredentialsProviderFunc {
	return func(context.Context) (aws.Credentials, error) {
		k, err := a.Keys()
		return aws.Credentials{
			AccessKeyID: k.ID, SecretAccessKey: k.Secret, SessionToken: k.SessionToken,
			Source: "weir's configuration", CanExpire: true, Expires: time.Now().Add(keysLast),
		}, err
	}
}

func endpoint(url string) *string {
	if url == "" {
		return nil
	}
	return &url
}

// regionOf is the region in the host of a queue's URL: sqs.eu-central-1.amazonaws.com.
func regionOf(queueURL string) string {
	u, err := url.Parse(queueURL)
	if err != nil {
		return ""
	}
	host, ok := strings.CutPrefix(u.Hostname(), "sqs.")
	if !ok {
		return ""
	}
	region, rest, _ := strings.Cut(host, ".")
	if !strings.HasPrefix(rest, "amazonaws.com") {
		return ""
	}
	return region
}

// sessionName is a role session's name, which CloudTrail shows: of STS's characters
// and at most 64 of them.
func sessionName(collector string) string {
	name := []byte("weir-" + collector)
	for i, c := range name {
		if !strings.ContainsRune("+=,.@-_", rune(c)) && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			name[i] = '-'
		}
	}
	return string(name[:min(len(name), 64)])
}
