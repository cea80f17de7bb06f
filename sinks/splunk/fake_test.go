package splunk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// fakeHEC is a fake of Splunk's HTTP Event Collector: strict about what its documents
// say (format of events, REST reference of /services/collector, error codes, indexer
// acknowledgement), and about nothing else. As the real one does, it indexes the events
// that stand before an invalid one.
type fakeHEC struct {
	t        *testing.T
	token    string
	indexes  []string // that the token may write to
	disabled bool
	useACK   bool
	// ackAfter is how many questions an acknowledgement takes; below 0 none comes.
	ackAfter int
	maxBytes int
	// poison is a text that makes an event invalid.
	poison string

	mu      sync.Mutex
	indexed map[string]int // by alert_id
	metas   []map[string]json.RawMessage
	pending map[string]map[int64]int // by channel: questions left
	bodies  int
}

func newFake(t *testing.T) *fakeHEC {
	return &fakeHEC{t: t, token: "12345678-90ab-cdef-1234-567890abcdef", indexes: []string{"main", "security"}, maxBytes: 1_000_000,
		indexed: map[string]int{}, pending: map[string]map[int64]int{}}
}

func reply(w http.ResponseWriter, status, code int, text string, more ...any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	extra := ""
	for i := 0; i+1 < len(more); i += 2 {
		extra += fmt.Sprintf(",%q:%v", more[i], more[i+1])
	}
	fmt.Fprintf(w, `{"text":%q,"code":%d%s}`, text, code, extra)
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func (f *fakeHEC) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.URL.Path != eventPath && r.URL.Path != ackPath {
		reply(w, http.StatusNotFound, 404, "The requested URL was not found on this server.")
		return
	}
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case scheme == "":
		reply(w, 401, 2, "Token is required")
	case scheme != "Splunk":
		reply(w, 401, 3, "Invalid authorization")
	case token != f.token:
		reply(w, 403, 4, "Invalid token")
	case f.disabled:
		reply(w, 403, 1, "Token disabled")
	case r.URL.Path == ackPath:
		f.acks(w, r)
	default:
		f.events(w, r)
	}
}

func (f *fakeHEC) channel(w http.ResponseWriter, r *http.Request) (string, bool) {
	channel := r.Header.Get("X-Splunk-Request-Channel")
	if channel == "" {
		channel = r.URL.Query().Get("channel")
	}
	switch {
	case channel == "":
		reply(w, 400, 10, "Data channel is missing")
	case !guid.MatchString(channel):
		reply(w, 400, 11, "Invalid data channel")
	default:
		return channel, true
	}
	return "", false
}

func (f *fakeHEC) acks(w http.ResponseWriter, r *http.Request) {
	if !f.useACK {
		reply(w, 400, 14, "ACK is disabled")
		return
	}
	channel, ok := f.channel(w, r)
	if !ok {
		return
	}
	var question struct {
		Acks []int64 `json:"acks"`
	}
	if json.NewDecoder(r.Body).Decode(&question) != nil || question.Acks == nil {
		reply(w, 400, 6, "Invalid data format")
		return
	}
	answer := map[string]bool{}
	for _, id := range question.Acks {
		left, known := f.pending[channel][id]
		if known && left > 0 {
			f.pending[channel][id]--
		}
		done := known && left == 0
		if done {
			delete(f.pending[channel], id) // it is told once
		}
		answer[strconv.FormatInt(id, 10)] = done
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"acks": answer})
}

func (f *fakeHEC) events(w http.ResponseWriter, r *http.Request) {
	channel := ""
	if f.useACK {
		var ok bool
		if channel, ok = f.channel(w, r); !ok {
			return
		}
	}
	body, ok := f.body(w, r)
	if !ok {
		return
	}
	f.bodies++
	dec, n := json.NewDecoder(bytes.NewReader(body)), 0
	for ; ; n++ {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		code, text := 6, "Invalid data format"
		var id string
		if err == nil {
			id, code, text = f.event(raw)
		}
		if code != 0 {
			reply(w, 400, code, text, "invalid-event-number", n)
			return
		}
		f.indexed[id]++
	}
	if n == 0 {
		reply(w, 400, 5, "No data")
		return
	}
	if !f.useACK {
		reply(w, 200, 0, "Success")
		return
	}
	if f.pending[channel] == nil {
		f.pending[channel] = map[int64]int{}
	}
	id := int64(f.bodies)
	f.pending[channel][id] = f.ackAfter
	reply(w, 200, 0, "Success", "ackId", id)
}

func (f *fakeHEC) body(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(r.Body)
		if err != nil {
			reply(w, 400, 6, "Invalid data format")
			return nil, false
		}
		body = zr
	}
	data, err := io.ReadAll(io.LimitReader(body, int64(f.maxBytes)+1))
	if err != nil {
		reply(w, 400, 6, "Invalid data format")
		return nil, false
	}
	if len(data) > f.maxBytes {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		fmt.Fprintf(w, "Content-Length too large (maximum is %d)", f.maxBytes)
		return nil, false
	}
	return data, true
}

// seconds is HEC's time format, epoch seconds with milliseconds.
var seconds = regexp.MustCompile(`^\d{10}\.\d{3}$`)

// event looks at one event as HEC does.
func (f *fakeHEC) event(raw []byte) (id string, code int, text string) {
	var meta map[string]json.RawMessage
	if json.Unmarshal(raw, &meta) != nil {
		return "", 6, "Invalid data format"
	}
	for key := range meta {
		switch key {
		case "time", "host", "source", "sourcetype", "index", "fields", "event":
		default:
			f.t.Errorf("event has the metadata %q, which HEC does not know", key)
		}
	}
	if at, ok := meta["time"]; ok && !seconds.Match(at) {
		return "", 6, "Invalid data format"
	}
	if index, ok := meta["index"]; ok && !slices.Contains(f.indexes, strings.Trim(string(index), `"`)) {
		return "", 7, "Incorrect index"
	}
	event, ok := meta["event"]
	if !ok {
		return "", 12, "Event field is required"
	}
	if string(event) == "null" || string(event) == `""` {
		return "", 13, "Event field cannot be blank"
	}
	var fields map[string]string // flat, and weir has only texts
	if json.Unmarshal(meta["fields"], &fields) != nil {
		return "", 15, "Error in handling indexed fields"
	}
	if f.poison != "" && bytes.Contains(raw, []byte(f.poison)) {
		return "", 6, "Invalid data format"
	}
	f.metas = append(f.metas, meta)
	return fields["alert_id"], 0, ""
}
