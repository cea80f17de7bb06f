package cloudtrail_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/weir-security/weir/internal/corpus"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/cloudtrail"
	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
)

var suite = maptest.Suite{
	Source: "aws.cloudtrail",
	New:    func() normalize.Mapper { return cloudtrail.New() },
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestCorpus(t *testing.T) { suite.Corpus(t, "cloudtrail/*.ndjson") }

func TestLabelled(t *testing.T) {
	suite.Labelled(t, `"eventTime":"2026-11-18T09:00:00Z"`, 0, "panther_cloudtrail.ndjson", "stratus_cloudtrail.ndjson", "crowdsec_cloudtrail.ndjson")
}

func TestSample(t *testing.T) { suite.Sample(t, "cloudtrail/AWSLogs/*/CloudTrail/*/*/*/*/*.json.gz") }

func TestMutate(t *testing.T) {
	names := []string{"assume_role_with_saml", "run_instances", "security_group_opened", "console_login_mfa_device", "ssh_key_uploaded",
		"account_assigned", "insight_of_data_store", "eventbridge", "lake_row", "lake_select", "lower_case_keys", "in_scope_of", "addendum"}
	suite.Mutate(t, names...)
	suite.MutateKept(t, names...)
}

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `{"eventName":1,"eventTime":"2026-01-02T03:04:05Z","userIdentity":[],"resources":"x"}`,
		`{"eventName":"","eventTime":"2026-01-02T03:04:05Z","eventSource":"iam.amazonaws.com","a":1,"a":2}`,
		`{"eventName":"a","eventTime":"2026-01-02 03:04:05.1","userIdentity":"{a={b=[{c=d, e=}], f=g}}"}`)
}

// A wrong key order, other types and odd names in the parameters change no class and
// break no event, however large they are.
func TestLargeParameters(t *testing.T) {
	big := strings.Repeat(`é\u0000\ud800 `, 8<<10)
	items := strings.TrimSuffix(strings.Repeat(`{"instanceId":"i-0a1b2c3d4e5f60718","groupId":{}},`, 3<<10), ",")
	for _, parameters := range []string{
		`{"userData":"` + big + `","instancesSet":{"items":[` + items + `]}}`,
		`{"instancesSet":{"items":[` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `]},"":{"":""}}`,
		`"` + big + `"`, `[` + items + `]`, `12`, `{}`, `{"groupId":null,"ipPermissions":[]}`,
	} {
		record := `{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","userName":"a"},"eventTime":"2026-11-18T09:14:07Z","eventSource":"ec2.amazonaws.com",` +
			`"eventName":"RunInstances","eventID":"1","requestParameters":` + parameters + `,"responseElements":` + parameters + `}`
		var ev ocsf.Event
		if err := suite.New().Map(suite.Record([]byte(record)), &ev); err != nil {
			t.Fatal(err)
		}
		if ev.TypeUID() != 600301 || len(ev.Resources) > 200 {
			t.Errorf("type_uid %d, %d resources of %.100s", ev.TypeUID(), len(ev.Resources), parameters)
		}
		for _, v := range facts.Validate(ev.AppendJSON(nil)) {
			t.Errorf("%s: %s, of %.100s", v.Path, v.Message, parameters)
		}
	}
}

// Python's print of a record, as an analyst's spreadsheet may hold it, is no JSON and
// is refused with the place.
func TestRefused(t *testing.T) {
	for record, want := range map[string]string{
		`AwsApiCall,ListObjects,E2E9,"{'type': 'AWSAccount', 'accountId': 'ANONYMOUS_PRINCIPAL'}"`: "map record: syntax: want a value",
		`{'eventName': 'ListObjects', 'eventTime': '2026-11-18T09:14:07Z'}`:                        "map record: syntax: byte 1: want a key in double quotes",
		`[{"eventName":"a"}]`: "map record: wrong_source: want a JSON object, got array",
	} {
		var ev ocsf.Event
		if err := suite.New().Map(suite.Record([]byte(record)), &ev); err == nil || err.Error() != want {
			t.Errorf("%s\ngives %v\nwant  %s", record, err, want)
		}
	}
}

// The corpus has such a spreadsheet: no line of it becomes an event.
func TestCorpusThatIsNoJSON(t *testing.T) {
	text, err := os.ReadFile(corpus.Dir(t, "raw", "cloudtrail_csv", "otrf_aws_s3_honeybucketlogs.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	mapper := suite.New()
	var ev ocsf.Event
	for line := range strings.Lines(string(text)) {
		var refused *normalize.Error
		if err := mapper.Map(suite.Record([]byte(line)), &ev); !errors.As(err, &refused) || refused.Reason != event.ReasonSyntax {
			t.Errorf("%v: %s", err, line)
		}
	}
}

func TestDialect(t *testing.T) {
	for record, want := range map[string]string{
		`{"eventName":"GetObject","eventSource":"s3.amazonaws.com"}`:                                      "record",
		`{"eventName":"GetObject","eventTime":"x","userIdentity":{}}`:                                     "record",
		`{"eventname":"GetObject","eventsource":"s3.amazonaws.com"}`:                                      "lower_case",
		`{"eventType":"AwsCloudTrailInsight","insightDetails":{}}`:                                        "insight",
		`{"eventCategory":"Insight","insightType":"ApiCallRateInsight"}`:                                  "insight",
		`{"detail-type":"AWS API Call via CloudTrail","detail":{"eventName":"a","eventSource":"b"}}`:      "eventbridge",
		`{"eventJson":"{\"eventName\":\"a\"}"}`:                                                           "lake",
		`{"eventName":"a","eventSource":"b","eventJson":"{\"eventName\":\"a\"}"}`:                         "lake",
		`{"eventData":{"eventName":"a"}}`:                                                                 "lake",
		`{"EventName":"a","CloudTrailEvent":"{\"eventName\":\"a\"}"}`:                                     "lookup",
		`{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","userIdentity":{}}`: "",
		`{"detail-type":"OrderPlaced","detail":{"eventName":"OrderPlaced"}}`:                              "",
		`{"eventName":"click","page":"/"}`:                                                                "",
		`{"eventTime":"2026-11-18T09:14:07Z","message":"x"}`:                                              "",
	} {
		var doc jsondoc.Doc
		if err := doc.ParseString(record); err != nil {
			t.Fatal(err)
		}
		if got := cloudtrail.Dialect(doc.Root()); got != want {
			t.Errorf("dialect of %s is %q, want %q", record, got, want)
		}
	}
}

func BenchmarkMap(b *testing.B) {
	suite.Benchmark(b, "data_event_get_object", "assume_role_cross_account", "console_login_root")
}

// Calls of the control plane, whose resources have to be found and named.
func BenchmarkMapManagement(b *testing.B) {
	suite.Benchmark(b, "run_instances", "security_group_opened", "trail_stopped", "attach_role_policy")
}

// A warm mapper allocates the memory of the record and at most one text more, of
// events with many resources.
func TestAllocations(t *testing.T) {
	for name, record := range map[string]string{
		"data event": `{"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/a","userName":"a"},` +
			`"eventTime":"2026-11-18T09:14:07Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"1","readOnly":true}`,
		"resources to name": `{"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/a","userName":"a"},"awsRegion":"eu-west-1","recipientAccountId":"111122223333",` +
			`"eventTime":"2026-11-18T09:14:07Z","eventSource":"ec2.amazonaws.com","eventName":"StopInstances","eventID":"1","requestParameters":{"instancesSet":{"items":[{"instanceId":"i-0a1b2c3d4e5f60718"}]}}}`,
		"EventBridge": `{"detail-type":"AWS API Call via CloudTrail","detail":{"userIdentity":{"type":"Root"},"eventTime":"2026-11-18T09:14:07Z","eventSource":"sts.amazonaws.com",` +
			`"eventName":"AssumeRole","eventID":"1","requestParameters":{"roleArn":"arn:aws:iam::111122223333:role/x"}}}`,
	} {
		mapper, rec := suite.New(), suite.Record([]byte(record))
		var ev ocsf.Event
		allocs := testing.AllocsPerRun(100, func() {
			if err := mapper.Map(rec, &ev); err != nil {
				t.Fatal(err)
			}
		})
		if allocs > 2 {
			t.Errorf("%s: %v allocations per record, want 2", name, allocs)
		}
	}
}
