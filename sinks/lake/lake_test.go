package lake

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/weir-security/weir/schemas/ocsf"
)

// cloudTrailEvent is what the mapper makes of a common record, about 1.3 kB raw.
func cloudTrailEvent(ev *ocsf.Event, i int) {
	ev.Reset()
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetActivityID(2)
	ev.SetTime(time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC).UnixMilli() + int64(i)*137)
	ev.SetSeverityID(1)
	ev.SetStatusID(1)
	ev.Metadata.SetUID(fmt.Sprintf("%08x-2f0e-4c1a-9a51-%012x", i*2654435761, i*7919))
	ev.Metadata.SetVersion("1.8.0")
	ev.Metadata.Product.SetName("CloudTrail")
	ev.Metadata.Product.SetVendorName("AWS")
	ev.Metadata.SetLogProvider("AWS")
	ev.Metadata.SetEventCode("AwsApiCall")
	ev.Metadata.Profiles = append(ev.Metadata.Profiles, "cloud")
	ev.Cloud.SetProvider("AWS")
	ev.Cloud.SetRegion("eu-central-1")
	ev.Cloud.Account.SetUID(fmt.Sprintf("%012d", 111122223333+i%5))
	ev.API.SetOperation([]string{"GetObject", "DescribeInstances", "AssumeRole", "ListBuckets", "PutObject"}[i%5])
	ev.API.Service.SetName([]string{"s3.amazonaws.com", "ec2.amazonaws.com", "sts.amazonaws.com"}[i%3])
	ev.API.Request.SetUID(fmt.Sprintf("%016X", i*2654435761))
	ev.Actor.User.SetName(fmt.Sprintf("user%d", i%40))
	ev.Actor.User.SetUID(fmt.Sprintf("AIDAEXAMPLE%05d", i%40))
	ev.Actor.User.SetTypeID(1)
	ev.SrcEndpoint.SetIP(fmt.Sprintf("198.51.100.%d", i%200))
	ev.HTTPRequest.SetUserAgent("aws-cli/2.15.30 Python/3.11.8 Linux/6.1.0 botocore/2.4.5")
	r := ev.AddResources()
	r.SetUID(fmt.Sprintf("arn:aws:s3:::example-bucket-%d/path/to/object/%d.json.gz", i%7, i))
	r.SetType("AWS::S3::Object")
	for _, v := range []string{ev.SrcEndpoint.IP(), ev.Actor.User.UID(), r.UID()} {
		o := ev.AddObservables()
		o.SetTypeID(2)
		o.SetName("src_endpoint.ip")
		o.SetValue(v)
	}
	ev.SetUnmapped(ocsf.JSON(fmt.Sprintf(`{"additionalEventData":{"CipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","bytesTransferredIn":0,"bytesTransferredOut":%d},"eventCategory":"Data","managementEvent":false,"readOnly":true}`, i*3)))
	ev.SetRawData(fmt.Sprintf(`{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE%05d","arn":"arn:aws:iam::111122223333:user/user%d","accountId":"111122223333","accessKeyId":"AKIAEXAMPLE%05d","userName":"user%d"},"eventTime":"2026-11-03T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.%d","userAgent":"[aws-cli/2.15.30 Python/3.11.8 Linux/6.1.0 botocore/2.4.5]","requestParameters":{"bucketName":"example-bucket-%d","Host":"example-bucket.s3.eu-central-1.amazonaws.com","key":"path/to/object/%d.json.gz"},"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"%064x","bytesTransferredOut":%d},"requestID":"%016X","eventID":"%s","readOnly":true,"resources":[{"type":"AWS::S3::Object","ARN":"%s"}],"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"example-bucket.s3.eu-central-1.amazonaws.com"}}`,
		i%40, i%40, i%40, i%40, i%200, i%7, i, i*104729, i*3, i*2654435761, ev.Metadata.UID(), r.UID()))
}

func cloudTrailRows(n int) []Row {
	var ev ocsf.Event
	rows := make([]Row, n)
	for i := range rows {
		cloudTrailEvent(&ev, i)
		rows[i] = Row{Offset: int64(i), Value: ev.AppendJSON(nil), KafkaTime: time.UnixMilli(ev.Time()).Add(time.Minute)}
	}
	return rows
}

func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{10, 300, 5000, 50000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rows := cloudTrailRows(n)
			in := 0
			for _, r := range rows {
				in += len(r.Value)
			}
			dir, err := NewDir(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer dir.Close()
			w := NewWriter(dir)
			b.SetBytes(int64(in))
			b.ReportAllocs()
			var out int64
			for i := 0; b.Loop(); i++ {
				batch := Batch{TopicID: [16]byte{1}, Partition: int32(i), End: int64(n)}
				res, err := w.Write(context.Background(), Events, batch, rows)
				if err != nil {
					b.Fatal(err)
				}
				if len(res.Rejected) > 0 {
					b.Fatal(res.Rejected[0].Err)
				}
				out = res.Files[0].Bytes
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(out)/float64(n), "bytes/row")
			b.ReportMetric(float64(out), "bytes")
			b.ReportMetric(float64(in)/float64(n), "jsonbytes/row")
		})
	}
}
