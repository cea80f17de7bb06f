package rawlog_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// benchRecord is a CloudTrail record of usual size, with an eventID of its own.
const benchRecord = `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROACKCEVSQ6C2EXAMPLE:deploy","arn":"arn:aws:sts::123456789012:assumed-role/ci-deploy/deploy","accountId":"123456789012","accessKeyId":"ASIAI44QH8DHBEXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROACKCEVSQ6C2EXAMPLE","arn":"arn:aws:iam::123456789012:role/ci-deploy","accountId":"123456789012","userName":"ci-deploy"},"attributes":{"creationDate":"2026-11-18T08:12:44Z","mfaAuthenticated":"false"}}},"eventTime":"2026-11-18T09:12:44Z","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.25","userAgent":"aws-cli/2.31.20 md/awscrt#0.28.2 ua/2.1 os/linux#6.12.0 md/arch#x86_64 lang/python#3.13.9","requestParameters":{"instancesSet":{},"filterSet":{"items":[{"name":"tag:service","valueSet":{"items":[{"value":"shop"}]}}]}},"responseElements":null,"requestID":"c5d6e7f8-1a2b-4c3d-8e9f-0a1b2c3d4e07","eventID":"7f0c2b1e-5d3a-4f6b-9c8d-%012d","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"123456789012","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"ec2.eu-west-1.amazonaws.com"}}`

// BenchmarkRead is what weir normalize does between two files: split, map, encode.
func BenchmarkRead(b *testing.B) {
	const records = 2000
	var input bytes.Buffer
	for i := range records {
		fmt.Fprintf(&input, benchRecord+"\n", i)
	}
	var line []byte
	r := rawlog.New(rawlog.Options{Source: "aws.cloudtrail"}, rawlog.Handler{
		Event:  func(_ *event.Record, ev *ocsf.Event) error { line = ev.AppendJSON(line[:0]); return nil },
		Reject: func(d *event.DeadLetter) error { return fmt.Errorf("%s: %s", d.Reason, d.Detail) },
	})
	b.SetBytes(int64(input.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Read(b.Context(), "bench", bytes.NewReader(input.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*records/b.Elapsed().Seconds(), "events/s")
}
