package gateway_test

import (
	"bytes"
	"encoding/json"
	"math"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway"
	"github.com/weir-security/weir/normalize/internal/maptest"
)

// vendors are all of the package, by the directories of their golden files.
var vendors = map[string]*gateway.Vendor{
	"alb": gateway.ALB, "elb": gateway.ELB, "apache": gateway.Apache, "apigateway": gateway.APIGateway, "apim": gateway.APIM,
	"apisix": gateway.APISIX, "appgateway": gateway.AppGateway, "caddy": gateway.Caddy, "cloudfront": gateway.CloudFront,
	"envoy": gateway.Envoy, "frontdoor": gateway.FrontDoor, "haproxy": gateway.HAProxy, "kong": gateway.Kong, "nginx": gateway.NGINX,
	"s3access": gateway.S3Access, "traefik": gateway.Traefik, "waf": gateway.WAF,
}

func suiteOf(name string) maptest.Suite {
	v := vendors[name]
	return maptest.Suite{
		Source:    v.Name(),
		Dir:       name,
		New:       func() normalize.Mapper { return v.NewMapper() },
		Kept:      lostWords,
		Converted: func(text string) []string { return append(converted(text), convertedOf(v, text)...) },
	}
}

// convertedOf gives what is always there for the texts that say nothing: the dash,
// and a line in an object, whose parts TestWrapped looks for.
func convertedOf(v *gateway.Vendor, text string) []string {
	text = strings.TrimSpace(text)
	if strings.Trim(text, "- ") == "" || dayOrClock.MatchString(text) {
		return slices.Repeat([]string{v.Name()}, 64) // there may be many
	}
	if v.LineDialect(text) != "" || strings.Contains(text, `] "`) {
		return []string{v.Name()}
	}
	if strings.EqualFold(text, "WAF_ALLOW") || strings.HasPrefix(text, "{") && json.Valid([]byte(text)) {
		return []string{v.Name()}
	}
	return nil
}

var bracketed = regexp.MustCompile(`\[?\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(\.\d+)?( [+-]\d{4})?\]?|\d{4}-\d\d-\d\d[T\t ]\d\d:\d\d:\d\d(\.\d+)?Z?`)

// dayOrClock is a date, or a time of day, that became a part of the time.
var dayOrClock = regexp.MustCompile(`^(\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d)$`)

// literals are what NGINX Proxy Manager and a template of API Gateway write between
// their fields.
var literals = strings.NewReplacer("tcp://", "", "<request id=", "",
	"<ip>", "", "<caller>", "", "<user>", "", "<requestTime>", "", "<httpMethod>", "", "<resourcePath>", "", "<status>", "", "<protocol>", "", "<responseLength>", "",
	"</ip>", "", "</caller>", "", "</user>", "", "</requestTime>", "", "</httpMethod>", "", "</resourcePath>", "", "</status>", "", "</protocol>", "",
	"</responseLength>", "", "</request>", "",
	"[Client ", "[", "[Length ", "[", "[Gzip ", "[", "[Sent-to ", "[")

// lostWords lists the words of a line that are not in the event: what stands
// between spaces, quotes and the marks that part a URL. Escapes are not decoded
// here, so a word with one is left to the golden files.
func lostWords(record, event []byte) (lost []string) {
	if i := bytes.Index(record, []byte(" {")); i > 0 && json.Valid(record[i:]) {
		record = []byte(string(record[:i+1]) + texts(record[i:])) // the keys are no words
	}
	line := bracketed.ReplaceAllString(literals.Replace(normalize.ValidText(string(record))), ` `)
	held := texts(event)
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \"?,\t\r\n{}|", r) }) {
		for _, part := range []string{word, strings.Trim(word, "[]")} {
			if isHeld(part, held) {
				word = ""
				break
			}
		}
		if word != "" && !isHeldInParts(word, held) {
			lost = append(lost, word)
		}
	}
	return lost
}

// isHeldInParts tells whether a word with marks inside, "fe/srv" or "192.0.2.1:80",
// is held piece by piece.
func isHeldInParts(word, held string) bool {
	for _, piece := range strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune("/:[]<>=&", r) }) {
		if !isHeld(piece, held) {
			return false
		}
	}
	return true
}

func isHeld(word, held string) bool {
	if strings.Contains(word, `\`) || strings.Contains(word, "#") || strings.Trim(word, "-") == "" || strings.Contains(held, word) {
		return true
	}
	if n, err := strconv.ParseFloat(strings.TrimSuffix(word, "ms"), 64); err == nil {
		for _, unit := range []float64{1, 1000} {
			if strings.Contains(held, strconv.FormatFloat(math.Round(n*unit), 'f', -1, 64)) {
				return true // 000, 0.012 s
			}
		}
		return n == -1
	}
	if plain, err := url.PathUnescape(word); err == nil && plain != word {
		return strings.Contains(held, strings.TrimSpace(plain))
	}
	return false
}

// texts joins all scalars of the event.
func texts(event []byte) string {
	var tree any
	if err := json.Unmarshal(event, &tree); err != nil {
		return ""
	}
	var out strings.Builder
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, m := range v {
				walk(m)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		case string:
			out.WriteString(v + "\n")
		case float64:
			out.WriteString(strconv.FormatFloat(v, 'f', -1, 64) + "\n")
		}
	}
	walk(tree)
	return out.String()
}

// converted gives what a value of a JSON log may have become.
func converted(text string) (forms []string) {
	if parts := strings.Split(text, " "); len(parts) >= 3 {
		path, _, _ := strings.Cut(parts[1], "?")
		forms = append(forms, parts[1], path) // a request line
	}
	if path, _, ok := strings.Cut(text, "?"); ok {
		forms = append(forms, path)
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		for _, unit := range []float64{1e-6, 1e-3, 1, 1e3} {
			forms = append(forms, strconv.FormatInt(int64(math.Round(n*unit)), 10), strconv.FormatInt(int64(math.Floor(n*unit+1e-4)), 10))
		}
		if version, ok := map[string]string{"771": "TLSv1.2", "772": "TLSv1.3"}[text]; ok {
			forms = append(forms, version)
		}
		if suite, ok := map[string]string{"4865": "TLS_AES_128_GCM_SHA256", "4867": "TLS_CHACHA20_POLY1305_SHA256", "49195": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "49199": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}[text]; ok {
			forms = append(forms, suite)
		}
	}
	for _, layout := range []string{"02/Jan/2006:15:04:05 -0700", "1/2/2006, 3:04:05.999 PM", time.RFC1123} {
		if t, err := time.Parse(layout, text); err == nil {
			forms = append(forms, strconv.FormatInt(t.UnixMilli(), 10))
		}
	}
	if first, _, ok := strings.Cut(text, ","); ok {
		forms = append(forms, first)
		if host, _, ok := normalize.SplitHostPort(first); ok {
			forms = append(forms, host)
		}
	}
	if strings.HasPrefix(text, "[") {
		forms = append(forms, strings.Trim(text, "[]"))
	}
	if host, _, ok := normalize.SplitHostPort(text); ok {
		forms = append(forms, host)
	}
	if i := strings.LastIndexByte(text, ':'); i > 0 {
		forms = append(forms, text[:i])
	}
	if plain, err := url.PathUnescape(text); err == nil && plain != text {
		forms = append(forms, plain)
	}
	return append(forms, strings.TrimPrefix(text, "?"), "HTTP/"+text, strings.ToLower(text))
}

func TestGolden(t *testing.T) {
	for name := range vendors {
		if _, err := os.Stat("testdata/" + name); err == nil {
			t.Run(name, func(t *testing.T) { suiteOf(name).Golden(t) })
		}
	}
}

func TestSample(t *testing.T) { suiteOf("nginx").Sample(t, "nginx/*") }

// TestCorpus maps the logs of each vendor. Of the files that hold more than access
// logs, the rest are dead letters: error logs, messages of plugins.
func TestCorpus(t *testing.T) {
	for name, patterns := range map[string][]string{
		"nginx":      {"lb_access/crowdsec_nginx*.ndjson", "lb_access/crowdsec_upsun_httplog.ndjson", "lb_access/sentinel_custom.ndjson"},
		"apache":     {"lb_access/crowdsec_apache2.ndjson", "lb_access/crowdsec_litespeed.ndjson"},
		"alb":        {"lb_access/crowdsec_aws_alb.ndjson"},
		"elb":        {"lb_access/elastic_otel.ndjson"},
		"caddy":      {"lb_access/crowdsec_caddy.ndjson"},
		"cloudfront": {"lb_access/awscl_cloudfront.ndjson"},
		"haproxy":    {"lb_access/crowdsec_haproxy.ndjson"},
		"traefik":    {"lb_access/crowdsec_traefik.ndjson"},
		"waf":        {"waf/*.ndjson"},
		"s3access":   {"s3_access/*.ndjson"},
	} {
		t.Run(name, func(t *testing.T) { suiteOf(name).Corpus(t, patterns...) })
	}
}
