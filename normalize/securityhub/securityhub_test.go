package securityhub_test

import (
	"strconv"
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/normalize/securityhub"
	"github.com/weir-security/weir/schemas/jsondoc"
)

var suite = maptest.Suite{
	Source: "aws.securityhub",
	New:    func() normalize.Mapper { return securityhub.New() },
	Converted: func(text string) []string {
		if f, err := strconv.ParseFloat(text, 64); err == nil { // 7.50 is written as 7.5
			return []string{strconv.FormatFloat(f, 'f', -1, 64)}
		}
		return nil
	},
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestLabelled(t *testing.T) {
	// Six of the twelve are of GuardDuty.
	suite.Labelled(t, `"UpdatedAt":"2026-11-18T09:00:00Z"`, 6, "panther_findings.ndjson")
}

func TestMutate(t *testing.T) {
	names := []string{"guardduty_in_asff", "failed_check", "vulnerable_instance", "custom_product", "ocsf_finding", "two_findings"}
	suite.Mutate(t, names...)
	suite.MutateKept(t, names...)
}

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `{"Id":"a","AwsAccountId":"111122223333","Types":[],"UpdatedAt":"2026-01-02T03:04:05Z"}`,
		`{"class_uid":2003,"finding_info":{},"metadata":{"product":{"vendor_name":"AWS"}},"time":1}`)
}

func BenchmarkMap(b *testing.B) {
	suite.Benchmark(b, "guardduty_in_asff", "failed_check", "ocsf_finding")
}

func TestDialect(t *testing.T) {
	for record, want := range map[string]string{
		`{"Id":"a","ProductArn":"arn:aws:securityhub:eu-west-1::product/aws/inspector"}`:                                               "asff",
		`{"Id":"a","AwsAccountId":"111122223333","GeneratorId":"g"}`:                                                                   "asff",
		`{"class_uid":2004,"finding_info":{"uid":"a"},"metadata":{"product":{"vendor_name":"AWS"}}}`:                                   "ocsf",
		`{"detail-type":"Security Hub Findings - Imported","detail":{"findings":[{"Id":"a","ProductArn":"arn:aws:securityhub:::x"}]}}`: "eventbridge",
		`{"class_uid":2004,"finding_info":{"uid":"a"},"metadata":{"product":{"vendor_name":"weir"}}}`:                                  "",
		`{"class_uid":6003,"metadata":{"product":{"vendor_name":"AWS"}}}`:                                                              "",
		`{"Id":"a","AccountId":"111122223333","Type":"Recon:EC2/Portscan","Service":{"DetectorId":"1"}}`:                               "",
		`{"detail-type":"x","detail":{"findings":[]}}`:                                                                                 "",
	} {
		var doc jsondoc.Doc
		if err := doc.ParseString(record); err != nil {
			t.Fatal(err)
		}
		if got := securityhub.Dialect(doc.Root()); got != want {
			t.Errorf("dialect of %s is %q, want %q", record, got, want)
		}
	}
}
