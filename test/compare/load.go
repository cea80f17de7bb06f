package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// One in so many records is a marker: the rule markerRule makes an alert of each.
const markerOneIn = 100

const markerRule = `id: marker
title: A marker of the measurement
status: stable
severity: low
description: Each marker is an alert of its own.
attack: [T1526]
false_positives: [All of them.]
class: api_activity
when: api.operation == "CompareMarker"
alert: {title: "marker {metadata.uid}"}
tests:
  - {name: fires, source: aws.cloudtrail, raw: '{"eventName":"CompareMarker"}', alerts: [{severity: low}]}
  - {name: is silent, source: aws.cloudtrail, raw: '{"eventName":"Other"}', alerts: []}
`

// record is the i-th CloudTrail record, of some 1.3 kB, at a time.
func record(i int, at time.Time) string {
	name, id := "GetObject", fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
	if i%markerOneIn == 0 {
		name, id = "CompareMarker", fmt.Sprintf("marker-%012d", i)
	}
	user := []string{"alice", "bob", "carol", "dave"}[i%4]
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE0000000001:%[1]s","arn":"arn:aws:sts::111122223333:assumed-role/Engineer/%[1]s","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE%09[2]d","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE0000000001","arn":"arn:aws:iam::111122223333:role/Engineer","accountId":"111122223333","userName":"Engineer"},"attributes":{"creationDate":"2026-11-18T08:00:00Z","mfaAuthenticated":"true"}}},"eventTime":%[3]q,"eventSource":"s3.amazonaws.com","eventName":%[4]q,"awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.%[5]d","userAgent":"aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux lang/python","requestParameters":{"bucketName":"reports","key":"2026/11/report-%[2]d.csv","Host":"reports.s3.eu-west-1.amazonaws.com"},"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"bytesTransferredOut":48211},"requestID":"R%015[2]d","eventID":%[6]q,"readOnly":true,"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::reports/2026/11/report-%[2]d.csv"},{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::reports"}],"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"reports.s3.eu-west-1.amazonaws.com"}}`,
		user, i, at.UTC().Format(time.RFC3339), name, i%250+1, id)
}

func writeRecords(path string, n int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	at := time.Now()
	for i := range n {
		if _, err := w.WriteString(record(i, at) + "\n"); err != nil {
			return err
		}
	}
	return w.Flush()
}

// load appends records to a log at a steady rate, and sees their alerts come.
type load struct {
	end  context.CancelFunc
	done sync.WaitGroup

	mu      sync.Mutex
	written []time.Time // of the markers, in order
	alerted map[int]time.Time
	err     error
}

const (
	loadTick   = 10 * time.Millisecond
	alertsTick = time.Millisecond
)

// startLoad begins a load of rate records a second on the log; the alerts arrive in
// the file alerts.
func startLoad(ctx context.Context, log, alerts string, rate int) (*load, error) {
	if rate < 1 {
		return nil, fmt.Errorf("a load of %d records a second", rate)
	}
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &load{end: cancel, alerted: map[int]time.Time{}}
	l.done.Go(func() {
		defer f.Close()
		l.note(l.write(ctx, f, rate))
	})
	l.done.Go(func() { l.note(l.watch(ctx, alerts)) })
	return l, nil
}

func (l *load) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = errors.Join(l.err, err)
}

// write appends what is due, tick by tick. What a slow tick leaves is written with
// the next.
func (l *load) write(ctx context.Context, f *os.File, rate int) error {
	began, n := time.Now(), 0
	for wait(ctx, loadTick) == nil {
		now := time.Now()
		due := int(now.Sub(began).Seconds() * float64(rate))
		var lines []byte
		markers := 0
		for ; n < due; n++ {
			lines = append(append(lines, record(n, now)...), '\n')
			if n%markerOneIn == 0 {
				markers++
			}
		}
		l.mu.Lock()
		for range markers {
			l.written = append(l.written, now)
		}
		l.mu.Unlock()
		if _, err := f.Write(lines); err != nil {
			return err
		}
	}
	return nil
}

var marker = regexp.MustCompile(`"marker marker-(\d+)"`)

// watch reads the alerts as they are appended. The first of an alert counts.
func (l *load) watch(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	var begun []byte
	for {
		part, err := r.ReadBytes('\n')
		begun = append(begun, part...)
		switch {
		case err == io.EOF:
			if wait(ctx, alertsTick) != nil {
				return nil
			}
			continue
		case err != nil:
			return err
		}
		if m := marker.FindSubmatch(begun); m != nil {
			i, err := strconv.Atoi(string(m[1]))
			if err != nil {
				return err
			}
			l.mu.Lock()
			if _, again := l.alerted[i/markerOneIn]; !again {
				l.alerted[i/markerOneIn] = time.Now()
			}
			l.mu.Unlock()
		}
		begun = begun[:0]
	}
}

// latencies waits until every marker written between two times has its alert, and
// returns how long each took.
func (l *load) latencies(ctx context.Context, from, to time.Time) ([]time.Duration, error) {
	var all []time.Duration
	err := l.await(ctx, func() bool {
		all = all[:0]
		for i, at := range l.written {
			if at.Before(from) || at.After(to) {
				continue
			}
			alerted, ok := l.alerted[i]
			if !ok {
				return false
			}
			all = append(all, alerted.Sub(at))
		}
		return true
	})
	return all, err
}

// firstAlertOf waits for the alert of the first marker written after a time.
func (l *load) firstAlertOf(ctx context.Context, after time.Time) (at time.Time, err error) {
	err = l.await(ctx, func() bool {
		for i, written := range l.written {
			if written.After(after) {
				at = l.alerted[i]
				return !at.IsZero()
			}
		}
		return false
	})
	return at, err
}

// await waits until something holds of the load.
func (l *load) await(ctx context.Context, holds func() bool) error {
	deadline := time.Now().Add(alertAfter)
	for {
		l.mu.Lock()
		ok, err := holds(), l.err
		l.mu.Unlock()
		switch {
		case ok || err != nil:
			return err
		case time.Now().After(deadline):
			return fmt.Errorf("alerts are missing after %s", alertAfter)
		}
		if err := wait(ctx, alertsTick); err != nil {
			return err
		}
	}
}

func (l *load) stop() error {
	l.end()
	l.done.Wait()
	return l.err
}
