// Command write makes what test/compare/replay/run measures on, below a directory:
// CloudTrail records as NDJSON (raw/), the same as a lake (lake/), and one selective
// rule (rules/), which one record in 20,000 matches.
//
//	write DIRECTORY RECORDS DAYS
package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/weir-security/weir/normalize/cloudtrail"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
)

// batchRows is what store writes at once when it is busy.
const batchRows = 50_000

const rule = `id: trail.stopped
title: A trail was stopped
status: stable
severity: high
class: api_activity
when: |
  api.service.name == "cloudtrail.amazonaws.com" && api.operation == "StopLogging" && status_id == Status.SUCCESS
alert: {title: "{api.operation} by {actor.user.name}"}
tests:
  - {name: fires, source: aws.cloudtrail, raw: '{"eventTime":"2026-11-18T09:14:07Z","eventSource":"cloudtrail.amazonaws.com","eventName":"StopLogging"}', alerts: [{}]}
  - {name: is silent, source: aws.cloudtrail, raw: '{"eventTime":"2026-11-18T09:14:07Z","eventSource":"cloudtrail.amazonaws.com","eventName":"GetTrail"}', alerts: []}
`

// calls are what most records are about.
var calls = [][2]string{
	{"ec2", "DescribeInstances"}, {"s3", "GetObject"}, {"s3", "PutObject"}, {"sts", "AssumeRole"}, {"kms", "Decrypt"},
	{"iam", "GetRole"}, {"logs", "CreateLogStream"}, {"lambda", "Invoke20150331"}, {"dynamodb", "GetItem"}, {"cloudtrail", "GetTrailStatus"},
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: write DIRECTORY RECORDS DAYS")
		os.Exit(3)
	}
	records, err1 := strconv.Atoi(os.Args[2])
	days, err2 := strconv.Atoi(os.Args[3])
	if err := errors.Join(err1, err2); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	if err := run(os.Args[1], records, days); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(5)
	}
}

func run(dir string, records, days int) (err error) {
	for name, text := range map[string]string{"weir-rules.yaml": "format: 1\n", "trail/stopped.yaml": rule} {
		file := filepath.Join(dir, "rules", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
			return err
		}
	}
	store, err := lake.NewDir(filepath.Join(dir, "lake"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := os.MkdirAll(filepath.Join(dir, "raw"), 0o750); err != nil {
		return err
	}
	raw, err := os.Create(filepath.Join(dir, "raw", "trail.ndjson.gz"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	packed := gzip.NewWriter(raw)
	lines := bufio.NewWriterSize(packed, 1<<20)
	if err := write(lake.NewWriter(store), lines, records, days); err != nil {
		return err
	}
	return errors.Join(lines.Flush(), packed.Close())
}

// write writes the records in the order of their times.
func write(w *lake.Writer, lines *bufio.Writer, records, days int) error {
	r := rand.New(rand.NewPCG(2026, 11))
	began := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	step := time.Duration(days) * 24 * time.Hour / time.Duration(records)
	mapper := cloudtrail.New()
	var ev ocsf.Event
	for offset := 0; offset < records; {
		batch := lake.Batch{TopicID: [16]byte{0xc0, 0x11}, Start: int64(offset)}
		rows := make([]lake.Row, 0, batchRows)
		for ; offset < records && len(rows) < batchRows; offset++ {
			at := began.Add(time.Duration(offset) * step)
			line := record(r, offset, at)
			lines.WriteString(line)
			lines.WriteByte('\n')
			if err := mapper.Map(&event.Record{Value: []byte(line)}, &ev); err != nil {
				return err
			}
			rows = append(rows, lake.Row{Offset: int64(offset), Value: ev.AppendJSON(nil), KafkaTime: at})
		}
		batch.End = int64(offset)
		result, err := w.Write(context.Background(), lake.Events, batch, rows)
		if err != nil {
			return err
		}
		if len(result.Rejected) > 0 {
			return fmt.Errorf("row %d was rejected: %w", result.Rejected[0].Index, result.Rejected[0].Err)
		}
	}
	return nil
}

func record(r *rand.Rand, i int, at time.Time) string {
	call := calls[r.IntN(len(calls))]
	if i%20_000 == 12_345 {
		call = [2]string{"cloudtrail", "StopLogging"}
	}
	user, account := r.IntN(200), 111122223333+r.IntN(5)
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAXMPLE%04d:ci","arn":"arn:aws:sts::%d:assumed-role/team-%d/ci","accountId":"%d","accessKeyId":"ASIAXMPLE%07d","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAXMPLE%04d","arn":"arn:aws:iam::%d:role/team-%d","accountId":"%d","userName":"team-%d"},"attributes":{"creationDate":"2026-10-01T00:00:00Z","mfaAuthenticated":"false"}}},"eventTime":%q,"eventSource":"%s.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.%d","userAgent":"aws-cli/2.31.20 md/awscrt#0.28.2 ua/2.1 os/linux#6.12.0","requestParameters":{"name":"object-%d","filterSet":{"items":[{"name":"tag:service","valueSet":{"items":[{"value":"shop-%d"}]}}]}},"responseElements":null,"requestID":"c5d6e7f8-1a2b-4c3d-8e9f-%012x","eventID":"7f0c2b1e-5d3a-4f6b-9c8d-%012x","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"%d","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"%s.eu-west-1.amazonaws.com"}}`,
		user, account, user, account, user, user, account, user, account, user, at.Format(time.RFC3339), call[0], call[1],
		r.IntN(250), r.IntN(100_000), r.IntN(40), r.Uint64()>>16, i, account, call[0])
}
