package guardduty_test

import (
	"strconv"
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/guardduty"
	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/schemas/jsondoc"
)

var suite = maptest.Suite{
	Source: "aws.guardduty",
	New:    func() normalize.Mapper { return guardduty.New() },
	Converted: func(text string) []string {
		if f, err := strconv.ParseFloat(text, 64); err == nil { // 0.0 is written as 0
			return []string{strconv.FormatFloat(f, 'f', -1, 64)}
		}
		return nil
	},
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestLabelled(t *testing.T) {
	// Six of the twelve are of Security Hub, or no findings.
	suite.Labelled(t, `"updatedAt":"2026-11-18T09:00:00Z"`, 6, "panther_findings.ndjson")
}

func TestMutate(t *testing.T) {
	names := []string{"credentials_used_from_tor", "brute_force_of_ssh", "cluster_secrets_read", "reverse_shell", "attack_sequence",
		"malware_in_volume", "database_sign_in", "port_probe"}
	suite.Mutate(t, names...)
	suite.MutateKept(t, names...)
}

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `{"type":"a:b","service":{"serviceName":"guardduty"},"updatedAt":"2026-01-02T03:04:05Z"}`,
		`{"detail":{"Type":"a:b","Arn":"arn:aws:guardduty:::x","Service":[],"CreatedAt":"2026-01-02 03:04:05"}}`)
}

func BenchmarkMap(b *testing.B) {
	suite.Benchmark(b, "credentials_used_from_tor", "brute_force_of_ssh", "attack_sequence")
}

func TestDialect(t *testing.T) {
	for record, want := range map[string]string{
		`{"type":"Recon:EC2/Portscan","service":{"serviceName":"guardduty"}}`:                      "finding",
		`{"Type":"Recon:EC2/Portscan","Service":{"ServiceName":"guardduty"}}`:                      "api",
		`{"detail-type":"GuardDuty Finding","detail":{"type":"a:b","service":{"detectorId":"1"}}}`: "eventbridge",
		`{"type":"Recon:EC2/Portscan","service":{"serviceName":"other"}}`:                          "",
		`{"type":"Normal","service":{"detectorId":"1"}}`:                                           "",
		`{"detail":{"eventName":"GetFindings"}}`:                                                   "",
	} {
		var doc jsondoc.Doc
		if err := doc.ParseString(record); err != nil {
			t.Fatal(err)
		}
		if got := guardduty.Dialect(doc.Root()); got != want {
			t.Errorf("dialect of %s is %q, want %q", record, got, want)
		}
	}
}
