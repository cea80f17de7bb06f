package s3

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/ingest/object"
)

const (
	s3Message = `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-central-1","eventTime":"2026-11-22T06:00:12.345Z",
		"eventName":"ObjectCreated:Put","userIdentity":{"principalId":"AWS:AROAEXAMPLE:regionalDeliverySession"},
		"s3":{"s3SchemaVersion":"1.0","configurationId":"weir","bucket":{"name":"trail-logs","arn":"arn:aws:s3:::trail-logs"},
		"object":{"key":"AWSLogs/a+b/%C3%BC%2B%25/x.json.gz","size":1234,"eTag":"0123456789abcdef0123456789abcdef","versionId":"3HL4kqtJlcpXroDTDmJ","sequencer":"0055AED6DCD90281E5"}}}]}`
	eventBridge = `{"version":"0","id":"17793124-05d4-b198-2fde-7ededc63b103","detail-type":"Object Created","source":"aws.s3","account":"111122223333",
		"time":"2026-11-22T06:00:12Z","region":"eu-west-1","resources":["arn:aws:s3:::trail-logs"],
		"detail":{"version":"0","bucket":{"name":"trail-logs"},"object":{"key":"AWSLogs/a+b/100%/x.json.gz","size":5,"etag":"b1946ac92492d2347c6235b4d2611184","version-id":"IYV3p45BT0ac8hjHg1houSdS1a.Mro8e","sequencer":"617f08299329d189"},
		"request-id":"N4N7GDK58NMKJ12R","requester":"123456789012","reason":"PutObject"}}`
	cloudTrail = `{"s3Bucket":"trail-logs","s3ObjectKey":["AWSLogs/1/a.json.gz","AWSLogs/1/b.json.gz"]}`
	testEvent  = `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-22T06:00:12.345Z","Bucket":"trail-logs","RequestId":"5582815E1AEA5ADF","HostId":"8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"}`
)

// wrap is how SNS delivers a message that is not raw.
func wrap(message string) string {
	text, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"Type":"Notification","MessageId":"165545c9-2a5c-472c-8df2-7ff2be2b3b1b","TopicArn":"arn:aws:sns:eu-west-1:111122223333:trail","Subject":"Amazon S3 Notification","Message":%s,"Timestamp":"2026-11-22T06:00:13.000Z","SignatureVersion":"1"}`, text)
}

func TestParse(t *testing.T) {
	direct := notice{objects: []object.Ref{{
		Region: "eu-central-1", Bucket: "trail-logs", Key: "AWSLogs/a b/ü+%/x.json.gz",
		Version: "3HL4kqtJlcpXroDTDmJ", ETag: "0123456789abcdef0123456789abcdef",
	}}}
	bridge := notice{objects: []object.Ref{{
		Region: "eu-west-1", Bucket: "trail-logs", Key: "AWSLogs/a+b/100%/x.json.gz",
		Version: "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", ETag: "b1946ac92492d2347c6235b4d2611184",
	}}}
	two := notice{objects: []object.Ref{{Bucket: "trail-logs", Key: "AWSLogs/1/a.json.gz"}, {Bucket: "trail-logs", Key: "AWSLogs/1/b.json.gz"}}}
	for _, c := range []struct {
		name, body string
		want       notice
	}{
		{"S3 to SQS, and SNS raw", s3Message, direct},
		{"SNS", wrap(s3Message), direct},
		{"SNS of SNS", wrap(wrap(s3Message)), direct},
		{"EventBridge", eventBridge, bridge},
		{"EventBridge by SNS", wrap(eventBridge), bridge},
		{"CloudTrail", wrap(cloudTrail), two},
		{"test event", testEvent, notice{ignored: "s3:TestEvent"}},
		{"test event by SNS", wrap(testEvent), notice{ignored: "s3:TestEvent"}},
		{"another event", `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}]}`, notice{ignored: "ObjectRemoved:Delete"}},
		{"another event of EventBridge", `{"source":"aws.s3","detail-type":"Object Deleted"}`, notice{ignored: "Object Deleted"}},
		{"unversioned", `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:CompleteMultipartUpload","s3":{"bucket":{"name":"b"},"object":{"key":"k","versionId":"null"}}}]}`, notice{objects: []object.Ref{{Bucket: "b", Key: "k"}}}},
	} {
		got, err := parse([]byte(c.body))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(notice{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	for name, body := range map[string]string{
		"empty":           ``,
		"text":            `hello`,
		"another object":  `{"hello":"world"}`,
		"a list":          `[1]`,
		"another service": `{"Records":[{"eventSource":"aws:ses","eventName":"x"}]}`,
		"no records":      `{"Records":[]}`,
		"no key":          `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"}}}]}`,
		"a broken key":    `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"%zz"}}}]}`,
		"wrapped forever": wrap(wrap(wrap(wrap(s3Message)))),
	} {
		if n, err := parse([]byte(body)); !errors.Is(err, errNoNotice) {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, body := range []string{s3Message, eventBridge, wrap(cloudTrail), testEvent} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := parse(body)
		if err != nil && len(n.objects) > 0 {
			t.Errorf("%v, and objects %v", err, n.objects)
		}
		for _, o := range n.objects {
			if o.Bucket == "" || o.Key == "" {
				t.Errorf("object %+v", o)
			}
		}
	})
}

func TestNames(t *testing.T) {
	for url, want := range map[string]string{
		"https://sqs.eu-central-1.amazonaws.com/111122223333/trail":  "eu-central-1",
		"https://sqs.cn-north-1.amazonaws.com.cn/111122223333/trail": "cn-north-1",
		"http://127.0.0.1:5000/111122223333/trail":                   "",
	} {
		if got := regionOf(url); got != want {
			t.Errorf("region of %s: %q", url, got)
		}
	}
	if got := sessionName("a/b c"); got != "weir-a-b-c" {
		t.Errorf("session name %q", got)
	}
}
