package elastic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// fakeCluster is a fake of Elasticsearch's _bulk, strict about what its reference says:
// one action and one document a line, a newline at the end, an outcome for each item,
// create refused where the id is there. test/integration/elastic holds the destination
// against a real OpenSearch, and the fake's answers were taken from it.
type fakeCluster struct {
	t             *testing.T
	authorization string
	maxBytes      int
	// item fails an item: a status and an error's type, 0 to take it.
	item func(n int, id string, doc []byte) (status int, kind string)
	// whole fails a request.
	whole func() (status int, kind string)

	mu        sync.Mutex
	docs      map[string]map[string]json.RawMessage // by index and id
	writes    map[string]int                        // by id, tries included
	requests  int
	itemCount int
}

func newFake(t *testing.T) *fakeCluster {
	return &fakeCluster{t: t, authorization: "ApiKey aWQ6a2V5", maxBytes: 100 << 20, docs: map[string]map[string]json.RawMessage{}, writes: map[string]int{}}
}

func problemAnswer(w http.ResponseWriter, status int, kind, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"root_cause":[{"type":%q,"reason":%q}],"type":%q,"reason":%q},"status":%d}`, kind, reason, kind, reason, status)
}

func (f *fakeCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	switch {
	case r.Header.Get("Authorization") != f.authorization:
		w.Header().Set("WWW-Authenticate", "ApiKey")
		problemAnswer(w, 401, "security_exception", "unable to authenticate with provided credentials")
		return
	case r.URL.Path != "/_bulk":
		problemAnswer(w, 404, "index_not_found_exception", "no such index ["+r.URL.Path+"]")
		return
	case r.Method != http.MethodPost && r.Method != http.MethodPut:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case r.Header.Get("Content-Type") != "application/x-ndjson" && r.Header.Get("Content-Type") != "application/json":
		problemAnswer(w, 406, "media_type_header_exception", "Content-Type is not supported")
		return
	}
	if f.whole != nil {
		if status, kind := f.whole(); status != 0 {
			problemAnswer(w, status, kind, "the whole request")
			return
		}
	}
	body, err := f.body(r)
	switch {
	case err != nil:
		problemAnswer(w, 400, "parse_exception", err.Error())
	case len(body) > f.maxBytes:
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	case len(body) == 0:
		problemAnswer(w, 400, "parse_exception", "request body is required")
	case body[len(body)-1] != '\n':
		problemAnswer(w, 400, "illegal_argument_exception", `The bulk request must be terminated by a newline [\n]`)
	default:
		f.bulk(w, r, bytes.Split(body[:len(body)-1], []byte("\n")))
	}
}

func (f *fakeCluster) body(r *http.Request) ([]byte, error) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		body = zr
	}
	return io.ReadAll(io.LimitReader(body, int64(f.maxBytes)+1))
}

func (f *fakeCluster) bulk(w http.ResponseWriter, r *http.Request, lines [][]byte) {
	var items []string
	failed := false
	for i := 0; i < len(lines); i += 2 {
		var action struct {
			Create *struct {
				Index string `json:"_index"`
				ID    string `json:"_id"`
			} `json:"create"`
		}
		dec := json.NewDecoder(bytes.NewReader(lines[i]))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&action); err != nil || action.Create == nil || i+1 == len(lines) {
			problemAnswer(w, 400, "illegal_argument_exception", fmt.Sprintf("Malformed action/metadata line [%d]", i+1))
			return
		}
		status, kind := f.create(action.Create.Index, action.Create.ID, lines[i+1])
		item := fmt.Sprintf(`{"create":{"_id":%q,"status":%d}}`, action.Create.ID, status)
		if status >= 300 {
			failed = true
			item = fmt.Sprintf(`{"create":{"_id":%q,"status":%d,"error":{"type":%q,"reason":"[%s]: about this document"}}}`, action.Create.ID, status, kind, action.Create.ID)
		}
		items = append(items, item)
	}
	if got := r.URL.Query().Get("filter_path"); !strings.Contains(got, "items.*.status") || !strings.Contains(got, "items.*._id") || !strings.Contains(got, "items.*.error.type") {
		f.t.Errorf("filter_path %q leaves out what the outcome is read from", got)
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"errors":%v,"items":[%s]}`, failed, strings.Join(items, ","))
}

func (f *fakeCluster) create(index, id string, doc []byte) (status int, kind string) {
	f.itemCount++
	f.writes[id]++
	if checkName(index) != nil || id == "" || len(id) > 512 {
		return 400, "invalid_index_name_exception"
	}
	if _, there := f.docs[index][id]; there {
		return 409, "version_conflict_engine_exception"
	}
	if f.item != nil {
		if status, kind := f.item(f.itemCount, id, doc); status != 0 {
			return status, kind
		}
	}
	var fields struct {
		Timestamp string `json:"@timestamp"`
	}
	if json.Unmarshal(doc, &fields) != nil {
		return 400, "mapper_parsing_exception"
	}
	if fields.Timestamp == "" { // as a data stream has it
		return 400, "illegal_argument_exception"
	}
	if f.docs[index] == nil {
		f.docs[index] = map[string]json.RawMessage{}
	}
	f.docs[index][id] = bytes.Clone(doc)
	return 201, ""
}
