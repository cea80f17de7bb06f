package s3

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/weir-security/weir/ingest/object"
)

// notice is what a message of the queue says.
type notice struct {
	objects []object.Ref // that were created
	ignored string       // what else it tells of, if it names no such object
}

// errNoNotice says that a message is none that tells of objects.
var errNoNotice = errors.New("is no notification of S3, EventBridge or CloudTrail")

// envelope is the union of what arrives:
//
//   - S3's own message, also as SNS delivers it raw:
//     https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
//   - SNS's wrapping of any of the others: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
//   - EventBridge's: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
//   - the notification of a CloudTrail trail: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/configure-sns-notifications-for-cloudtrail.html
type message struct {
	Records *[]s3Record

	Service, Event string // s3:TestEvent

	Type, Message string // SNS

	Source     string `json:"source"` // EventBridge
	DetailType string `json:"detail-type"`
	Region     string `json:"region"`
	Detail     struct {
		Bucket struct{ Name string }
		Object struct {
			Key       string
			VersionID string `json:"version-id"`
			ETag      string
		}
	} `json:"detail"`

	S3Bucket    string   `json:"s3Bucket"` // CloudTrail
	S3ObjectKey []string `json:"s3ObjectKey"`
}

type s3Record struct {
	EventSource, EventName, AWSRegion string
	S3                                struct {
		Bucket struct{ Name string }
		Object struct {
			Key       string // URL-encoded, with + for a space
			VersionID string `json:"versionId"`
			ETag      string
		}
	} `json:"s3"`
}

// maxWraps bounds how often a message is unwrapped: SNS once, and once more for a
// topic that is fed by another's messages.
const maxWraps = 3

func parse(body []byte) (notice, error) {
	for range maxWraps {
		var m message
		if err := json.Unmarshal(body, &m); err != nil {
			return notice{}, fmt.Errorf("%w: %w", errNoNotice, err)
		}
		if m.Type == "Notification" && m.Message != "" {
			body = []byte(m.Message)
			continue
		}
		return m.notice()
	}
	return notice{}, fmt.Errorf("%w: it is wrapped more than %d times", errNoNotice, maxWraps)
}

func (m *message) notice() (notice, error) {
	switch {
	case m.Event == "s3:TestEvent":
		return notice{ignored: m.Event}, nil
	case m.Records != nil:
		return recordsNotice(*m.Records)
	case m.Source == "aws.s3":
		if m.DetailType != "Object Created" {
			return notice{ignored: m.DetailType}, nil
		}
		d := m.Detail // its key is not encoded
		return oneObject(object.Ref{Bucket: d.Bucket.Name, Key: d.Object.Key, Version: d.Object.VersionID, ETag: d.Object.ETag, Region: m.Region})
	case len(m.S3ObjectKey) > 0:
		var n notice
		for _, key := range m.S3ObjectKey {
			one, err := oneObject(object.Ref{Bucket: m.S3Bucket, Key: key})
			if err != nil {
				return notice{}, err
			}
			n.objects = append(n.objects, one.objects...)
		}
		return n, nil
	}
	return notice{}, errNoNotice
}

func recordsNotice(records []s3Record) (notice, error) {
	var n notice
	for _, r := range records {
		if r.EventSource != "aws:s3" {
			return notice{}, fmt.Errorf("%w: its event source is %q", errNoNotice, r.EventSource)
		}
		if !strings.HasPrefix(strings.TrimPrefix(r.EventName, "s3:"), "ObjectCreated:") {
			n.ignored = r.EventName
			continue
		}
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err != nil {
			return notice{}, fmt.Errorf("%w: its object key: %w", errNoNotice, err)
		}
		one, err := oneObject(object.Ref{Bucket: r.S3.Bucket.Name, Key: key, Version: r.S3.Object.VersionID, ETag: r.S3.Object.ETag, Region: r.AWSRegion})
		if err != nil {
			return notice{}, err
		}
		n.objects = append(n.objects, one.objects...)
	}
	if len(records) == 0 {
		return notice{}, fmt.Errorf("%w: it has no records", errNoNotice)
	}
	return n, nil
}

func oneObject(ref object.Ref) (notice, error) {
	if ref.Bucket == "" || ref.Key == "" {
		return notice{}, fmt.Errorf("%w: it lacks a bucket or a key", errNoNotice)
	}
	if ref.Version == "null" { // written before the bucket had versions
		ref.Version = ""
	}
	return notice{objects: []object.Ref{ref}}, nil
}
