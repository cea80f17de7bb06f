package blobstore

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"hash/crc64"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/weir-security/weir/sinks/lake/storetest"
)

// fake is a strict fake of Azure Blob Storage with one account and one container,
// the account in the path: it answers what the REST reference documents, and
// fails the test for what Azure would accept but weir must never send, such as a
// write without a condition.
type fake struct {
	t         *testing.T
	container string
	pageSize  int

	ignorePut, ignoreList bool // like services that know no conditions

	mu    sync.Mutex
	blobs map[string][]byte
	// staged are the uncommitted blocks of a blob by id.
	staged map[string]map[string][]byte
}

const (
	fakeAccount = "weirlake"
	fakeSAS     = "sv=2026-02-06&sr=c&sp=racwl&sig=c2VjcmV0LXNpZ25hdHVyZQ%3D%3D"
)

func newFake(t *testing.T) *fake {
	return &fake{t: t, container: "lake", pageSize: 2, blobs: map[string][]byte{}, staged: map[string]map[string][]byte{}}
}

var answers = map[string]int{
	"AuthenticationFailed": 403, "AuthorizationPermissionMismatch": 403, "BlobAlreadyExists": 409, "BlobNotFound": 404, "ConditionNotMet": 412,
	"ContainerBeingDeleted": 409, "ContainerNotFound": 404, "Md5Mismatch": 400, "FeatureNotSupported": 500, "InternalError": 500, "InvalidBlobOrBlock": 400, "InvalidBlockList": 400,
	"InvalidHeaderValue": 400, "InvalidRange": 416, "InvalidXmlDocument": 400, "LeaseIdMissing": 412, "MissingContentLengthHeader": 411,
	"NoAuthenticationInformation": 401, "OperationTimedOut": 500, "ServerBusy": 503, "TooManyRequests": 429, "UnsupportedHttpVerb": 405,
}

func (f *fake) fail(w http.ResponseWriter, r *http.Request, code string) {
	w.Header().Set("x-ms-error-code", code)
	w.Header().Set("x-ms-request-id", "01234567-89ab-cdef-0123-456789abcdef")
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(answers[code])
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code><Message>from a fake\nTime:2026-11-22T00:00:00Z</Message></Error>", code)
	}
}

// refuse is storetest's: the answer of Azure for a fault.
func (f *fake) refuse(w http.ResponseWriter, r *http.Request, fault storetest.Fault) {
	f.fail(w, r, map[storetest.Fault]string{
		storetest.Unavailable: "ServerBusy", storetest.Internal: "OperationTimedOut", storetest.Throttled: "TooManyRequests",
		storetest.Denied: "AuthorizationPermissionMismatch", storetest.NoPlace: "ContainerNotFound", storetest.Conflict: "ContainerBeingDeleted",
	}[fault])
}

var sharedKey = regexp.MustCompile(`^SharedKey ` + fakeAccount + `:[A-Za-z0-9+/]{43}=$`)

// check does what the service does before it looks at the operation.
func (f *fake) check(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	signed := sharedKey.MatchString(r.Header.Get("Authorization")) && r.Header.Get("x-ms-date") != ""
	switch {
	case r.Header.Get("Authorization") == "" && r.URL.Query().Get("sig") == "":
		f.fail(w, r, "NoAuthenticationInformation")
		return nil, false
	case !signed && r.URL.Query().Get("sig") != "c2VjcmV0LXNpZ25hdHVyZQ==":
		f.fail(w, r, "AuthenticationFailed")
		return nil, false
	case r.Header.Get("x-ms-version") == "":
		f.fail(w, r, "InvalidHeaderValue")
		return nil, false
	case r.Method == http.MethodPut && r.ContentLength < 0:
		f.fail(w, r, "MissingContentLengthHeader")
		return nil, false
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the body broke off: no answer
	}
	if given := r.Header.Get("Content-MD5"); given != "" && given != digest(body) {
		f.fail(w, r, "Md5Mismatch")
		return nil, false
	}
	return body, true
}

func digest(data []byte) string {
	sum := md5.Sum(data)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func etag(data []byte) string {
	return fmt.Sprintf(`"0x%X"`, crc64.Checksum(data, crc64.MakeTable(crc64.ISO)))
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := f.check(w, r)
	if !ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 3)
	if len(parts) < 2 || parts[0] != fakeAccount || parts[1] != f.container {
		f.fail(w, r, "ContainerNotFound")
		return
	}
	name := strings.Join(parts[2:], "")
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodGet && q.Get("comp") == "list" && q.Get("restype") == "container":
		f.list(w, q.Get("prefix"), q.Get("marker"))
	case r.Method == http.MethodPut && q.Get("comp") == "block":
		f.stage(w, r, name, q.Get("blockid"), body)
	case r.Method == http.MethodPut && q.Get("comp") == "blocklist":
		f.commit(w, r, name, body)
	case r.Method == http.MethodPut && q.Get("comp") == "":
		f.put(w, r, name, body)
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && q.Get("comp") == "":
		f.get(w, r, name)
	default:
		f.t.Errorf("weir has no business to send %s %s", r.Method, r.URL)
		f.fail(w, r, "UnsupportedHttpVerb")
	}
}

// free applies the condition of a write.
func (f *fake) free(w http.ResponseWriter, r *http.Request, name string, ignore bool) bool {
	if r.Header.Get("If-None-Match") != "*" {
		f.t.Errorf("%s %s: a write with the condition %q", r.Method, r.URL, r.Header.Get("If-None-Match"))
	}
	if _, there := f.blobs[name]; there && !ignore {
		f.fail(w, r, "BlobAlreadyExists")
		return false
	}
	return true
}

func (f *fake) put(w http.ResponseWriter, r *http.Request, name string, body []byte) {
	if r.Header.Get("x-ms-blob-type") != "BlockBlob" || r.Header.Get("Content-MD5") == "" {
		f.t.Errorf("PUT %s: type %q, checksum %q", name, r.Header.Get("x-ms-blob-type"), r.Header.Get("Content-MD5"))
	}
	if !f.free(w, r, name, f.ignorePut) {
		return
	}
	f.blobs[name] = body
	delete(f.staged, name)
	w.Header().Set("ETag", etag(body))
	w.WriteHeader(http.StatusCreated)
}

func (f *fake) stage(w http.ResponseWriter, r *http.Request, name, id string, body []byte) {
	if r.Header.Get("Content-MD5") == "" {
		f.t.Errorf("Put Block %s: no checksum", name)
	}
	raw, err := base64.StdEncoding.DecodeString(id)
	if err != nil || len(raw) > 64 || len(body) == 0 {
		f.fail(w, r, "InvalidHeaderValue")
		return
	}
	for other := range f.staged[name] {
		if len(other) != len(id) {
			f.fail(w, r, "InvalidBlobOrBlock")
			return
		}
	}
	if f.staged[name] == nil {
		f.staged[name] = map[string][]byte{}
	}
	f.staged[name][id] = body
	w.WriteHeader(http.StatusCreated)
}

func (f *fake) commit(w http.ResponseWriter, r *http.Request, name string, body []byte) {
	var in struct {
		Latest      []string
		Uncommitted []string
	}
	if xml.Unmarshal(body, &in) != nil {
		f.fail(w, r, "InvalidXmlDocument")
		return
	}
	if !f.free(w, r, name, f.ignoreList) {
		return
	}
	var whole []byte
	for _, id := range slices.Concat(in.Latest, in.Uncommitted) {
		block, there := f.staged[name][id]
		if !there {
			f.fail(w, r, "InvalidBlockList")
			return
		}
		whole = append(whole, block...)
	}
	f.blobs[name] = whole
	delete(f.staged, name)
	w.Header().Set("ETag", etag(whole))
	w.WriteHeader(http.StatusCreated)
}

func (f *fake) get(w http.ResponseWriter, r *http.Request, name string) {
	data, there := f.blobs[name]
	if !there {
		f.fail(w, r, "BlobNotFound")
		return
	}
	if match := r.Header.Get("If-Match"); match != "" && match != etag(data) {
		f.fail(w, r, "ConditionNotMet")
		return
	}
	w.Header().Set("ETag", etag(data))
	w.Header().Set("x-ms-blob-type", "BlockBlob")
	status := http.StatusOK
	if ranged := r.Header.Get("x-ms-range"); ranged != "" {
		var from, to int
		if _, err := fmt.Sscanf(ranged, "bytes=%d-%d", &from, &to); err != nil || from >= len(data) || to < from {
			f.fail(w, r, "InvalidRange")
			return
		}
		to = min(to, len(data)-1)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(data)))
		data, status = data[from:to+1], http.StatusPartialContent
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		w.Write(data)
	}
}

func (f *fake) list(w http.ResponseWriter, prefix, marker string) {
	type item struct {
		Name         string
		Length       int    `xml:"Properties>Content-Length"`
		ResourceType string `xml:"Properties>ResourceType,omitempty"`
	}
	var page struct {
		XMLName    xml.Name `xml:"EnumerationResults"`
		Blobs      []item   `xml:"Blobs>Blob"`
		NextMarker string
	}
	for _, name := range slices.Sorted(maps.Keys(f.blobs)) {
		if !strings.HasPrefix(name, prefix) || name < marker {
			continue
		}
		if len(page.Blobs) == f.pageSize {
			page.NextMarker = name
			break
		}
		i := item{Name: name, Length: len(f.blobs[name])}
		if f.blobs[name] == nil { // as an account with a hierarchical namespace lists them
			i.ResourceType = "directory"
		}
		page.Blobs = append(page.Blobs, i)
	}
	w.Header().Set("Content-Type", "application/xml")
	xml.NewEncoder(w).Encode(page)
}
