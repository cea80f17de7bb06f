//go:build integration

package elastic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/internal/sinktest"
)

// cluster is a real OpenSearch or Elasticsearch that test/integration/elastic/run has
// started.
type cluster struct {
	t   *testing.T
	url string
}

// call makes a request and returns its answer, which must be a 2xx.
func (c *cluster) call(method, path, body string) map[string]any {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		c.t.Fatalf("%s %s: %s: %s (%v)", method, path, resp.Status, text, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		c.t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
	return answer
}

// count is the number of documents that a query finds.
func (c *cluster) count(index, query string) int {
	c.t.Helper()
	c.call("POST", "/"+index+"/_refresh", "")
	n, ok := c.call("POST", "/"+index+"/_count", query)["count"].(float64)
	if !ok {
		c.t.Fatal("no count")
	}
	return int(n)
}

func (c *cluster) open(change func(*Config)) *Destination {
	c.t.Helper()
	conf := Config{Name: "opensearch", URL: c.url}
	if change != nil {
		change(&conf)
	}
	d, err := New(conf)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = d.Close() })
	return d
}

func index(name string) func(*Config) { return func(c *Config) { c.Index = name } }

// template is the one of docs/elastic.md.
func template(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/elastic.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := bytes.Cut(page, []byte("PUT _index_template/weir-alerts\n"))
	body, _, end := bytes.Cut(after, []byte("```"))
	if !found || !end {
		t.Fatal("docs/elastic.md has no template")
	}
	return string(body)
}

func TestRealCluster(t *testing.T) {
	c := &cluster{t: t, url: os.Getenv("WEIR_ELASTIC")}
	if c.url == "" {
		t.Fatal("WEIR_ELASTIC is not set; test/integration/elastic/run sets it")
	}
	c.call("PUT", "/_index_template/weir-alerts", template(t))
	tests := map[string]func(*cluster){
		"once": testOnce, "too large": testTooLarge, "refused": testRefused,
		"configuration": testConfiguration, "faults": testRealFaults, "weir run": testRun,
	}
	version, _ := c.call("GET", "/", "")["version"].(map[string]any)
	t.Logf("%v %v", version["distribution"], version["number"])
	if version["distribution"] == "opensearch" { // Elasticsearch's data streams are no part of its artifacts
		tests["data stream"] = testDataStream
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(&cluster{t: t, url: c.url}) })
	}
}

// Alerts that come twice are there once, and found by what the template maps.
func testOnce(c *cluster) {
	d := c.open(nil)
	alerts := sinktest.Alerts(2000)
	for range 2 {
		if err := d.Deliver(c.t.Context(), alerts); err != nil {
			c.t.Fatal(err)
		}
	}
	if got := c.count("weir-alerts-2026*", ""); got != 2000 {
		c.t.Errorf("%d documents", got)
	}
	for query, want := range map[string]int{
		`{"term":{"finding_info.uid":"` + sinktest.ID(5) + `"}}`:                                    2, // with its roll-up
		`{"term":{"metadata.uid":"` + sinktest.ID(5) + `"}}`:                                        1,
		`{"term":{"activity_name":"Update"}}`:                                                       285,
		`{"term":{"severity":"Critical"}}`:                                                          400,
		`{"term":{"finding_info.attacks.sub_technique.uid":"T1562.008"}}`:                           2000,
		`{"term":{"evidences.src_endpoint.ip":"203.0.113.7"}}`:                                      8,
		`{"match_phrase":{"finding_info.title":"StopLogging by dana"}}`:                             2000,
		`{"range":{"@timestamp":{"gte":"2026-11-18","lt":"2026-11-19"}}}`:                           sameDay(alerts),
		`{"range":{"time":{"gte":1794960000000,"lt":1795046400000}}}`:                               sameDay(alerts),
		`{"term":{"unmapped.weir.rule":"aws.cloudtrail.logging_disabled"}}`:                         0, // not mapped
		`{"bool":{"filter":[{"term":{"severity_id":5}},{"term":{"evidences.api.operation":"x"}}]}}`: 0,
	} {
		if got := c.count("weir-alerts-2026*", `{"query":`+query+`}`); got != want {
			c.t.Errorf("%s finds %d documents, want %d", query, got, want)
		}
	}
}

func sameDay(alerts []sinks.Alert) int {
	n := 0
	for i := range alerts {
		at := time.UnixMilli(1794996483579 + int64(i)*61_003).UTC()
		if at.Day() == 18 {
			n++
		}
	}
	return n
}

func testDataStream(c *cluster) {
	text := strings.Replace(template(c.t), `"index_patterns": ["weir-alerts-*"],`, `"index_patterns": ["weir-alerts-stream"], "priority": 500, "data_stream": {},`, 1)
	c.call("PUT", "/_index_template/weir-alerts-stream", text)
	d := c.open(index("weir-alerts-stream"))
	for range 2 {
		if err := d.Deliver(c.t.Context(), sinktest.Alerts(100)); err != nil {
			c.t.Fatal(err)
		}
	}
	if got := c.count("weir-alerts-stream", ""); got != 100 {
		c.t.Errorf("%d documents", got)
	}
	c.call("POST", "/weir-alerts-stream/_rollover", "")
	if err := d.Deliver(c.t.Context(), sinktest.Alerts(100)); err != nil {
		c.t.Fatal(err)
	}
	if got := c.count("weir-alerts-stream", ""); got != 200 {
		c.t.Errorf("%d documents after a rollover: docs/elastic.md says that ids are unique in a backing index only", got)
	}
}

// The server takes 1 MB, the destination sends up to 5.
func testTooLarge(c *cluster) {
	d := c.open(index("weir-alerts-large"))
	alerts := sinktest.Alerts(3000)
	alerts[17].Value = fmt.Appendf(nil, `{"time":1,"message":%q}`, noise(3_000_000))
	refused := sinktest.Deliver(c.t.Context(), c.t, d, alerts)
	if len(refused) != 1 || refused[sinktest.ID(17)] == nil || !strings.Contains(refused[sinktest.ID(17)].Error(), "413") {
		c.t.Errorf("refused: %v", refused)
	}
	if got := c.count("weir-alerts-large", ""); got != 2999 {
		c.t.Errorf("%d documents", got)
	}
}

// noise is n bytes of text that does not compress well.
func noise(n int) string {
	b := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = 'a' + byte(x%26)
	}
	return string(b)
}

// A document that the mapping refuses costs only itself.
func testRefused(c *cluster) {
	alerts := sinktest.Alerts(20)
	alerts[4].Value = []byte(`{"time":"soon","@timestamp":"2026-11-18"}`)
	alerts[9].Value = []byte(`{"severity_id":{"no":"number"},"time":1794996483579}`)
	alerts[13].ID = strings.Repeat("x", 513)
	refused := sinktest.Deliver(c.t.Context(), c.t, c.open(index("weir-alerts-refused")), alerts)
	if len(refused) != 3 || refused[alerts[13].ID] == nil {
		c.t.Errorf("refused: %v", refused)
	}
	for _, i := range []int{4, 9} {
		if err := refused[alerts[i].ID]; err == nil || !strings.Contains(err.Error(), "mapper_parsing_exception") {
			c.t.Errorf("alert %d: %v", i, err)
		}
	}
	if got := c.count("weir-alerts-refused", ""); got != 17 {
		c.t.Errorf("%d documents", got)
	}
}

// What is wrong with the index and not with the alert refuses none.
func testConfiguration(c *cluster) {
	const name = "weir-alerts-conf"
	for _, tt := range []struct{ what, method, path, body, undo, undoBody, want string }{
		{"closed", "POST", "/" + name + "/_close", "", "POST /" + name + "/_open", "", "index_closed_exception"},
		{"blocked", "PUT", "/" + name + "/_settings", `{"index.blocks.write":true}`, "PUT /" + name + "/_settings", `{"index.blocks.write":false}`, "cluster_block_exception"},
		{"pipeline", "PUT", "/" + name + "/_settings", `{"index.default_pipeline":"nowhere"}`, "PUT /" + name + "/_settings", `{"index.default_pipeline":"_none"}`, "pipeline with id"},
		{
			"may not be made", "PUT", "/_cluster/settings", `{"transient":{"action.auto_create_index":"false"}}`,
			"PUT /_cluster/settings", `{"transient":{"action.auto_create_index":null}}`, "index_not_found_exception",
		},
		{
			"no shard left", "PUT", "/_cluster/settings", `{"transient":{"cluster.max_shards_per_node":1}}`,
			"PUT /_cluster/settings", `{"transient":{"cluster.max_shards_per_node":null}}`, "validation_exception",
		},
	} {
		c.t.Run(tt.what, func(t *testing.T) {
			c := &cluster{t: t, url: c.url}
			target := name
			if strings.HasPrefix(tt.path, "/_cluster") {
				target = name + "-new-" + strings.ReplaceAll(tt.what, " ", "")
			}
			d := c.open(index(target))
			if target == name {
				if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err != nil {
					t.Fatal(err)
				}
			}
			c.call(tt.method, tt.path, tt.body)
			err := d.Deliver(t.Context(), sinktest.Alerts(10))
			method, path, _ := strings.Cut(tt.undo, " ")
			c.call(method, path, tt.undoBody)
			if _, refused := sinks.Outcome(10, err); err == nil || len(refused) > 0 || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%d refused; got error %v, want %s", len(refused), err, tt.want)
			}
			if refused := sinktest.Deliver(t.Context(), t, d, sinktest.Alerts(10)); len(refused) > 0 {
				t.Errorf("afterwards refused: %v", refused)
			}
			if got := c.count(target, ""); got != 10 {
				t.Errorf("%d documents", got)
			}
		})
	}
}

// The sample logs through bin/weir: what it appends to a file is in the index, too.
func testRun(c *cluster) {
	root, err := filepath.Abs("../..")
	if err != nil {
		c.t.Fatal(err)
	}
	sample, err := os.ReadFile(filepath.Join(root, "deploy/sample/weir.yaml"))
	if err != nil {
		c.t.Fatal(err)
	}
	conf := strings.NewReplacer("../../data", "data", "../..", root).Replace(string(sample)) +
		"  - name: elastic\n    type: elastic\n    url: " + c.url + "\n    index: weir-alerts-run\n"
	dir := c.t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "weir.yaml"), []byte(conf), 0o600); err != nil {
		c.t.Fatal(err)
	}
	for _, args := range [][]string{{"deliver", "test", "elastic"}, {"run", "--once"}} {
		cmd := exec.CommandContext(c.t.Context(), filepath.Join(root, "bin/weir"), append(args, "--config", "weir.yaml")...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			c.t.Fatalf("weir %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	archive, err := os.ReadFile(filepath.Join(dir, "data/alerts.ndjson"))
	if err != nil {
		c.t.Fatal(err)
	}
	n := 0
	for line := range bytes.Lines(archive) {
		var alert struct{ Metadata struct{ UID string } }
		if err := json.Unmarshal(line, &alert); err != nil {
			c.t.Fatal(err)
		}
		if got := c.count("weir-alerts-run", `{"query":{"ids":{"values":["`+alert.Metadata.UID+`"]}}}`); got != 1 {
			c.t.Errorf("alert %s is there %d times", alert.Metadata.UID, got)
		}
		n++
	}
	if got := c.count("weir-alerts-run", ""); n == 0 || got != n+1 { // with the test alert
		c.t.Errorf("%d documents of %d alerts", got, n)
	}
}

// 20,000 alerts through a proxy that fails in every way: each is there once.
func testRealFaults(c *cluster) {
	target, err := url.Parse(c.url)
	if err != nil {
		c.t.Fatal(err)
	}
	faulty := &sinktest.Faulty{Server: httputil.NewSingleHostReverseProxy(target), Next: sinktest.Random(3, 3)}
	proxy, ca := sinktest.Serve(c.t, faulty)
	d := c.open(func(conf *Config) {
		conf.URL, conf.CAFile, conf.Index, conf.Timeout, conf.MaxBytes = proxy, ca, "weir-alerts-faults", 5*time.Second, 200_000
	})
	const n, batch = 20_000, 500
	for from := 0; from < n; from += batch {
		if refused := sinktest.Deliver(c.t.Context(), c.t, d, sinktest.Small(from, batch)); len(refused) > 0 {
			c.t.Fatalf("refused: %v", refused)
		}
	}
	if got := c.count("weir-alerts-faults", ""); got != n {
		c.t.Errorf("%d documents of %d alerts", got, n)
	}
	for _, fault := range []sinktest.Fault{sinktest.LostAnswer, sinktest.CutAnswer, sinktest.Reset, sinktest.Busy} {
		if faulty.Seen(fault) == 0 {
			c.t.Errorf("no request had the fault %s", fault)
		}
	}
}
