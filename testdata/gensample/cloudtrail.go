package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"
)

// trail collects the CloudTrail records of the day.
type trail struct {
	dice
	expected *expectation
	records  []trailRecord
}

// trailRecord is one record and the log file family that it is delivered in.
type trailRecord struct {
	at      time.Time
	account string
	region  string
	json    []byte
}

// caller is who makes a call and from where.
type caller struct {
	identity object
	account  string // whose log receives the record
	region   string
	ip       string // sourceIPAddress: an address, or the name of a service
	agent    string
	tls      bool // the call came over the public endpoint with its TLS details
	console  bool // the session was made by the console
}

// call is what is called. Nil members are null in the record.
type call struct {
	service, name string // "s3", "GetObject"
	write         bool
	data          bool // a data event, not a management event
	params, reply any
	extra         any // additionalEventData
	resources     list
	code, message string // errorCode, errorMessage
	eventType     string // AwsApiCall unless given
	sharedID      string // of a call that two accounts log
}

// log adds the record of one call.
func (t *trail) log(at time.Time, who caller, what call) {
	r := obj(
		"eventVersion", "1.11",
		"userIdentity", who.identity,
		"eventTime", at.Format("2006-01-02T15:04:05Z"),
		"eventSource", what.service+".amazonaws.com",
		"eventName", what.name,
		"awsRegion", who.region,
		"sourceIPAddress", who.ip,
		"userAgent", who.agent)
	if what.code != "" {
		r = r.with("errorCode", what.code)
	}
	if what.message != "" {
		r = r.with("errorMessage", what.message)
	}
	r = r.with("requestParameters", what.params, "responseElements", what.reply)
	if what.extra != nil {
		r = r.with("additionalEventData", what.extra)
	}
	if what.service == "s3" {
		r = r.with("requestID", t.text(upperDigits, 16))
	} else {
		r = r.with("requestID", t.uuid())
	}
	r = r.with("eventID", t.uuid(), "readOnly", !what.write)
	if len(what.resources) > 0 {
		r = r.with("resources", what.resources)
	}
	r = r.with("eventType", cmp.Or(what.eventType, "AwsApiCall"), "managementEvent", !what.data, "recipientAccountId", who.account)
	if what.sharedID != "" {
		r = r.with("sharedEventID", what.sharedID)
	}
	if what.data {
		r = r.with("eventCategory", "Data")
	} else {
		r = r.with("eventCategory", "Management")
	}
	if who.tls {
		r = r.with("tlsDetails", obj("tlsVersion", "TLSv1.3", "cipherSuite", "TLS_AES_128_GCM_SHA256",
			"clientProvidedHostHeader", endpoint(what.service, who.region)))
	}
	if who.console {
		r = r.with("sessionCredentialFromConsole", "true")
	}
	t.records = append(t.records, trailRecord{at, who.account, who.region, encode(r)})
}

func endpoint(service, region string) string {
	switch service {
	case "iam", "sts", "organizations":
		return service + ".amazonaws.com"
	}
	return service + "." + region + ".amazonaws.com"
}

// delivery is how long S3 collects a log file's records: real files are shorter
// where more happens.
func delivery(account, region string) time.Duration {
	switch {
	case account == prodAccount && region == "eu-west-1":
		return 10 * time.Minute
	case account == prodAccount && region == "us-east-1":
		return 20 * time.Minute
	}
	return 30 * time.Minute
}

// cloudtrail makes the log files of both accounts.
func cloudtrail(expected *expectation) []file {
	t := &trail{dice: newDice("cloudtrail"), expected: expected}
	t.services()
	t.workloads()
	t.scripts()
	t.staff()
	t.signIns()
	t.crossAccount()
	t.attack()

	type key struct {
		slot            time.Time
		account, region string
	}
	slots := map[key][]trailRecord{}
	for _, r := range t.records {
		every := delivery(r.account, r.region)
		slot := r.at.Add(t.delay()).Truncate(every).Add(every)
		slots[key{slot, r.account, r.region}] = append(slots[key{slot, r.account, r.region}], r)
	}
	keys := make([]key, 0, len(slots))
	for k := range slots {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(a.slot.Compare(b.slot), cmp.Compare(a.account, b.account), cmp.Compare(a.region, b.region))
	})
	var files []file
	for i, k := range keys {
		files = append(files, logFile(t.dice, k.account, k.region, k.slot, slots[k]))
		if i == len(keys)/2 { // S3 delivers a log file a second time now and then
			again := logFile(t.dice, k.account, k.region, k.slot, slots[k])
			files = append(files, again)
			expected.duplicates("aws.cloudtrail", len(slots[k]))
		}
	}
	expected.read("aws.cloudtrail", len(t.records))
	digest := digestFile(t.dice, files[len(files)-1].path)
	expected.deadLetter("aws.cloudtrail", "a digest file lies below the same prefix: it is no log file and holds no records")
	return append(files, digest)
}

// delay is how long after a call its record reaches a log file.
func (t *trail) delay() time.Duration {
	return 90*time.Second + time.Duration(t.IntN(210))*time.Second
}

func logFile(d dice, account, region string, slot time.Time, records []trailRecord) file {
	slices.SortStableFunc(records, func(a, b trailRecord) int { return a.at.Compare(b.at) })
	lines := make([][]byte, len(records))
	for i, r := range records {
		lines[i] = r.json
	}
	content := slices.Concat([]byte(`{"Records":[`), bytes.Join(lines, []byte(",")), []byte(`]}`))
	path := fmt.Sprintf("cloudtrail/AWSLogs/%s/CloudTrail/%s/%s/%s_CloudTrail_%s_%s_%s.json.gz",
		account, region, slot.Format("2006/01/02"), account, region, slot.Format("20060102T1504Z"), d.text(mixedDigits, 16))
	return file{path, content}
}

// digestFile is what log file validation writes once an hour beside the log files.
func digestFile(d dice, logFile string) file {
	bucket := "harbourline-cloudtrail"
	at := dayEnd
	digest := obj(
		"awsAccountId", prodAccount,
		"digestStartTime", at.Add(-time.Hour).Format(time.RFC3339),
		"digestEndTime", at.Format(time.RFC3339),
		"digestS3Bucket", bucket,
		"digestS3Object", "AWSLogs/"+prodAccount+"/CloudTrail-Digest/eu-west-1/2026/11/18/digest.json.gz",
		"digestPublicKeyFingerprint", d.hex(32),
		"digestSignatureAlgorithm", "SHA256withRSA",
		"newestEventTime", at.Add(-4*time.Minute).Format(time.RFC3339),
		"oldestEventTime", at.Add(-64*time.Minute).Format(time.RFC3339),
		"previousDigestS3Bucket", nil,
		"previousDigestS3Object", nil,
		"previousDigestHashValue", nil,
		"previousDigestHashAlgorithm", nil,
		"previousDigestSignature", nil,
		"logFiles", list{obj("s3Bucket", bucket, "s3Object", logFile[len("cloudtrail/"):], "hashValue", d.hex(64), "hashAlgorithm", "SHA-256",
			"newestEventTime", at.Add(-4*time.Minute).Format(time.RFC3339), "oldestEventTime", at.Add(-14*time.Minute).Format(time.RFC3339))})
	path := fmt.Sprintf("cloudtrail/AWSLogs/%s/CloudTrail-Digest/eu-west-1/2026/11/18/%s_CloudTrail-Digest_eu-west-1_prod-security_eu-west-1_%s.json.gz",
		prodAccount, prodAccount, at.Format("20060102T150405Z"))
	return file{path, encode(digest)}
}
