// Package blobfake is a strict fake of reading a container of Azure Blob Storage, for
// tests: https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api. It
// checks no signatures.
package blobfake

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Server is one account.
type Server struct {
	// URL is the account's endpoint.
	URL string
	// PageSize is how many names a listing has at most; 0 is 5000.
	PageSize int

	http *httptest.Server

	mu      sync.Mutex
	blobs   map[string]*content // by container/name
	changes int
	listed  []string // prefixes
	trouble func(Request) Trouble
}

type content struct {
	body              []byte
	etag              string
	appended          bool
	created, modified time.Time
}

// Request is what the server is asked, for SetTrouble.
type Request struct {
	Op   string // GetBlob, GetBlobProperties, ListBlobs
	Name string
}

// Trouble is what goes wrong with a request. The zero value is nothing.
type Trouble struct {
	// Status and Code are answered instead of the truth.
	Status int
	Code   string
	// Cut breaks the connection after that many bytes of a body.
	Cut int
	// Before is called before the answer.
	Before func()
	// During is called when the answer's content is settled; its ETag is then the one
	// that the blob has by now. So does Azurite answer when an append comes in between.
	During func()
}

// New starts a server. Close ends it.
func New(account string) *Server {
	s := &Server{blobs: map[string]*content{}}
	s.http = httptest.NewServer(http.StripPrefix("/"+account, http.HandlerFunc(s.serve)))
	s.URL = s.http.URL + "/" + account
	return s
}

// Close ends the server and the connections to it.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// SetTrouble makes things go wrong; nil ends that.
func (s *Server) SetTrouble(f func(Request) Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = f
}

// Put writes a block blob whole.
func (s *Server) Put(container, name, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(container, name, []byte(body), false)
}

// Append appends to an append blob, which is made if it is not there.
func (s *Server) Append(container, name, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var before []byte
	if c := s.blobs[container+"/"+name]; c != nil {
		before = slices.Clip(c.body)
	}
	s.write(container, name, append(before, body...), true)
}

func (s *Server) write(container, name string, body []byte, appended bool) {
	s.changes++
	now := time.Now()
	c := &content{body: body, etag: fmt.Sprintf("0x8DE%012d", s.changes), appended: appended, created: now, modified: now}
	if before := s.blobs[container+"/"+name]; before != nil {
		c.created = before.created
	}
	s.blobs[container+"/"+name] = c
}

// Listed are the prefixes that were asked for since the last call.
func (s *Server) Listed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	listed := s.listed
	s.listed = nil
	return listed
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "SharedKey ") && r.URL.Query().Get("sig") == "" {
		fail(w, r, http.StatusForbidden, "AuthenticationFailed")
		return
	}
	if r.Header.Get("x-ms-version") == "" {
		fail(w, r, http.StatusBadRequest, "MissingRequiredHeader")
		return
	}
	container, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	req := Request{Op: "GetBlob", Name: name}
	switch {
	case name == "" && r.Method == http.MethodGet && q.Get("comp") == "list" && q.Get("restype") == "container":
		req.Op, req.Name = "ListBlobs", q.Get("prefix")
	case name != "" && r.Method == http.MethodHead:
		req.Op = "GetBlobProperties"
	case name == "" || r.Method != http.MethodGet:
		fail(w, r, http.StatusMethodNotAllowed, "UnsupportedHttpVerb")
		return
	}
	s.mu.Lock()
	f := s.trouble
	s.mu.Unlock()
	var trouble Trouble
	if f != nil {
		trouble = f(req)
	}
	if trouble.Before != nil {
		trouble.Before()
	}
	if trouble.Status != 0 {
		fail(w, r, trouble.Status, trouble.Code)
		return
	}
	s.mu.Lock()
	if req.Op == "ListBlobs" {
		defer s.mu.Unlock()
		s.list(w, r, container)
		return
	}
	c := s.blobs[container+"/"+name]
	s.mu.Unlock()
	if c == nil {
		fail(w, r, http.StatusNotFound, "BlobNotFound")
		return
	}
	etag := func() string {
		if trouble.During == nil {
			return c.etag
		}
		trouble.During()
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.blobs[container+"/"+name].etag
	}
	get(w, r, c, trouble, etag)
}

func get(w http.ResponseWriter, r *http.Request, c *content, trouble Trouble, etag func() string) {
	if match := r.Header.Get("If-Match"); match != "" && strings.Trim(match, `"`) != c.etag {
		fail(w, r, http.StatusPreconditionFailed, "ConditionNotMet")
		return
	}
	given := r.Header.Get("x-ms-range")
	from, to := 0, len(c.body)
	if given != "" {
		first, last, _ := strings.Cut(strings.TrimPrefix(given, "bytes="), "-")
		n, err := strconv.Atoi(first)
		if err != nil || !strings.HasPrefix(given, "bytes=") {
			fail(w, r, http.StatusBadRequest, "InvalidHeaderValue")
			return
		}
		if from = n; from >= len(c.body) {
			fail(w, r, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			return
		}
		if n, err := strconv.Atoi(last); err == nil {
			to = min(to, n+1)
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(c.body)))
	}
	h := w.Header()
	h.Set("ETag", `"`+etag()+`"`)
	h.Set("Last-Modified", c.modified.UTC().Format(http.TimeFormat))
	h.Set("x-ms-creation-time", c.created.UTC().Format(http.TimeFormat))
	h.Set("x-ms-blob-type", c.kind())
	h.Set("Content-Length", strconv.Itoa(to-from))
	if given != "" {
		w.WriteHeader(http.StatusPartialContent)
	}
	if r.Method == http.MethodHead {
		return
	}
	body := c.body[from:to]
	if trouble.Cut > 0 && trouble.Cut < len(body) {
		_, _ = w.Write(body[:trouble.Cut])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body) // a client that goes away is what tests are for
}

func (c *content) kind() string {
	if c.appended {
		return "AppendBlob"
	}
	return "BlockBlob"
}

type results struct {
	XMLName    xml.Name `xml:"EnumerationResults"`
	Blobs      listing
	NextMarker string
}

type listing struct {
	Blob       []listed
	BlobPrefix []struct{ Name string }
}

type listed struct {
	Name       string
	Properties struct {
		CreationTime  string `xml:"Creation-Time"`
		LastModified  string `xml:"Last-Modified"`
		Etag          string
		ContentLength int `xml:"Content-Length"`
		BlobType      string
	}
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, container string) {
	q := r.URL.Query()
	prefix, delimiter, marker := q.Get("prefix"), q.Get("delimiter"), q.Get("marker")
	s.listed = append(s.listed, prefix)
	size := s.PageSize
	if size == 0 {
		size = 5000
	}
	var out results
	folders, found := map[string]bool{}, false
	for _, full := range slices.Sorted(maps.Keys(s.blobs)) {
		name, ok := strings.CutPrefix(full, container+"/")
		found = found || ok
		if !ok || !strings.HasPrefix(name, prefix) {
			continue
		}
		item := name
		if i := strings.Index(name[len(prefix):], delimiter); delimiter != "" && i >= 0 {
			item = name[:len(prefix)+i+1]
		}
		if item <= marker && marker != "" || folders[item] {
			continue
		}
		if len(out.Blobs.Blob)+len(out.Blobs.BlobPrefix) == size {
			out.NextMarker = last(out)
			break
		}
		if item != name {
			folders[item] = true
			out.Blobs.BlobPrefix = append(out.Blobs.BlobPrefix, struct{ Name string }{item})
			continue
		}
		c := s.blobs[full]
		b := listed{Name: name}
		b.Properties.CreationTime = c.created.UTC().Format(http.TimeFormat)
		b.Properties.LastModified = c.modified.UTC().Format(http.TimeFormat)
		b.Properties.Etag, b.Properties.ContentLength, b.Properties.BlobType = c.etag, len(c.body), c.kind()
		out.Blobs.Blob = append(out.Blobs.Blob, b)
	}
	if !found {
		fail(w, r, http.StatusNotFound, "ContainerNotFound")
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(out)
}

// last is the greatest name on a page, from where the next goes on.
func last(page results) string {
	name := ""
	for _, b := range page.Blobs.Blob {
		name = max(name, b.Name)
	}
	for _, p := range page.Blobs.BlobPrefix {
		name = max(name, p.Name)
	}
	return name
}

func fail(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("x-ms-error-code", code)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message></Error>", code, code)
	}
}
