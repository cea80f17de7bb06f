package gateway_test

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway"
	"github.com/weir-security/weir/normalize/internal/maptest"
)

var suite = maptest.Suite{
	Source:    "gateway.nginx",
	New:       func() normalize.Mapper { return gateway.NewNginx() },
	Kept:      lostWords,
	Converted: converted,
}

var bracketed = regexp.MustCompile(`\[[^\]]*\] "`)

// lostWords lists the words of a line that are not in the event: what stands
// between spaces, quotes and the marks that part a URL. Escapes are not decoded
// here, so a word with one is left to the golden files.
func lostWords(record, event []byte) (lost []string) {
	line := bracketed.ReplaceAllString(normalize.ValidText(string(record)), `"`)
	held := texts(event)
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \"?,\r\n", r) }) {
		if strings.Contains(word, `\`) || word == "-" || strings.Contains(held, word) {
			continue
		}
		if host, port, ok := strings.Cut(word, ":"); ok && strings.Contains(held, host) && strings.Contains(held, port) {
			continue // CONNECT
		}
		if n, err := strconv.Atoi(word); err == nil && strings.Contains(held, strconv.Itoa(n)) {
			continue // 000
		}
		lost = append(lost, word)
	}
	return lost
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

// converted gives what variables of a JSON log may have become.
func converted(text string) (forms []string) {
	if text == "-" {
		return []string{"gateway.nginx"} // absent; the log_provider is always there
	}
	if parts := strings.Split(text, " "); len(parts) >= 3 {
		path, _, _ := strings.Cut(parts[1], "?")
		forms = append(forms, parts[1], path) // a request line
	}
	if path, _, ok := strings.Cut(text, "?"); ok {
		forms = append(forms, path)
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		forms = append(forms, strconv.FormatInt(int64(seconds*1000+0.5), 10))
	}
	if t, err := time.Parse("02/Jan/2006:15:04:05 -0700", text); err == nil {
		forms = append(forms, strconv.FormatInt(t.UnixMilli(), 10))
	}
	if first, _, ok := strings.Cut(text, ","); ok {
		forms = append(forms, first)
	}
	return forms
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestCorpus(t *testing.T) { suite.Corpus(t, "lb_access/crowdsec_nginx*.ndjson") }

func TestSample(t *testing.T) { suite.Sample(t, "nginx/*") }

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `1007:d77: 00000000 - 0 [01/Nov/0000:00:00:00 +0000] "0"0 000 0`,
		`::1 - - [18/Nov/2026:09:04:05 +0100] "" 400 0 "-" "\xC3\xA9\xFF\x22"`,
		`{"remote_addr":"192.0.2.1","status":"200","msec":"1794990352.123","request":"GET / HTTP/1.1"}`)
}

func BenchmarkMap(b *testing.B) {
	suite.Benchmark(b, "combined", "forwarded_for", "absolute_url")
}
