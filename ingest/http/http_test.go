package httppush

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/schemas/event"
)

var (
	ofLines  = envelope.Format{Kind: envelope.Lines}
	ofValues = envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"records"}}
)

// What a body holds is told by its Content-Type and the source, or by the configuration.
func TestContent(t *testing.T) {
	ab := object(1) + "\n" + object(2) + "\n"
	for _, c := range []struct {
		name     string
		format   envelope.Format
		content  string
		envelope string
		media    string
		body     string
		want     []string
		letters  int
	}{
		{"lines", ofLines, "", "", "text/plain", line(1) + "\n" + line(2) + "\n", []string{line(1), line(2)}, 0},
		{"lines without an end", ofLines, "", "", "text/plain; charset=utf-8", line(1) + "\r\n" + line(2), []string{line(1), line(2)}, 0},
		{"JSON as lines of text", ofLines, "", "", "text/plain", ab, []string{object(1), object(2)}, 0},
		{"NDJSON", ofLines, "", "", "application/x-ndjson", ab, []string{object(1), object(2)}, 0},
		{"NDJSON with a broken line", ofLines, "", "", "application/ndjson", object(1) + "\n{\"a\": oops}\n" + object(2), []string{object(1), object(2)}, 1},
		{"NDJSON that is cut off", ofLines, "", "", "application/jsonl", object(1) + "\n" + object(2)[:30], []string{object(1)}, 1},
		{"an array", ofLines, "", "", "application/json", "[" + object(1) + ",\n" + object(2) + "]", []string{object(1), object(2)}, 0},
		{"an array with a broken element", ofLines, "", "", "application/json", "[" + object(1) + `,{"a": oops},` + object(2) + "]", []string{object(1), object(2)}, 1},
		{"an object", ofLines, "", "", "application/json", object(1), []string{object(1)}, 0},
		{"an envelope of the source", ofValues, "", "", "application/json", `{"records":[` + object(1) + "," + object(2) + `]}`, []string{object(1), object(2)}, 0},
		{"an envelope of the sender", ofLines, "", "events", "application/json", `{"host":"edge-1","events":[` + object(1) + "," + object(2) + `]}`, []string{object(1), object(2)}, 0},
		{"an envelope that nobody told of", ofLines, "", "", "application/json", `{"events":[{}]}`, []string{`{"events":[{}]}`}, 0},
		{"a source of JSON as text", ofValues, "", "", "text/plain", `{"records":[` + object(1) + "]}\n" + object(2), []string{object(1), object(2)}, 0},
		{"configured lines", ofLines, ContentLines, "", "", line(1) + "\n" + line(2), []string{line(1), line(2)}, 0},
		{"configured lines, whatever the type", ofLines, ContentLines, "", "application/json", line(1), []string{line(1)}, 0},
		{"configured JSON", ofLines, ContentJSON, "", "application/x-www-form-urlencoded", ab, []string{object(1), object(2)}, 0},
		{"nothing", ofLines, "", "", "text/plain", "", []string{}, 0},
		{"empty lines", ofLines, "", "", "text/plain", "\n\r\n\n", []string{}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Format, cfg.Content, cfg.Envelope = c.format, c.content, c.envelope
			for _, encoding := range []string{"", "gzip"} {
				k := new(kafka)
				body, header := c.body, []string{"Content-Type", c.media}
				if encoding == "gzip" {
					body, header = gz(body), append(header, "Content-Encoding", "gzip")
				}
				got := post(t, start(t, cfg, k.put), body, header...)
				if got.Code != http.StatusOK || got.Events != len(c.want) || got.DeadLetters != c.letters {
					t.Errorf("answer %+v", got)
				}
				if diff := cmp.Diff(c.want, k.values()); diff != "" || len(k.letters) != c.letters {
					t.Errorf("%d dead letters, records (-want +got):\n%s", len(k.letters), diff)
				}
				for _, r := range k.records {
					if at := strings.Index(c.body, string(r.Value)); r.Origin.Position != int64(at) || r.Source != cfg.Source || r.Origin.Collector != cfg.Name {
						t.Errorf("the record at %d of the body has the origin %+v", at, r.Origin)
					}
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Record, cfg.Limits.Body = 4<<10, 64<<10
	k := new(kafka)
	url := start(t, cfg, k.put)
	text := []string{"Content-Type", "text/plain"}
	huge := strings.Repeat("x", 5<<10)
	for _, c := range []struct {
		name    string
		header  []string
		body    string
		code    int
		message string
		events  int
		letters int
	}{
		{"no type", nil, line(1), 415, `got ""`, 0, 0},
		{"curl's own type", []string{"Content-Type", "application/x-www-form-urlencoded"}, line(1), 415, "or say what is sent with content:", 0, 0},
		{"gzip in disguise", text, gz(line(1)), 415, "want Content-Encoding: gzip", 0, 0},
		{"a huge body", text, strings.Repeat(line(1)+"\n", 1000), 413, "the body is above 65536 bytes; send smaller batches", 0, 0},
		{"a gzip bomb", append(text, "Content-Encoding", "gzip"), gz(strings.Repeat("\n", 32<<20)), 413, "the body is above 65536 bytes", 0, 0},
		{"a huge line", text, line(1) + "\n" + huge + "\n" + line(2), 413, "1 of 3 events are above 4096 bytes", 2, 1},
		{"a key with spaces", append(text, "Idempotency-Key", "a b"), line(1), 400, "Idempotency-Key", 0, 0},
		{"an empty key", append(text, "Idempotency-Key", ""), line(1), 400, "Idempotency-Key", 0, 0},
		{"an endless key", append(text, "Idempotency-Key", strings.Repeat("k", 129)), line(1), 400, "Idempotency-Key", 0, 0},
		{"two keys", append(text, "Idempotency-Key", "a", "Idempotency-Key", "b"), line(1), 400, "Idempotency-Key", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			k.records, k.letters = nil, nil
			got := post(t, url, c.body, c.header...)
			if got.Code != c.code || !strings.Contains(got.Message, c.message) || got.Reason == "" {
				t.Errorf("answer %+v, want %d %q", got, c.code, c.message)
			}
			if len(k.records) != c.events || len(k.letters) != c.letters || got.Events != c.events || got.DeadLetters != c.letters {
				t.Errorf("%d events and %d dead letters are durable, the answer is %+v", len(k.records), len(k.letters), got)
			}
		})
	}
}

func TestTooManyEvents(t *testing.T) {
	url := start(t, testConfig(), new(kafka).put)
	got := post(t, url, strings.Repeat("x\n", maxEvents+1), "Content-Type", "text/plain")
	if got.Code != http.StatusRequestEntityTooLarge || !strings.Contains(got.Message, "more than 50000 events") {
		t.Errorf("answer %+v", got)
	}
}

// A request that is sent again gives its events the origins that they had: detect drops
// the copies. Equal lines of two requests, or of one, have different origins.
func TestSentAgain(t *testing.T) {
	const one, two = "a\na\nb\n", "a\nb\n"
	key := []string{"Idempotency-Key", "7c9e6679-7425-40de-944b-e07fc1f90ae7"}
	quoted := []string{"Idempotency-Key", `"7c9e6679-7425-40de-944b-e07fc1f90ae7"`}
	for _, c := range []struct {
		name          string
		sameBody      string
		first, second []string // headers
		body          string   // of the second
		again         bool
	}{
		{"the same body", "", nil, nil, one, true},
		{"the same body, compressed", "", nil, []string{"Content-Encoding", "gzip"}, gz(one), true},
		{"another body", "", nil, nil, two, false},
		{"the same key", "", key, key, one, true},
		{"the same key in quotes", "", key, quoted, one, true},
		{"another key", "", key, []string{"Idempotency-Key", "2"}, one, false},
		{"a key, and none", "", key, nil, one, false},
		{"the same body is new", SameBodyNew, nil, nil, one, false},
		{"the same key and body", SameBodyNew, key, key, one, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.SameBody = c.sameBody
			k := new(kafka)
			url := start(t, cfg, k.put)
			text := []string{"Content-Type", "text/plain"}
			post(t, url, one, append(text, c.first...)...)
			first := k.records
			k.records = nil
			post(t, url, c.body, append(text, c.second...)...)
			seen := map[event.Origin]bool{}
			for _, r := range first {
				if !strings.HasPrefix(r.Origin.Object, "http:edge/anonymous/") || seen[r.Origin] {
					t.Errorf("origin %+v", r.Origin)
				}
				seen[r.Origin] = true
			}
			for _, r := range k.records {
				if seen[r.Origin] != c.again {
					t.Errorf("%q of the second request has the origin %+v", r.Value, r.Origin)
				}
			}
			if len(k.records) == 0 {
				t.Error("the second request was not put")
			}
		})
	}
}
