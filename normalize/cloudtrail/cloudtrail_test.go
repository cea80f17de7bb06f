package cloudtrail_test

import (
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/cloudtrail"
	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/schemas/ocsf"
)

var suite = maptest.Suite{
	Source: "aws.cloudtrail",
	New:    func() normalize.Mapper { return cloudtrail.New() },
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestCorpus(t *testing.T) { suite.Corpus(t, "cloudtrail/*.ndjson") }

func TestSample(t *testing.T) { suite.Sample(t, "cloudtrail/AWSLogs/*/CloudTrail/*/*/*/*/*.json.gz") }

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `{"eventName":1,"eventTime":"2026-01-02T03:04:05Z","userIdentity":[],"resources":"x"}`,
		`{"eventName":"","eventTime":"2026-01-02T03:04:05Z","eventSource":"iam.amazonaws.com","a":1,"a":2}`)
}

func BenchmarkMap(b *testing.B) {
	suite.Benchmark(b, "data_event_get_object", "assume_role_cross_account", "console_login_root")
}

// A warm mapper allocates the record's text and the text of unmapped, nothing else.
func TestAllocations(t *testing.T) {
	record := suite.Record([]byte(`{"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/a","userName":"a"},` +
		`"eventTime":"2026-11-18T09:14:07Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"1","readOnly":true}`))
	mapper := suite.New()
	var ev ocsf.Event
	allocs := testing.AllocsPerRun(100, func() {
		if err := mapper.Map(record, &ev); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 2 {
		t.Errorf("%v allocations per record, want 2", allocs)
	}
}
