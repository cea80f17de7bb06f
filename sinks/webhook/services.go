package webhook

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// The templates that come with weir.
const (
	OCSF      = "ocsf"
	Slack     = "slack"
	PagerDuty = "pagerduty"
	Teams     = "teams"
)

// Templates are their names.
var Templates = []string{OCSF, Slack, PagerDuty, Teams}

var (
	//go:embed templates/slack.tmpl
	slackTemplate string
	//go:embed templates/pagerduty.tmpl
	pagerDutyTemplate string
	//go:embed templates/teams.tmpl
	teamsTemplate string
)

// service is what is special about a receiver.
type service struct {
	text     string        // of the template; empty: the alert itself
	interval time.Duration // between requests
	maxBody  int           // that it takes; 0: nothing is known
	// judge knows what some answers mean.
	judge func(status int, body []byte) (kind httpsend.Kind, advice string, known bool)
}

var services = map[string]service{
	OCSF: {},
	// Slack: "1 per second" (rate limits of incoming webhooks).
	Slack: {text: slackTemplate, interval: time.Second, judge: judgeSlack},
	// PagerDuty: "The maximum size of an event is 512 KB".
	PagerDuty: {text: pagerDutyTemplate, maxBody: 512_000, judge: judgePagerDuty},
	// Teams: "The message size limit is 28 KB", "four requests per second".
	Teams: {text: teamsTemplate, interval: 250 * time.Millisecond, maxBody: 28_000, judge: judgeTeams},
}

// judgeSlack knows the texts that Slack answers to incoming webhooks. Only what is
// wrong with the message itself refuses it: a channel that is gone can come back.
func judgeSlack(status int, body []byte) (httpsend.Kind, string, bool) {
	said := strings.TrimSpace(string(body))
	switch {
	case status == http.StatusOK && said != "ok":
		return httpsend.Misconfigured, "what answers is no Slack webhook; look at url", true
	case status != http.StatusBadRequest:
		return 0, "", false
	}
	switch {
	case strings.HasPrefix(said, "invalid_payload"), strings.HasPrefix(said, "invalid_blocks"), said == "no_text",
		said == "too_many_attachments", strings.HasPrefix(said, "missing_text"):
		return httpsend.Refused, "", true
	}
	return httpsend.Misconfigured, "Slack does not take it for this webhook; look at it in Slack", true
}

// judgePagerDuty tells a wrong routing key, for which no alert is to blame, from an
// event that is wrong.
func judgePagerDuty(status int, body []byte) (httpsend.Kind, string, bool) {
	var answer struct {
		Status string   `json:"status"`
		Errors []string `json:"errors"`
	}
	known := json.Unmarshal(body, &answer) == nil && answer.Status != ""
	switch {
	case (httpsend.Classify(status) == httpsend.Delivered || status == http.StatusBadRequest) && !known:
		return httpsend.Misconfigured, "what answers is not PagerDuty's Events API; look at url", true
	case status == http.StatusBadRequest && strings.Contains(strings.Join(answer.Errors, " "), "routing_key"):
		return httpsend.Unauthenticated, "PagerDuty does not take the routing key; look at secret", true
	}
	return 0, "", false
}

// judgeTeams knows a log-in page of a proxy from a workflow, which answers without a
// word or with JSON of its own.
func judgeTeams(status int, body []byte) (httpsend.Kind, string, bool) {
	if httpsend.Classify(status) == httpsend.Delivered && strings.HasPrefix(strings.TrimSpace(string(body)), "<") {
		return httpsend.Misconfigured, "what answers is a web page, no workflow of Teams; look at url", true
	}
	return 0, "", false
}

// slackText is a text for Slack of at most n bytes: <, > and & are what its links and
// mentions are made of, and are escaped as Slack wants it; no entity is cut. An empty
// text, which Slack refuses, is a dash.
func slackText(s string, n int) string {
	s = oneLine(s)
	if s == "" {
		return "-"
	}
	escaped := func(s string) int { return len(slackEscapes.Replace(s)) }
	return slackEscapes.Replace(truncate(s, n, escaped))
}

var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
