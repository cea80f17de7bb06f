package file

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The wanted order of each tree, whatever order it is listed in.
func TestFilesAreReadInOrderOfTime(t *testing.T) {
	for name, want := range map[string][]string{
		"CloudTrail, by time and not by account and region": {
			"/AWSLogs/222222222222/CloudTrail/us-east-1/2026/11/18/222222222222_CloudTrail_us-east-1_20261118T0855Z_b.json.gz",
			"/AWSLogs/111111111111/CloudTrail/eu-west-1/2026/11/18/111111111111_CloudTrail_eu-west-1_20261118T0910Z_a.json.gz",
			"/AWSLogs/111111111111/CloudTrail/us-east-1/2026/11/18/111111111111_CloudTrail_us-east-1_20261118T0910Z_c.json.gz",
			"/AWSLogs/111111111111/CloudTrail/eu-west-1/2026/11/18/111111111111_CloudTrail_eu-west-1_20261118T0915Z_d.json.gz",
		},
		"Azure blobs": {
			"/insights-activity-logs/resourceId=/SUBSCRIPTIONS/B/y=2026/m=11/d=17/h=23/m=00/PT1H.json",
			"/insights-activity-logs/resourceId=/SUBSCRIPTIONS/A/y=2026/m=11/d=18/h=00/m=00/PT1H.json",
			"/insights-activity-logs/resourceId=/SUBSCRIPTIONS/B/y=2026/m=11/d=18/h=01/m=00/PT1H.json",
		},
		"Kubernetes audit logs": {
			"/audit-2026-11-17T22-00-01.123.log.gz",
			"/audit-2026-11-18T04-00-01.456.log",
			"/audit.log",
		},
		"access logs, the highest number first": {
			"/api/access.log.10.gz", "/api/access.log.2.gz", "/api/access.log.1", "/api/access.log",
			"/web/access.log.1", "/web/access.log",
		},
	} {
		t.Run(name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			for range 20 {
				var files []found
				for _, i := range rnd.Perm(len(want)) {
					files = append(files, found{path: want[i]})
				}
				slices.SortStableFunc(files, byAge)
				var got []string
				for _, f := range files {
					got = append(got, f.path)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}
