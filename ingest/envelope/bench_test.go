package envelope

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// trailRecord is a CloudTrail record of the usual 1.3 kB.
func trailRecord(i int) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE%06d:deploy-session",`+
		`"arn":"arn:aws:sts::111122223333:assumed-role/deploy/deploy-session","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE%06d",`+
		`"sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE%06d","arn":"arn:aws:iam::111122223333:role/deploy",`+
		`"accountId":"111122223333","userName":"deploy"},"attributes":{"creationDate":"2026-03-12T08:01:17Z","mfaAuthenticated":"false"}}},`+
		`"eventTime":"2026-03-12T09:14:%02dZ","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-central-1",`+
		`"sourceIPAddress":"198.51.100.%d","userAgent":"[aws-cli/2.31.6 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0 md/arch#x86_64]",`+
		`"requestParameters":{"bucketName":"example-artifacts","Host":"example-artifacts.s3.eu-central-1.amazonaws.com","key":"builds/%d/app.tar.gz"},`+
		`"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0.0,`+
		`"bytesTransferredOut":48213.0,"AuthenticationMethod":"AuthHeader"},"requestID":"Q7EXAMPLE%06d","eventID":"5a1c0f3e-7f0e-4b6e-9d52-%012d",`+
		`"readOnly":true,"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data",`+
		`"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"example-artifacts.s3.eu-central-1.amazonaws.com"}}`,
		i, i, i, i%60, i%250, i, i, i)
}

func benchmarkInputs() map[string]struct {
	text   string
	format Format
} {
	var trail, ndjson, access []string
	for i := range 5000 {
		trail = append(trail, trailRecord(i))
		ndjson = append(ndjson, trailRecord(i)+"\n")
		access = append(access, fmt.Sprintf("203.0.113.%d - - [12/Mar/2026:09:14:%02d +0000] \"GET /cart/%d?step=2 HTTP/1.1\" 200 5316 \"https://shop.example/\" \"Mozilla/5.0 (X11; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0\"\n", i%250, i%60, i))
	}
	return map[string]struct {
		text   string
		format Format
	}{
		"cloudtrail": {`{"Records":[` + strings.Join(trail, ",") + `]}`, Format{EnvelopeKeys: []string{"Records"}}},
		"ndjson":     {strings.Join(ndjson, ""), Format{EnvelopeKeys: []string{"Records"}}},
		"lines":      {strings.Join(access, ""), Format{Kind: Lines}},
	}
}

func BenchmarkSplit(b *testing.B) {
	for name, in := range benchmarkInputs() {
		b.Run(name, func(b *testing.B) { benchmark(b, in.text, in.format, false) })
		b.Run(name+".gz", func(b *testing.B) { benchmark(b, gz(in.text), in.format, true) })
	}
}

func benchmark(b *testing.B, text string, format Format, compressed bool) {
	b.ReportAllocs()
	var s Splitter
	records, bytes := 0, int64(0)
	for b.Loop() {
		var r io.Reader = strings.NewReader(text)
		if compressed {
			d, err := Decompress(r)
			if err != nil {
				b.Fatal(err)
			}
			r = d
		}
		s.Reset(r, Options{Format: format})
		n, size := count(b, &s)
		records += n
		bytes += size
	}
	b.SetBytes(bytes / int64(b.N))
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
}

func count(tb testing.TB, s *Splitter) (records int, size int64) {
	for {
		p, err := s.Next()
		if err == io.EOF {
			return records, size
		}
		if err != nil || p.Reason != "" {
			tb.Fatal(err, p.Detail)
		}
		records++
		size += p.Size
	}
}

// A warm splitter allocates for a stream, not for a record.
func TestSplitterAllocates(t *testing.T) {
	for name, in := range benchmarkInputs() {
		var s Splitter
		r := new(bytes.Reader)
		allocs := testing.AllocsPerRun(3, func() {
			r.Reset([]byte(in.text))
			s.Reset(r, Options{Format: in.format})
			count(t, &s)
		})
		if allocs > 3 {
			t.Errorf("%s: %v allocations for 5,000 records", name, allocs)
		}
	}
}
