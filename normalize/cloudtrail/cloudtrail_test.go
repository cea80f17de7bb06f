package cloudtrail_test

import (
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/cloudtrail"
	"github.com/weir-security/weir/normalize/internal/maptest"
)

var suite = maptest.Suite{
	Source: "aws.cloudtrail",
	New:    func() normalize.Mapper { return cloudtrail.New() },
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestCorpus(t *testing.T) { suite.Corpus(t, "cloudtrail/*.ndjson") }

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `{"eventName":1,"eventTime":"2026-01-02T03:04:05Z","userIdentity":[],"resources":"x"}`,
		`{"eventName":"","eventTime":"2026-01-02T03:04:05Z","eventSource":"iam.amazonaws.com","a":1,"a":2}`)
}

func BenchmarkMap(b *testing.B) {
	suite.Benchmark(b, "data_event_get_object", "assume_role_cross_account", "console_login_root")
}
