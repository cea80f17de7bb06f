package jsondoc_test

import (
	"encoding/json"
	"testing"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// record is a CloudTrail record of the usual size.
const record = `{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLEID12345678:alice","arn":"arn:aws:sts::111122223333:assumed-role/Developer/alice","accountId":"111122223333","accessKeyId":"ASIAIOSFODNN7EXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEID12345678","arn":"arn:aws:iam::111122223333:role/Developer","accountId":"111122223333","userName":"Developer"},"attributes":{"creationDate":"2026-11-20T08:12:44Z","mfaAuthenticated":"true"}}},"eventTime":"2026-11-20T08:15:02Z","eventSource":"s3.amazonaws.com","eventName":"GetBucketAcl","awsRegion":"eu-central-1","sourceIPAddress":"203.0.113.24","userAgent":"[aws-cli/2.17.5 md/awscrt#0.20.11 ua/2.0 os/linux#6.8.0 md/arch#x86_64 lang/python#3.11.8 cfg/retry-mode#standard md/command#s3api.get-bucket-acl]","requestParameters":{"bucketName":"acme-invoices","Host":"acme-invoices.s3.eu-central-1.amazonaws.com","acl":""},"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0.0,"AuthenticationMethod":"AuthHeader","bytesTransferredOut":538.0},"requestID":"79A59DF900B949E5","eventID":"a4b1c2d3-5e6f-4a7b-8c9d-0e1f2a3b4c5d","readOnly":true,"resources":[{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::acme-invoices"}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"acme-invoices.s3.eu-central-1.amazonaws.com"}}`

func BenchmarkParse(b *testing.B) {
	var d jsondoc.Doc
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.ParseString(record); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendUnused(b *testing.B) {
	d := mustParse(b, record)
	d.Root().Get("userIdentity").Use()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = d.AppendUnused(dst[:0])
	}
}

// BenchmarkEncodingJSON is the peer: the standard library into a map.
func BenchmarkEncodingJSON(b *testing.B) {
	data := []byte(record)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var m map[string]any
		if err := json.Unmarshal(data, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWarmParseAllocatesNothing(t *testing.T) {
	var d jsondoc.Doc
	var dst []byte
	read := func() {
		if err := d.ParseString(record); err != nil {
			t.Fatal(err)
		}
		d.Root().Path("userIdentity", "sessionContext", "attributes", "mfaAuthenticated").Use()
		dst = d.AppendUnused(dst[:0])
	}
	read()
	if allocs := testing.AllocsPerRun(100, read); allocs != 0 {
		t.Errorf("%v allocations per parse, want 0", allocs)
	}
}
