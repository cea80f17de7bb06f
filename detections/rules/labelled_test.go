package rules_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/corpus"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// labelledFiles are the files of the corpus that rules are held against, and the
// source of their records.
var labelledFiles = map[string]string{
	"panther_cloudtrail.ndjson":     "aws.cloudtrail",
	"stratus_cloudtrail.ndjson":     "aws.cloudtrail",
	"panther_azure_activity.ndjson": "azure.activity",
	"panther_azure_entra.ndjson":    "azure.entra",
	"panther_k8s_audit.ndjson":      "kubernetes.audit",
	"panther_gcp_audit.ndjson":      "gcp.audit",
	"falco_k8s_audit.ndjson":        "kubernetes.audit",
	"crowdsec_k8s_audit.ndjson":     "kubernetes.audit",
	"crowdsec_lb_access.ndjson":     "", // by logTypes
	"panther_waf.ndjson":            "gateway.waf",
	"panther_vpcflow.ndjson":        "network.vpcflow",
	"panther_dns.ndjson":            "network.route53",
	"panther_s3_access.ndjson":      "aws.s3access",
	"panther_findings.ndjson":       "aws.guardduty",
}

// logTypes are the sources of the files that have records of several.
var logTypes = map[string]string{
	"apache2": "gateway.apache", "nginx": "gateway.nginx", "litespeed": "gateway.apache", "aws-alb": "gateway.alb",
	"caddy": "gateway.caddy", "traefik": "gateway.traefik", "nginx-proxy-manager": "gateway.nginx",
}

// labelledSources are the ids whose records are of another source than their file's.
var labelledSources = map[string]string{
	"Azure.MonitorActivity.Storage.Blob.BulkExtraction":        "azure.resource",
	"Azure.MonitorActivity.Storage.Blob.CPKEncryptionDetected": "azure.resource",
}

// labelledCase is one line of the corpus.
type labelledCase struct {
	ID       labelledID        `json:"rule_id"`
	Name     string            `json:"test_name"`
	Trace    string            `json:"trace"`
	LogType  string            `json:"log_type"`
	Expected bool              `json:"expected"`
	Event    json.RawMessage   `json:"event"`
	Events   []json.RawMessage `json:"events"`

	source string
}

// labelledID is one id, or a list of them.
type labelledID []string

func (id *labelledID) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*id = labelledID{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(id))
}

// labelledExceptions are the cases in which the rules decide otherwise on purpose,
// by id and name, and why.
var labelledExceptions = map[string]string{
	"AWS.Console.LoginWithoutMFA No MFA Login - New User":                        "who is new is in a cache of the original",
	"Kubernetes.System.Principal.PublicIP Pod with Mixed Public and Private IPs": "who adds a private address by X-Forwarded-For must not hide",
	"Kubernetes.Role.NodeProxyPermissions Updating existing role (not creating)": "a changed role allows as much as a new one",
}

// TestLabelled holds the rules against the labelled examples of the ids in their
// `related`: an event that should alert must be one that a rule with that id counts,
// and none may count another. What a rule counts up to is its own: the corpus labels
// single events.
func TestLabelled(t *testing.T) {
	dir := corpus.Dir(t, "labelled")
	cases := map[string][]labelledCase{}
	for file, source := range labelledFiles {
		readLabelled(t, filepath.Join(dir, file), source, cases)
	}
	set := load(t)
	mappers := rawlog.NewMappers(sources.Builtin(), nil)
	engine := set.NewEngine()
	related := map[string][]string{}
	for _, rule := range set.Rules() {
		for _, id := range rule.Related {
			related[id] = append(related[id], rule.ID)
		}
	}
	ids, run, used := 0, 0, map[string]bool{}
	for id, rules := range related {
		if len(cases[id]) > 0 {
			ids++
		}
		for _, c := range cases[id] {
			run++
			got := c.counts(t, mappers, engine, rules)
			key := id + " " + c.Name
			if labelledExceptions[key] != "" {
				used[key] = got != c.Expected
			} else if got != c.Expected {
				t.Errorf("%s, %q: %s count the event: %t, want %t", id, c.Name, strings.Join(rules, ", "), got, c.Expected)
			}
		}
	}
	for key := range labelledExceptions {
		if !used[key] {
			t.Errorf("exception %q is none", key)
		}
	}
	t.Logf("%d labelled ids, %d cases, %d exceptions", ids, run, len(labelledExceptions))
}

func readLabelled(t *testing.T, file, source string, cases map[string][]labelledCase) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		c := labelledCase{source: source}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if source == "" {
			c.source = logTypes[c.LogType]
			if c.source == "" {
				continue // no source of weir
			}
		}
		if c.Event != nil {
			c.Events = append(c.Events, c.Event)
		}
		if c.Name == "" {
			c.Name = cmp.Or(c.Trace, c.LogType)
		}
		for _, id := range c.ID {
			if other := labelledSources[id]; other != "" {
				c.source = other
			}
			cases[id] = append(cases[id], c)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// counts tells whether one of the rules counts one of the case's events.
func (c *labelledCase) counts(t *testing.T, mappers *rawlog.Mappers, engine *detections.Engine, rules []string) (found bool) {
	t.Helper()
	for _, record := range c.Events {
		ev := new(ocsf.Event)
		if err := mappers.Map(&event.Record{Source: c.source, Value: withTime(t, c.source, record), Origin: event.Origin{Object: "labelled"}}, ev); err != nil {
			if c.Expected && len(c.Events) == 1 {
				t.Errorf("%v %q: %v", c.ID, c.Name, err)
			}
			continue
		}
		engine.Evaluate(ev, func(s *detections.Signal) { found = found || slices.Contains(rules, s.Rule) })
	}
	return found
}

// withTime gives a record that was abridged to have no time one, for a record
// without any is a dead letter. A line of text stays as it is.
func withTime(t *testing.T, source string, record []byte) []byte {
	t.Helper()
	var line string
	if json.Unmarshal(record, &line) == nil {
		return []byte(line)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(record, &fields); err != nil {
		t.Fatal(err)
	}
	if source == "network.vpcflow" {
		fields["start"] = json.RawMessage("1791279242")
	}
	names := []string{"time", "eventTime", "requestReceivedTimestamp", "timestamp"}
	if source == "gateway.caddy" {
		names = append(names, "ts")
	}
	for name := range fields {
		if slices.Contains(names, name) || strings.HasSuffix(strings.ToLower(name), "timestamp") {
			return record
		}
	}
	if source == "network.vpcflow" {
		names = nil
	}
	for _, name := range names {
		fields[name] = json.RawMessage(`"2026-10-06T09:14:02Z"`)
	}
	out, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
