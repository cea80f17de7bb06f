package gateway_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/internal/corpus"
	"github.com/weir-security/weir/schemas/ocsf"
)

// TestLabelledJSON maps the labelled records of AWS, which are cut down: some have
// no time.
func TestLabelledJSON(t *testing.T) {
	suiteOf("waf").Labelled(t, `"timestamp":1794992645000`, 0, "panther_waf.ndjson")
	suiteOf("s3access").Labelled(t, `"time":"2026-11-18 09:04:05"`, 0, "panther_s3_access.ndjson")
}

// TestLabelledLines maps the lines of labelled attacks by the vendor that they are
// said to be of. Refused are lines of error logs.
func TestLabelledLines(t *testing.T) {
	file, err := os.Open(corpus.Dir(t, "labelled", "crowdsec_lb_access.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	vendorOf := map[string]string{
		"nginx": "nginx", "nginx-proxy-manager": "nginx", "upsun-httplog": "nginx", "apache2": "apache", "litespeed": "apache",
		"caddy": "caddy", "traefik": "traefik", "aws-alb": "alb",
	}
	type count struct{ Mapped, Refused int }
	got := make(map[string]count)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var set struct {
			LogType string   `json:"log_type"`
			Events  []string `json:"events"`
		}
		if err := json.Unmarshal(lines.Bytes(), &set); err != nil {
			t.Fatal(err)
		}
		vendor, known := vendorOf[set.LogType]
		if !known {
			continue
		}
		suite := suiteOf(vendor)
		mapper := suite.New()
		n := got[set.LogType]
		for _, line := range set.Events {
			var ev ocsf.Event
			if err := mapper.Map(suite.Record([]byte(line)), &ev); err != nil {
				n.Refused++
				continue
			}
			n.Mapped++
			suite.Check(t, []byte(line), &ev)
		}
		got[set.LogType] = n
	}
	want := map[string]count{
		"apache2": {150, 1}, "aws-alb": {4, 0}, "caddy": {481, 0}, "litespeed": {6, 0}, "nginx": {555, 36},
		"nginx-proxy-manager": {12, 0}, "traefik": {80, 0}, "upsun-httplog": {1, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mapped and refused (-want +got):\n%s", diff)
	}
}
