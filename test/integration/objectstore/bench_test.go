//go:build integration_objectstore

package objectstore

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/normalize/cloudtrail"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
)

// BenchmarkLake writes batches of 50,000 CloudTrail events of twenty days, twenty
// files, to each target: a directory, versitygw and Azurite, which run on the same
// machine and take their share of it.
func BenchmarkLake(b *testing.B) {
	rows := trailRows(b, 50_000, 20)
	b.Run("dir", func(b *testing.B) {
		writeBatches(b, rows, fmt.Sprintf("{dir: %q}", filepath.Join(b.TempDir(), "lake")))
	})
	b.Run("s3", func(b *testing.B) {
		_, url := startVersitygw(b)
		writeBatches(b, rows, fmt.Sprintf(s3Section(url), "bench"))
	})
	b.Run("azblob", func(b *testing.B) {
		_, url := startAzurite(b)
		writeBatches(b, rows, fmt.Sprintf(azblobSection(url), "bench"))
	})
}

func writeBatches(b *testing.B, rows []lake.Row, section string) {
	w := lake.NewWriter(openLake(b, writeConfig(b, section, "")))
	var bytes, stored int64
	for _, r := range rows {
		bytes += int64(len(r.Value))
	}
	b.SetBytes(bytes)
	for i := 0; b.Loop(); i++ {
		batch := lake.Batch{TopicID: [16]byte{1}, Partition: int32(i), End: int64(len(rows))}
		result, err := w.Write(b.Context(), lake.Events, batch, rows)
		if err != nil || len(result.Rejected) > 0 {
			b.Fatal(len(result.Rejected), err)
		}
		stored = 0
		for _, f := range result.Files {
			stored += f.Bytes
		}
	}
	b.ReportMetric(float64(len(rows))*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(stored)/1e6, "MB/batch")
}

// trailRows are events of n CloudTrail records of as many days, in a row.
func trailRows(b *testing.B, n, days int) []lake.Row {
	b.Helper()
	rows := make([]lake.Row, n)
	mapper, now := cloudtrail.New(), time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var ev ocsf.Event
	for i := range rows {
		at := now.AddDate(0, 0, -i%days).Add(time.Duration(i) * time.Millisecond)
		record := strings.NewReplacer("TIME", at.Format(time.RFC3339), "#ID", fmt.Sprintf("%012d", i)).Replace(trailRecord)
		if err := mapper.Map(&event.Record{Value: []byte(record)}, &ev); err != nil {
			b.Fatal(err)
		}
		rows[i] = lake.Row{Offset: int64(i), Value: ev.AppendJSON(nil), KafkaTime: now}
	}
	return rows
}

const trailRecord = `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAXMPLEROLEID:ci","arn":"arn:aws:sts::111122223333:assumed-role/deploy/ci","accountId":"111122223333","accessKeyId":"ASIAXMPLEKEYID","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAXMPLEROLEID","arn":"arn:aws:iam::111122223333:role/deploy","accountId":"111122223333","userName":"deploy"},"attributes":{"creationDate":"2026-11-20T08:12:44Z","mfaAuthenticated":"false"}}},"eventTime":"TIME","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.25","userAgent":"aws-cli/2.31.20 md/awscrt#0.28.2 ua/2.1 os/linux#6.12.0","requestParameters":{"instancesSet":{},"filterSet":{"items":[{"name":"tag:service","valueSet":{"items":[{"value":"shop"}]}}]}},"responseElements":null,"requestID":"c5d6e7f8-1a2b-4c3d-8e9f-#ID","eventID":"7f0c2b1e-5d3a-4f6b-9c8d-#ID","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"ec2.eu-west-1.amazonaws.com"}}`
