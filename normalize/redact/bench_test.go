package redact

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/weir-security/weir/schemas/event"
)

// bench redacts records again and again.
func bench(b *testing.B, records [][]byte) {
	r := redactor(b, Options{Key: testKey})
	size := 0
	for _, rec := range records {
		size += len(rec)
	}
	b.SetBytes(int64(size / len(records)))
	b.ReportAllocs()
	var rec event.Record
	for i := 0; b.Loop(); i++ {
		rec = event.Record{Value: records[i%len(records)]}
		r.Redact(&rec)
	}
}

const call = `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:deploy","arn":"arn:aws:sts::111122223333:assumed-role/deploy/deploy","accountId":"111122223333",` +
	`"accessKeyId":"ASIAEXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::111122223333:role/deploy","accountId":"111122223333","userName":"deploy"},` +
	`"attributes":{"creationDate":"2026-11-18T08:41:07Z","mfaAuthenticated":"false"}}},"eventTime":"2026-11-18T09:41:07Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1",` +
	`"sourceIPAddress":"198.51.100.24","userAgent":"aws-cli/2.31.3 md/awscrt#0.27 ua/2.1 os/linux#6.8","requestParameters":{"bucketName":"reports","key":"2026/11/18/summary.parquet","Host":"reports.s3.eu-west-1.amazonaws.com"},` +
	`"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","bytesTransferredOut":48213},` +
	`"requestID":"7D1F0D0E6A534F57","eventID":"7d1f0d0e-6a53-4f57-9f5e-0b1f4b1c0a01","readOnly":true,"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data"}`

// BenchmarkClean is a record that holds nothing.
func BenchmarkClean(b *testing.B) { bench(b, [][]byte{[]byte(call)}) }

// BenchmarkSecret is one that holds a key.
func BenchmarkSecret(b *testing.B) {
	bench(b, [][]byte{bytes.Replace([]byte(call), []byte(`"responseElements":null`), []byte(`"responseElements":{"credentials":{"sessionToken":"IQoJb3JpZ2lu","secretAccessKey":"wJalrXUtnFEMI"}}`), 1)})
}

// BenchmarkLine is an access line with a token in its URL.
func BenchmarkLine(b *testing.B) {
	bench(b, [][]byte{[]byte(`192.0.2.1 - - [18/Nov/2026:09:04:05 +0000] "GET /cb?access_token=abcdefghijklmnopqrst&x=1 HTTP/1.1" 200 1532 "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64)"`)})
}

// BenchmarkCorpus is every file of the corpus, where it lies beside the project.
func BenchmarkCorpus(b *testing.B) {
	files, _ := filepath.Glob("../../../shared/corpus/raw/*/*.ndjson")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		records := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
		b.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(b *testing.B) { bench(b, records) })
	}
}
