//go:build integration_objects

// Package objects tests the collectors of object stores on real ones.
package objects

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/weir-security/weir/test/integration/process"
)

const (
	accessKey  = "AKIAWEIRTEST"
	secretKey  = "weir-test-secret"
	account    = "weirlogs"
	accountKey = "d2VpcidzIHRlc3RzIG9uIGxvb3BiYWNr"
	bucket     = "trail-logs"
)

func trailRecord(object, i int) string {
	at := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC).Add(time.Duration(object*1000+i) * time.Millisecond)
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::111122223333:user/alice","accountId":"111122223333","userName":"alice"},"eventTime":%q,"eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.17","userAgent":"aws-cli/2.31.0","requestParameters":null,"responseElements":null,"requestID":"r","eventID":"00000000-%04d-4000-8000-%012d","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`,
		at.Format(time.RFC3339), object, i)
}

// trailKey has characters that notifications encode.
func trailKey(object int) string {
	return fmt.Sprintf("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/22/trail +%% %04d.json.gz", object)
}

func trailObject(t *testing.T, object, records int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	var lines []string
	for i := range records {
		lines = append(lines, trailRecord(object, i))
	}
	if _, err := io.WriteString(z, `{"Records":[`+strings.Join(lines, ",")+`]}`); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func awsConfig() aws.Config {
	return aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, "")}
}

func s3Client(url string) *s3.Client {
	return s3.NewFromConfig(awsConfig(), func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = &url, true })
}

func putObject(t *testing.T, c *s3.Client, key string, body []byte) {
	t.Helper()
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: bytes.NewReader(body)}); err != nil {
		t.Fatal(err)
	}
}

const (
	objects = 60
	each    = 200 // records
)

// A queue tells of objects, directly or by SNS; weir is killed three times.
func TestQueue(t *testing.T) {
	t.Run("S3", func(t *testing.T) {
		testQueue(t, func(*testing.T, string) *types.NotificationConfiguration {
			return &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{{
				QueueArn: aws.String(queueARN), Events: []types.Event{"s3:ObjectCreated:*"},
			}}}
		})
	})
	t.Run("SNS", func(t *testing.T) {
		testQueue(t, func(t *testing.T, url string) *types.NotificationConfiguration {
			const topic = "arn:aws:sns:us-east-1:123456789012:trail"
			sns(t, url, "Action=CreateTopic&Name=trail")
			sns(t, url, "Action=Subscribe&Protocol=sqs&TopicArn="+topic+"&Endpoint="+queueARN)
			return &types.NotificationConfiguration{TopicConfigurations: []types.TopicConfiguration{{
				TopicArn: aws.String(topic), Events: []types.Event{"s3:ObjectCreated:*"},
			}}}
		})
	})
}

const queueARN = "arn:aws:sqs:us-east-1:123456789012:trail"

// sns sends a request of the query protocol.
func sns(t *testing.T, url, form string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(form+"&Version=2010-03-31"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+accessKey+"/20261122/us-east-1/sns/aws4_request, SignedHeaders=host, Signature=0")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("SNS answers %s to %s", answer.Status, form)
	}
}

func testQueue(t *testing.T, notify func(t *testing.T, url string) *types.NotificationConfiguration) {
	url := serve(t, nil, func(port string) []string {
		return []string{process.Executable(t, "MOTO"), "-H", "127.0.0.1", "-p", port}
	})
	ctx := t.Context()
	store := s3Client(url)
	queues := sqs.NewFromConfig(awsConfig(), func(o *sqs.Options) { o.BaseEndpoint = &url })
	made, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("trail")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	notifications := notify(t, url)
	if _, err := store.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: aws.String(bucket), NotificationConfiguration: notifications}); err != nil {
		t.Fatal(err)
	}
	w := newWeir(t, fmt.Sprintf(`  - {name: trail, type: s3, source: aws.cloudtrail, queue_url: %s, visibility_timeout: 10s,
     region: us-east-1, endpoint: %s, sqs_endpoint: %s, path_style: true, access_key_id: %s, secret_access_key: "${SECRET}"}`,
		*made.QueueUrl, url, url, accessKey), "SECRET="+secretKey)
	for i := range objects {
		putObject(t, store, trailKey(i), trailObject(t, i, each))
	}
	w.killAndFinish(t, []time.Duration{800 * time.Millisecond, 1200 * time.Millisecond, 1500 * time.Millisecond}, objects*each, func() error {
		left, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: made.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}})
		if err != nil {
			return err
		}
		for name, n := range left.Attributes {
			if n != "0" {
				err = errors.Join(err, fmt.Errorf("%s is %s", name, n))
			}
		}
		return err
	})
}

// A bucket is listed; weir is killed in the middle, and objects come meanwhile.
func TestListing(t *testing.T) {
	dir := t.TempDir()
	url := serve(t, []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey}, func(port string) []string {
		return []string{process.Executable(t, "VERSITYGW"), "--port", "127.0.0.1:" + port, "posix", dir}
	})
	store := s3Client(url)
	if _, err := store.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	w := newWeir(t, fmt.Sprintf(`  - {name: trail, type: s3, source: aws.cloudtrail, bucket: %s, poll_interval: 1s, prefix: AWSLogs/,
     region: us-east-1, endpoint: %s, path_style: true, access_key_id: %s, secret_access_key: "${SECRET}"}`,
		bucket, url, accessKey), "SECRET="+secretKey)
	for i := range objects / 2 {
		putObject(t, store, trailKey(i), trailObject(t, i, each))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := objects - 1; i >= objects/2; i-- { // against the order of keys
			putObject(t, store, trailKey(i), trailObject(t, i, each))
			select {
			case <-time.After(100 * time.Millisecond): // objects come in their own time
			case <-ctx.Done():
				return
			}
		}
	}()
	w.killAndFinish(t, []time.Duration{900 * time.Millisecond, 1300 * time.Millisecond, 1700 * time.Millisecond}, objects*each, func() error { return nil })
	<-done
}

func activityRecord(hour, i int) string {
	return fmt.Sprintf(`{"time":"2026-11-22T%02d:%02d:%02d.1234567Z","resourceId":"/SUBSCRIPTIONS/3B2C7A90-58D4-4C0E-9A6E-7E1D5C4B9F02/RESOURCEGROUPS/RG-WEB/PROVIDERS/MICROSOFT.COMPUTE/VIRTUALMACHINES/VM-01","operationName":"MICROSOFT.COMPUTE/VIRTUALMACHINES/START/ACTION","category":"Administrative","resultType":"Success","resultSignature":"Succeeded.OK","durationMs":"12","callerIpAddress":"192.0.2.11","correlationId":"becc08e8-33be-4a47-b72b-%04d%08d","identity":{"claims":{"name":"alice"}},"level":"Information","properties":{"eventCategory":"Administrative","entity":"vm-01","n":"%d-%d"}}`,
		hour, i/60%60, i%60, hour, i, hour, i)
}

// Blobs grow while weir reads them and is killed: appended ones in pieces that do not end
// with records, and one that is written anew each time.
func TestAzureBlob(t *testing.T) {
	dir := t.TempDir()
	url := serve(t, []string{"AZURITE_ACCOUNTS=" + account + ":" + accountKey}, func(port string) []string {
		return []string{process.Executable(t, "AZURITE"), "--skipApiVersionCheck", "--blobHost", "127.0.0.1", "--blobPort", port, "--location", dir, "--silent"}
	})
	connection := fmt.Sprintf("DefaultEndpointsProtocol=http;AccountName=%s;AccountKey=%s;BlobEndpoint=%s/%s;", account, accountKey, url, account)
	logs, err := container.NewClientFromConnectionString(connection, "insights-activity-logs", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := logs.Create(ctx, nil); err != nil {
		t.Fatal(err)
	}
	w := newWeir(t, `  - {name: activity, type: azureblob, source: azure.activity, container: insights-activity-logs, poll_interval: 1s, connection_string: "${CONNECTION}"}`,
		"CONNECTION="+connection)
	const hours, perHour = 4, 1500
	name := func(h int) string {
		at := time.Now().UTC().Add(time.Duration(h-hours) * time.Hour)
		return fmt.Sprintf("resourceId=/SUBSCRIPTIONS/3B2C7A90-58D4-4C0E-9A6E-7E1D5C4B9F02/%sm=00/PT1H.json", at.Format("y=2006/m=01/d=02/h=15/"))
	}
	written := make(chan error, 1)
	go func() {
		written <- func() error {
			var whole strings.Builder
			for h := range hours {
				text := ""
				for i := range perHour {
					text += activityRecord(h, i) + "\r\n"
				}
				blob := logs.NewAppendBlobClient(name(h))
				if _, err := blob.Create(ctx, nil); err != nil {
					return err
				}
				for at := 0; at < len(text); {
					n := min(len(text)-at, 77_777)
					if _, err := blob.AppendBlock(ctx, streaming.NopCloser(strings.NewReader(text[at:at+n])), nil); err != nil {
						return err
					}
					at += n
					time.Sleep(50 * time.Millisecond) // the pace of a writer
				}
				for i := range 100 {
					if whole.Len() > 0 {
						whole.WriteString(",")
					}
					whole.WriteString(activityRecord(10+h, i))
				}
				body := `{"records":[` + whole.String() + `]}`
				if _, err := logs.NewBlockBlobClient("older/PT1H.json").Upload(ctx, streaming.NopCloser(strings.NewReader(body)), nil); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	w.killAndFinish(t, []time.Duration{1500 * time.Millisecond, 2 * time.Second, 2500 * time.Millisecond}, hours*(perHour+100), func() error { return nil })
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}
