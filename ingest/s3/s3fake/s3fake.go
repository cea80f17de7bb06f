// Package s3fake is a strict fake of the parts of S3 and SQS that weir's collector uses,
// for tests. It answers wrong requests as AWS documents, but checks no signatures.
package s3fake

import (
	"crypto/md5" //nolint:gosec // as S3 makes ETags
	"encoding/hex"
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

// Server is one S3 and one SQS. Both answer at URL, S3 in path style.
type Server struct {
	URL string

	http *httptest.Server

	mu      sync.Mutex
	buckets map[string]map[string]*content
	queues  map[string]*queue
	trouble func(Request) Trouble
	// PageSize is how many keys a listing has at most; 0 is 1000.
	PageSize int
}

type content struct {
	body     []byte
	etag     string
	modified time.Time
	version  string
}

// Request is what the server is asked, for Server.Trouble.
type Request struct {
	Op     string // GetObject, HeadObject, ListObjectsV2, ReceiveMessage, DeleteMessage, ChangeMessageVisibility
	Bucket string // or queue
	Key    string
}

// Trouble is what goes wrong with a request. The zero value is nothing.
type Trouble struct {
	// Status and Code are answered instead of the truth.
	Status int
	Code   string
	// Cut breaks the connection after that many bytes of a body.
	Cut int
	// Lost does what is asked and breaks the connection instead of an answer.
	Lost bool
	// Wait is called before the answer.
	Wait func()
}

// New starts a server. Close ends it.
func New() *Server {
	s := &Server{buckets: map[string]map[string]*content{}, queues: map[string]*queue{}}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	s.URL = s.http.URL
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

// Put writes an object and returns its ETag. A zero time is now.
func (s *Server) Put(bucket, key string, body []byte, modified time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[bucket] == nil {
		s.buckets[bucket] = map[string]*content{}
	}
	if modified.IsZero() {
		modified = time.Now()
	}
	sum := md5.Sum(body) //nolint:gosec // no secret
	c := &content{body: body, etag: hex.EncodeToString(sum[:]), modified: modified, version: "v" + hex.EncodeToString(sum[:4])}
	s.buckets[bucket][key] = c
	return c.etag
}

// Delete removes an object.
func (s *Server) Delete(bucket, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.buckets[bucket], key)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("x-amz-request-id", "FAKE0000")
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=") {
		fail(w, r, http.StatusForbidden, "AccessDenied", "no credentials")
		return
	}
	if r.Method == http.MethodPost {
		s.serveSQS(w, r)
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	req := Request{Bucket: bucket, Key: key}
	switch {
	case r.Method == http.MethodHead:
		req.Op = "HeadObject"
	case r.Method == http.MethodGet && key != "":
		req.Op = "GetObject"
	case r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "2":
		req.Op = "ListObjectsV2"
	default:
		fail(w, r, http.StatusMethodNotAllowed, "MethodNotAllowed", r.Method)
		return
	}
	trouble := s.troubleOf(req)
	if trouble.Status != 0 {
		fail(w, r, trouble.Status, trouble.Code, "trouble")
		return
	}
	s.mu.Lock()
	objects, ok := s.buckets[bucket]
	if !ok {
		s.mu.Unlock()
		fail(w, r, http.StatusNotFound, "NoSuchBucket", bucket)
		return
	}
	if req.Op == "ListObjectsV2" {
		defer s.mu.Unlock()
		s.list(w, r, objects)
		return
	}
	c := objects[key]
	s.mu.Unlock()
	if c == nil {
		fail(w, r, http.StatusNotFound, "NoSuchKey", key)
		return
	}
	get(w, r, c, trouble)
}

func (s *Server) troubleOf(r Request) Trouble {
	s.mu.Lock()
	f := s.trouble
	s.mu.Unlock()
	if f == nil {
		return Trouble{}
	}
	t := f(r)
	if t.Wait != nil {
		t.Wait()
	}
	return t
}

func get(w http.ResponseWriter, r *http.Request, c *content, trouble Trouble) {
	if v := r.URL.Query().Get("versionId"); v != "" && v != c.version {
		fail(w, r, http.StatusNotFound, "NoSuchVersion", v)
		return
	}
	if match := r.Header.Get("If-Match"); match != "" && strings.Trim(match, `"`) != c.etag {
		fail(w, r, http.StatusPreconditionFailed, "PreconditionFailed", "If-Match")
		return
	}
	from := 0
	if given := r.Header.Get("Range"); given != "" {
		text, ok := strings.CutPrefix(given, "bytes=")
		text, end, _ := strings.Cut(text, "-")
		n, err := strconv.Atoi(text)
		if !ok || err != nil || end != "" {
			fail(w, r, http.StatusBadRequest, "InvalidArgument", given)
			return
		}
		if from = n; from >= len(c.body) {
			fail(w, r, http.StatusRequestedRangeNotSatisfiable, "InvalidRange", given)
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(c.body)-1, len(c.body)))
	}
	w.Header().Set("ETag", `"`+c.etag+`"`)
	w.Header().Set("Last-Modified", c.modified.UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Length", strconv.Itoa(len(c.body)-from))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	if r.Method == http.MethodHead {
		return
	}
	body := c.body[from:]
	if trouble.Cut > 0 && trouble.Cut < len(body) {
		_, _ = w.Write(body[:trouble.Cut])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body) // a client that goes away is what tests are for
}

type listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	IsTruncated           bool
	KeyCount              int
	NextContinuationToken string `xml:",omitempty"`
	Contents              []listed
}

type listed struct {
	Key, LastModified, ETag string
	Size                    int
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, objects map[string]*content) {
	q := r.URL.Query()
	size := s.PageSize
	if size == 0 {
		size = 1000
	}
	after := q.Get("start-after")
	if token := q.Get("continuation-token"); token != "" {
		plain, err := hex.DecodeString(token)
		if err != nil {
			fail(w, r, http.StatusBadRequest, "InvalidArgument", "the continuation token is incorrect")
			return
		}
		after = string(plain)
	}
	var out listing
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		if !strings.HasPrefix(key, q.Get("prefix")) || key <= after {
			continue
		}
		if len(out.Contents) == size {
			out.IsTruncated = true
			out.NextContinuationToken = hex.EncodeToString([]byte(out.Contents[size-1].Key))
			break
		}
		c := objects[key]
		out.Contents = append(out.Contents, listed{key, c.modified.UTC().Format(time.RFC3339), `"` + c.etag + `"`, len(c.body)})
	}
	out.KeyCount = len(out.Contents)
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(out)
}

func fail(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message><RequestId>FAKE0000</RequestId></Error>", code, message)
	}
}
