package config

import (
	"fmt"
	"net/url"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/yamlpos"
)

// S3Collector reads the objects that an SQS queue tells of, or a bucket that it lists.
type S3Collector struct {
	QueueURL          string
	VisibilityTimeout time.Duration

	Bucket, Prefix string
	PollInterval   time.Duration
	Rescan         time.Duration
	Lookback       time.Duration

	Include, Exclude []string
	From, To         time.Time
	Objects          int

	Region                             string
	Endpoint, SQSEndpoint, STSEndpoint string
	PathStyle                          bool
	AccessKeyID                        string
	SecretAccessKey                    Secret
	SecretAccessKeyFile                string
	SessionToken                       Secret
	SessionTokenFile                   string
	RoleARN, ExternalID                string
}

func newS3Collector() *S3Collector {
	return &S3Collector{
		VisibilityTimeout: 5 * time.Minute,
		PollInterval:      time.Minute,
		Rescan:            time.Hour,
		Lookback:          3 * 24 * time.Hour,
		Exclude:           []string{"*/CloudTrail-Digest/*"},
		Objects:           8,
	}
}

func (s *S3Collector) fields() []field {
	fields := []field{
		{"queue_url", "SQS queue of notifications; without it `bucket` is listed", textOrNothing{checked(&s.QueueURL, "URL", checkEndpoint), &s.QueueURL}},
		{"visibility_timeout", "queue: how long a message is invisible to other processes without a sign of life", duration(&s.VisibilityTimeout, 10*time.Second)},
		{"bucket", "bucket to list; with `queue_url`, the only one whose objects are read", textOrNothing{text(&s.Bucket), &s.Bucket}},
		{"prefix", "begins the keys of objects that are read", textOrNothing{text(&s.Prefix), &s.Prefix}},
		{"poll_interval", "listing: time between two of them", duration(&s.PollInterval, time.Second)},
		{"rescan", "listing: how much later than its time of modification an object may appear in a listing", duration(&s.Rescan, 0)},
		{"lookback", "listing: folders that are named by an older date than this are not listed again", duration(&s.Lookback, 0)},
	}
	fields = append(fields, chosen(&s.Include, &s.Exclude, &s.From, &s.To)...)
	fields = append(fields,
		field{"objects", "how many are read at the same time", integer(&s.Objects, 1, 64)},
		field{"region", "region of the queue and the bucket", textOrNothing{text(&s.Region), &s.Region}},
		field{"endpoint", "URL of S3 that is not AWS's; https, or http on loopback", textOrNothing{checked(&s.Endpoint, "URL", checkEndpoint), &s.Endpoint}},
		field{"sqs_endpoint", "URL of SQS that is not AWS's", textOrNothing{checked(&s.SQSEndpoint, "URL", checkEndpoint), &s.SQSEndpoint}},
		field{"sts_endpoint", "URL of STS that is not AWS's, for `role_arn`", textOrNothing{checked(&s.STSEndpoint, "URL", checkEndpoint), &s.STSEndpoint}},
		field{"path_style", "the bucket is in the path of requests, not in the name of the host", boolean(&s.PathStyle)},
		field{"access_key_id", "access key, instead of the AWS tools' credentials", textOrNothing{text(&s.AccessKeyID), &s.AccessKeyID}},
	)
	fields = append(fields, secret("secret_access_key", "secret of the access key", &s.SecretAccessKey, &s.SecretAccessKeyFile)...)
	fields = append(fields, secret("session_token", "session token of the access key, if it is temporary", &s.SessionToken, &s.SessionTokenFile)...)
	return append(fields,
		field{"role_arn", "role to assume", textOrNothing{text(&s.RoleARN), &s.RoleARN}},
		field{"external_id", "external id that the role asks for", textOrNothing{text(&s.ExternalID), &s.ExternalID}},
	)
}

// chosen are the keys that choose objects by their names.
func chosen(include, exclude *[]string, from, to *time.Time) []field {
	return []field{
		{"include", "patterns of the keys that are read, `*` for any text; empty: all", patterns{include}},
		{"exclude", "patterns of the keys that are not read", patterns{exclude}},
		{"from", "first day that is read, by the date in the keys", day(from)},
		{"to", "day before which the last one is, by the date in the keys", day(to)},
	}
}

// day is a date or a time, zero unless it is given.
func day(to *time.Time) value {
	return unlessZero{scalar[time.Time]{to, "date", "!!str", func(s string) (time.Time, error) {
		for _, layout := range []string{time.DateOnly, time.RFC3339} {
			if t, err := time.Parse(layout, s); err == nil {
				return t.UTC(), nil
			}
		}
		return time.Time{}, fmt.Errorf("want a date like 2026-11-22 or a time like 2026-11-22T06:00:00Z, got %q", s)
	}, func(t time.Time) string {
		if t.Equal(t.Truncate(24 * time.Hour)) {
			return t.Format(time.DateOnly)
		}
		return t.Format(time.RFC3339)
	}}, to}
}

// check finds what is wrong across the keys of the collector at path.
func (s *S3Collector) check(r *reader, path string) {
	if s.QueueURL == "" {
		if s.Bucket == "" {
			r.problemAt(path, "lacks queue_url, the SQS queue of notifications, or bucket, which is listed")
		}
		r.exclude(path, "is for queue_url; delete it", "sqs_endpoint")
	} else {
		if u, err := url.Parse(s.QueueURL); err == nil && (u.Path == "" || u.Path == "/") {
			r.problemAt(path+".queue_url", "names no queue: want https://sqs.<region>.amazonaws.com/<account>/<queue>")
		}
		if s.VisibilityTimeout > 12*time.Hour {
			r.problemAt(path+".visibility_timeout", "must be at most 12h, which is SQS's own limit, got %q", formatDuration(s.VisibilityTimeout))
		}
	}
	if s.Bucket != "" && !bucketForm.MatchString(s.Bucket) {
		r.problemAt(path+".bucket", "%q is no name of a bucket", s.Bucket)
	}
	secret := r.given(path+".secret_access_key") || r.given(path+".secret_access_key_file")
	switch {
	case s.AccessKeyID != "":
		r.checkSecret(path, "secret_access_key")
	case secret:
		r.problemAt(path, "lacks access_key_id")
	}
	if r.given(path+".session_token") || r.given(path+".session_token_file") {
		r.checkSecret(path, "session_token")
		r.wantAll(path, "access_key_id")
	}
	if s.RoleARN == "" {
		r.exclude(path, "is for role_arn; give it, or delete this", "external_id", "sts_endpoint")
	}
	checkDays(r, path, s.From, s.To)
}

func checkDays(r *reader, path string, from, to time.Time) {
	if !from.IsZero() && !to.IsZero() && !to.After(from) {
		r.problemAt(path+".to", "must be after from")
	}
}

// patterns is a list of texts that replaces the default.
type patterns struct{ to *[]string }

func (patterns) form() string { return "list" }

func (p patterns) read(r *reader, n yamlpos.Node) {
	*p.to = nil
	textList{p.to}.read(r, n)
}

func (p patterns) write() *yaml.Node {
	if len(*p.to) == 0 {
		return &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	}
	return flowList(*p.to)
}
