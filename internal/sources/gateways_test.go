package sources

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-security/weir/internal/corpus"
)

// combined are the golden files of Apache that hold what NGINX writes too: of an
// input that names no source, they are taken for NGINX's.
var combined = map[string]bool{
	"combined": true, "litespeed": true, "vhost_named": true, "tls_handshake": true, "dash_request": true,
}

// Every golden record of a gateway is recognised as its own, and no other source
// claims it.
func TestDetectGateways(t *testing.T) {
	files, err := filepath.Glob("../../normalize/gateway/testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	detector := NewDetector(Builtin())
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		record := bytes.TrimSuffix(archive.Files[0].Data, []byte("\n"))
		if archive.Files[1].Name != "event.json" {
			continue
		}
		var ev struct {
			Metadata struct {
				Provider string `json:"log_provider"`
			} `json:"metadata"`
		}
		if err := json.Unmarshal(archive.Files[1].Data, &ev); err != nil {
			t.Fatal(err)
		}
		want := ev.Metadata.Provider
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		if want == "gateway.apache" && combined[name] {
			want = "gateway.nginx"
		}
		if got, dialect := detector.Detect(record); got != want {
			t.Errorf("%s is taken for %q (%s)", file, got, dialect)
		}
	}
}

// What every line of the corpus is recognised as, by file. Those of no source are
// error logs, messages of plugins, comments, and logs of a gateway that weir does
// not know (Zoraxy).
var corpusDialects = map[string]map[string]int{
	"lb_access/awscl_cloudfront": {"": 2, "gateway.cloudfront standard": 2},
	"lb_access/crowdsec_apache2": {
		"": 3, "gateway.apache common": 94, "gateway.apache vhost_combined": 1,
		"gateway.nginx combined": 60, "gateway.nginx vhost_combined": 2,
	},
	"lb_access/crowdsec_aws_alb":             {"gateway.alb alb": 4},
	"lb_access/crowdsec_caddy":               {"": 1, "gateway.caddy coraza": 530, "gateway.caddy json": 16},
	"lb_access/crowdsec_haproxy":             {"gateway.haproxy http": 1},
	"lb_access/crowdsec_litespeed":           {"": 2, "gateway.nginx combined": 7},
	"lb_access/crowdsec_nginx":               {"": 51, "gateway.nginx combined": 601, "gateway.nginx vhost_combined": 4},
	"lb_access/crowdsec_nginx_proxy_manager": {"": 2, "gateway.nginx combined": 13, "gateway.nginx proxy_manager": 11},
	"lb_access/crowdsec_traefik":             {"": 1, "gateway.traefik json": 86},
	"lb_access/crowdsec_upsun_httplog":       {"gateway.nginx combined": 2},
	"lb_access/crowdsec_zoraxy":              {"": 15},
	"lb_access/elastic_otel":                 {"gateway.elb classic": 2},
	"lb_access/sentinel_custom":              {"": 9, "gateway.apache combined": 32, "gateway.nginx combined": 26},
	"s3_access/awscl_s3":                     {"aws.s3access line": 6},
	"s3_access/panther":                      {"aws.s3access json": 10},
	"waf/awscl_waf":                          {"gateway.waf json": 2},
	"waf/opensearch_sa":                      {"gateway.waf json": 1},
	"waf/panther":                            {"gateway.waf json": 50},
}

func TestDetectCorpus(t *testing.T) {
	got := make(map[string]map[string]int)
	detector := NewDetector(Builtin())
	for _, dir := range []string{"lb_access", "waf", "s3_access"} {
		for _, file := range corpus.Glob(t, "raw", dir, "*.ndjson") {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			counts := make(map[string]int)
			lines := bufio.NewScanner(bytes.NewReader(text))
			lines.Buffer(nil, 4<<20)
			for lines.Scan() {
				if len(lines.Bytes()) == 0 {
					continue
				}
				source, dialect := detector.Detect(lines.Bytes())
				counts[strings.TrimSpace(source+" "+dialect)]++
			}
			got[dir+"/"+strings.TrimSuffix(filepath.Base(file), ".ndjson")] = counts
		}
	}
	if diff := cmp.Diff(corpusDialects, got); diff != "" {
		t.Errorf("recognised (-want +got):\n%s", diff)
	}
}
