package webhook

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// hostile are titles that somebody who can choose a user's name chooses.
var hostile = map[string]string{
	"plain":         "CloudTrail StopLogging by alice",
	"empty":         "",
	"blank":         " \t\n\u3000\u200b",
	"quotes":        `x", "routing_key": "stolen`,
	"backslashes":   `\\", \u0022 \n`,
	"newlines":      "one\ntwo\r\nthree\u2028four\u0085five",
	"channel":       "<!channel> <!here> <@U123> <#C123>",
	"link":          "<https://evil.example.org|weir.example.org>",
	"markdown":      "[weir](https://evil.example.org) *b* _i_ ~s~ `c` > q ![x](https://evil.example.org/x.png)",
	"entities":      "&lt;!channel&gt; &amp;",
	"template":      `{{secret}} {{.finding_info.uid}} ${SECRET}`,
	"card":          `"}]},{"type":"Action.OpenUrl","url":"https://evil.example.org"`,
	"bidi":          "user \u202etxt.exe\u202c",
	"controls":      "\x00\x1b[31m\x7f",
	"emoji":         ":rotating_light: \U0001F6A8",
	"all angles":    strings.Repeat("<", 5000),
	"all quotes":    strings.Repeat(`"`, 5000),
	"all multibyte": strings.Repeat("\U0001F6A8", 5000),
	"very long":     strings.Repeat("a ", 50_000),
}

func services3(t *testing.T) map[string]struct {
	fake *fake
	conf Config
} {
	slack, pagerDuty, teams := newFake(t, judgeAsSlack), newFake(t, judgeAsPagerDuty), newFake(t, judgeAsTeams)
	return map[string]struct {
		fake *fake
		conf Config
	}{
		Slack:     {slack, Config{Template: Slack, Interval: 1, URL: fixed(slack.server.URL + "/services/T0001/B0002/s3cret")}},
		PagerDuty: {pagerDuty, Config{Template: PagerDuty, URL: fixed(pagerDuty.server.URL + "/v2/enqueue"), Secret: fixed(routingKey)}},
		Teams:     {teams, Config{Template: Teams, Interval: 1, URL: fixed(teams.server.URL + "/workflows/1?api-version=2016-06-01&sig=s3cret")}},
	}
}

// Whatever stands in a title, each service takes the message, and what the title says
// is text in it and nothing else.
func TestHostileTitles(t *testing.T) {
	for service, s := range services3(t) {
		d := open(t, s.conf)
		for name, title := range hostile {
			t.Run(service+"/"+name, func(t *testing.T) {
				before := len(s.fake.taken)
				if err := d.Deliver(t.Context(), []sinks.Alert{alert("a1", title)}); err != nil {
					t.Fatal(err)
				}
				if len(s.fake.taken) != before+1 {
					t.Fatalf("%d messages came", len(s.fake.taken)-before)
				}
				body := s.fake.taken[before]
				if service == Slack && strings.ContainsAny(body, "<>") {
					t.Errorf("a control character of Slack is not escaped:\n%s", body)
				}
				if strings.Contains(body, "stolen") && !strings.Contains(body, `\"stolen`) && service != Slack {
					t.Errorf("the title left its text:\n%s", body)
				}
				texts := 0
				eachText(t, body, func(s string) {
					texts++
					if !utf8.ValidString(s) || strings.ContainsAny(s, "\n\r\x00\x1b\u202e\u2028") {
						t.Errorf("a text holds what is not drawn: %q", s)
					}
				})
				if texts < 8 || service == PagerDuty && !strings.Contains(body, `"routing_key": "`+routingKey+`"`) {
					t.Errorf("%d texts:\n%s", texts, body)
				}
			})
		}
	}
}

// eachText visits every string of a JSON document.
func eachText(t *testing.T, body string, visit func(string)) {
	t.Helper()
	var doc any
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			visit(v)
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(doc)
}

func TestPagerDutyIsOneIncident(t *testing.T) {
	s := services3(t)[PagerDuty]
	rollup := alert("a2", "x")
	rollup.Value = []byte(strings.Replace(strings.Replace(string(rollup.Value), `"uid":"f-a2"`, `"uid":"f-a1"`, 1), `"kind":"alert"`, `"kind":"rollup"`, 1))
	if err := open(t, s.conf).Deliver(t.Context(), []sinks.Alert{alert("a1", "x"), alert("a1", "x"), rollup}); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, body := range s.fake.taken {
		var e struct {
			DedupKey string `json:"dedup_key"`
			Payload  struct{ Severity string }
		}
		if err := json.Unmarshal([]byte(body), &e); err != nil || e.Payload.Severity != "critical" {
			t.Fatal(err, body)
		}
		keys = append(keys, e.DedupKey)
	}
	if !slices.Equal(keys, []string{"f-a1", "f-a1", "f-a1"}) {
		t.Errorf("keys %v", keys)
	}
}

// What answers mean: refused is only what is wrong with the message itself.
func TestServiceAnswers(t *testing.T) {
	tests := []struct {
		service string
		status  int
		body    string
		want    httpsend.Kind
	}{
		{Slack, 200, "ok", httpsend.Delivered},
		{Slack, 200, "<html>log in</html>", httpsend.Misconfigured},
		{Slack, 400, "invalid_payload", httpsend.Refused},
		{Slack, 400, "invalid_blocks", httpsend.Refused},
		{Slack, 400, "user_not_found", httpsend.Misconfigured},
		{Slack, 403, "action_prohibited", httpsend.Unauthenticated},
		{Slack, 404, "channel_not_found", httpsend.Misconfigured},
		{Slack, 410, "channel_is_archived", httpsend.Misconfigured},
		{Slack, 429, "rate_limited", httpsend.Retry},
		{Slack, 500, "rollup_error", httpsend.Retry},
		{PagerDuty, 202, `{"status":"success"}`, httpsend.Delivered},
		{PagerDuty, 202, `ok`, httpsend.Misconfigured},
		{PagerDuty, 200, `<html>log in</html>`, httpsend.Misconfigured},
		{PagerDuty, 204, ``, httpsend.Misconfigured},
		{PagerDuty, 400, `{"status":"invalid event","errors":["'payload.summary' is missing or blank"]}`, httpsend.Refused},
		{PagerDuty, 400, `{"status":"invalid event","errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}`, httpsend.Unauthenticated},
		{PagerDuty, 400, `bad gateway`, httpsend.Misconfigured},
		{PagerDuty, 413, ``, httpsend.TooLarge},
		{PagerDuty, 429, ``, httpsend.Retry},
		{PagerDuty, 500, ``, httpsend.Retry},
		{Teams, 202, "", httpsend.Delivered},
		{Teams, 200, "{}", httpsend.Delivered},
		{Teams, 200, "\n<!DOCTYPE html><html>log in</html>", httpsend.Misconfigured},
		{Teams, 400, "", httpsend.Refused},
		{Teams, 401, "", httpsend.Unauthenticated},
		{Teams, 404, "", httpsend.Misconfigured},
		{OCSF, 204, "", httpsend.Delivered},
		{OCSF, 302, "", httpsend.Misconfigured},
		{OCSF, 422, "", httpsend.Refused},
		{OCSF, 503, "", httpsend.Retry},
	}
	for _, tt := range tests {
		d := open(t, Config{URL: fixed("https://soc.example.org"), Template: tt.service})
		if got, _ := d.judge(&httpsend.Answer{Status: tt.status, Body: []byte(tt.body)}); got != tt.want {
			t.Errorf("%s: %d %s is %v, want %v", tt.service, tt.status, tt.body, got, tt.want)
		}
	}
}

func TestAccept(t *testing.T) {
	d := open(t, Config{URL: fixed("https://soc.example.org"), Accept: []int{http.StatusCreated, http.StatusConflict}})
	for status, want := range map[int]httpsend.Kind{201: httpsend.Delivered, 409: httpsend.Delivered, 200: httpsend.Retry, 400: httpsend.Refused} {
		if got, _ := d.judge(&httpsend.Answer{Status: status}); got != want {
			t.Errorf("%d is %v, want %v", status, got, want)
		}
	}
}

// A service that does not know weir says so without a secret in the error.
func TestErrorsHoldNoSecrets(t *testing.T) {
	f := newFake(t, func(r *http.Request, _ []byte) (int, string) {
		return 404, "no such hook: " + r.URL.String() + " with " + r.Header.Get("X-Key") +
			" for " + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	})
	d := open(t, Config{
		URL: fixed(f.server.URL + "/services/hunter2?sig=hunter3"), Secret: fixed("hunter4"),
		Headers: map[string]Read{"X-Key": fixed("hunter5"), "Authorization": fixed("Bearer hunter7")}, Signature: "X-Sig", SignatureKey: fixed("hunter6"),
	})
	err := d.Deliver(t.Context(), []sinks.Alert{alert("a1", "x")})
	f.server.Close()
	err = errors.Join(err, d.Deliver(t.Context(), []sinks.Alert{alert("a1", "x")}))
	if err == nil || strings.Contains(err.Error(), "hunter") || !strings.Contains(err.Error(), sinks.Mask) {
		t.Errorf("the error is %v", err)
	}
}
