package lake

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/schemas/ocsf"
)

// noon is when the events of tests happen.
var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// cloudTrailEvent is what the mapper makes of a common CloudTrail record.
func cloudTrailEvent(ev *ocsf.Event, i int) {
	ev.Reset()
	ev.SetClass(ocsf.ClassAPIActivity)
	ev.SetActivityID(ocsf.APIActivityActivityIDRead)
	ev.SetTime(noon.UnixMilli() + int64(i)*137)
	ev.SetSeverityID(ocsf.SeverityIDInformational)
	ev.SetStatusID(ocsf.StatusIDSuccess)
	m := &ev.Metadata
	m.SetUID(fmt.Sprintf("%08x-2f0e-4c1a-9a51-%012x", uint32(i)*2654435761, i*7919))
	m.SetVersion(ocsf.Version)
	m.SetLogProvider("aws.cloudtrail")
	m.SetEventCode("AwsApiCall")
	m.Product.SetName("CloudTrail")
	m.Product.SetVendorName("AWS")
	m.Profiles = append(m.Profiles, "cloud")
	ev.Cloud.SetProvider("AWS")
	ev.Cloud.SetRegion("eu-central-1")
	ev.Cloud.Account.SetUID(fmt.Sprintf("%012d", 111122223333+i%5))
	ev.API.SetOperation([]string{"GetObject", "DescribeInstances", "AssumeRole", "ListBuckets", "PutObject"}[i%5])
	ev.API.Service.SetName([]string{"s3.amazonaws.com", "ec2.amazonaws.com", "sts.amazonaws.com"}[i%3])
	ev.API.Request.SetUID(fmt.Sprintf("%016X", uint64(i)*2654435761))
	ev.Actor.User.SetName(fmt.Sprintf("user%d", i%40))
	ev.Actor.User.SetUID(fmt.Sprintf("AIDAEXAMPLE%05d", i%40))
	ev.Actor.User.SetTypeID(ocsf.UserTypeIDUser)
	ev.SrcEndpoint.SetIP(fmt.Sprintf("198.51.100.%d", i%200))
	ev.HTTPRequest.SetUserAgent("aws-cli/2.15.30 Python/3.11.8 Linux/6.1.0 botocore/2.4.5")
	r := ev.AddResources()
	r.SetUID(fmt.Sprintf("arn:aws:s3:::example-bucket-%d/path/to/object/%d.json.gz", i%7, i))
	r.SetType("AWS::S3::Object")
	for _, v := range []string{ev.SrcEndpoint.IP(), ev.Actor.User.UID(), r.UID()} {
		o := ev.AddObservables()
		o.SetName("observable")
		o.SetValue(v)
	}
	ev.SetUnmapped(ocsf.JSON(fmt.Sprintf(`{"eventCategory":"Data","additionalEventData":{"CipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","bytesTransferredOut":%d}}`, i*3)))
	ev.SetRawData(cloudTrailRecord(ev, i))
}

// cloudTrailRecord is the raw record of the event, 1.3 kB.
func cloudTrailRecord(ev *ocsf.Event, i int) string {
	return fmt.Sprintf(`{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","principalId":"%s","arn":"arn:aws:iam::%s:user/%s","accountId":"%s","accessKeyId":"AKIAEXAMPLE%05d","userName":"%s"},`+
		`"eventTime":"2026-11-03T12:00:00Z","eventSource":"%s","eventName":"%s","awsRegion":"eu-central-1","sourceIPAddress":"%s","userAgent":"[%s]",`+
		`"requestParameters":{"bucketName":"example-bucket-%d","Host":"example-bucket.s3.eu-central-1.amazonaws.com","key":"path/to/object/%d.json.gz"},"responseElements":null,`+
		`"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"%064x","bytesTransferredOut":%d},`+
		`"requestID":"%s","eventID":"%s","readOnly":true,"resources":[{"type":"AWS::S3::Object","ARN":"%s"}],"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"%s","eventCategory":"Data",`+
		`"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"example-bucket.s3.eu-central-1.amazonaws.com"}}`,
		ev.Actor.User.UID(), ev.Cloud.Account.UID(), ev.Actor.User.Name(), ev.Cloud.Account.UID(), i%40, ev.Actor.User.Name(),
		ev.API.Service.Name(), ev.API.Operation(), ev.SrcEndpoint.IP(), ev.HTTPRequest.UserAgent(),
		i%7, i, i*104729, i*3, ev.API.Request.UID(), ev.Metadata.UID(), ev.Resources[0].UID(), ev.Cloud.Account.UID())
}

// cloudTrailRows are n such events, collected a minute after they happened.
func cloudTrailRows(n int) []Row {
	var ev ocsf.Event
	rows := make([]Row, n)
	for i := range rows {
		cloudTrailEvent(&ev, i)
		rows[i] = row(i, &ev)
	}
	return rows
}

func row(i int, ev *ocsf.Event) Row {
	return Row{Offset: int64(i), Value: ev.AppendJSON(nil), KafkaTime: time.UnixMilli(ev.Time()).Add(time.Minute)}
}

// randomValue makes a value of an attribute as JSON holds it. Low densities leave
// most attributes out.
func randomValue(r *rand.Rand, a ocsf.Attribute, density float64) any {
	switch a.Kind {
	case ocsf.KindObject:
		return randomObject(r, ocsf.ObjectByName(a.Object).Attributes, density)
	case ocsf.KindInt32:
		return int32(r.Uint32())
	case ocsf.KindInt64:
		if a.Type == "timestamp_t" {
			return noon.UnixMilli() + int64(r.IntN(3*3_600_000))
		}
		return int64(r.Uint64())
	case ocsf.KindFloat64:
		return r.NormFloat64()
	case ocsf.KindBool:
		return r.IntN(2) == 0
	case ocsf.KindJSON:
		return map[string]any{"n": r.IntN(10), "deep": []any{map[string]any{"ключ": nil}, "x\u2028y"}}
	}
	return []string{"", "alice", "Zoë 東京 \U0001F40C", "line\nbreak \"quoted\" \\", strings.Repeat("long ", r.IntN(2000))}[r.IntN(5)]
}

func randomObject(r *rand.Rand, attributes []ocsf.Attribute, density float64) map[string]any {
	m := map[string]any{}
	for _, a := range attributes {
		if r.Float64() > density {
			continue
		}
		if !a.Array {
			m[a.Name] = randomValue(r, a, density)
			continue
		}
		list := make([]any, 1+r.IntN(4))
		for i := range list {
			list[i] = randomValue(r, a, density)
		}
		m[a.Name] = list
	}
	return m
}

// randomEvent makes an event of a class, its attributes present with the given
// probability.
func randomEvent(t testing.TB, r *rand.Rand, class *ocsf.Class, density float64) *ocsf.Event {
	t.Helper()
	m := randomObject(r, class.Attributes, density)
	m["class_uid"] = int32(class.UID)
	m["time"] = noon.UnixMilli() + int64(r.IntN(11*3_600_000))
	ev := new(ocsf.Event)
	if err := ev.UnmarshalJSON(marshal(t, m)); err != nil {
		t.Fatal(err)
	}
	return ev
}
