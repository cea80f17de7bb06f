package s3store

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"hash/crc32"
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

// fake is a strict fake of S3 with one bucket, in path style: it answers what the
// API reference documents, and fails the test for what AWS would accept but weir
// must never send, such as a write without a condition.
type fake struct {
	t        *testing.T
	bucket   string
	pageSize int
	minPart  int // least size of a part that is not the last

	ignorePut, ignoreComplete bool // like stores that know no conditional writes

	mu      sync.Mutex
	objects map[string][]byte
	uploads map[string]*fakeUpload
	next    int
}

type fakeUpload struct {
	key   string
	parts map[int]fakePart
}

type fakePart struct {
	data     []byte
	checksum string
}

const (
	fakeKey   = "AKIAEXAMPLE0000LAKE0"
	s3MinPart = 5 << 20
)

func newFake(t *testing.T) *fake {
	return &fake{t: t, bucket: "logs-lake", pageSize: 2, minPart: s3MinPart, objects: map[string][]byte{}, uploads: map[string]*fakeUpload{}}
}

// answers are the errors by code: status and message.
var answers = map[string]int{
	"AccessDenied": 403, "BadDigest": 400, "ConditionalRequestConflict": 409, "EntityTooSmall": 400, "InternalError": 500,
	"InvalidAccessKeyId": 403, "InvalidPart": 400, "InvalidPartOrder": 400, "InvalidRange": 416, "InvalidRequest": 400, "MalformedXML": 400,
	"MissingContentLength": 411, "NoSuchBucket": 404, "NoSuchKey": 404, "NoSuchUpload": 404, "NotImplemented": 501,
	"PreconditionFailed": 412, "SlowDown": 503, "TooManyRequests": 429, "XAmzContentSHA256Mismatch": 400,
}

func (f *fake) fail(w http.ResponseWriter, r *http.Request, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-Amz-Request-Id", "0123456789ABCDEF")
	w.WriteHeader(answers[code])
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>from a fake</Message><RequestId>0123456789ABCDEF</RequestId></Error>`, code)
	}
}

// refuse is storetest's: the answer of S3 for a fault.
func (f *fake) refuse(w http.ResponseWriter, r *http.Request, fault storetest.Fault) {
	f.fail(w, r, map[storetest.Fault]string{
		storetest.Unavailable: "SlowDown", storetest.Internal: "InternalError", storetest.Throttled: "TooManyRequests",
		storetest.Denied: "AccessDenied", storetest.NoPlace: "NoSuchBucket", storetest.Conflict: "ConditionalRequestConflict",
	}[fault])
}

var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/[a-z0-9-]+/s3/aws4_request, ?SignedHeaders=([^,]+), ?Signature=[0-9a-f]{64}$`)

// check does what S3 does before it looks at the operation: signature, digests.
func (f *fake) check(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	m := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		f.fail(w, r, "AccessDenied")
		return nil, false
	}
	if m[1] != fakeKey {
		f.fail(w, r, "InvalidAccessKeyId")
		return nil, false
	}
	signed := strings.Split(m[2], ";")
	for name := range r.Header { // S3 wants host and every x-amz header signed
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") && !slices.Contains(signed, lower) {
			f.t.Errorf("%s %s: header %s is not signed", r.Method, r.URL, name)
		}
	}
	if !slices.Contains(signed, "host") {
		f.t.Errorf("%s %s: the host is not signed", r.Method, r.URL)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the body broke off: no answer
	}
	if r.Method == http.MethodPut && r.ContentLength < 0 {
		f.fail(w, r, "MissingContentLength")
		return nil, false
	}
	if sum := sha256.Sum256(body); r.Header.Get("X-Amz-Content-Sha256") != hex.EncodeToString(sum[:]) {
		f.fail(w, r, "XAmzContentSHA256Mismatch") // unsigned payloads are for TLS
		return nil, false
	}
	if given := r.Header.Get("X-Amz-Checksum-Crc32c"); given != "" && given != crc32c(body) {
		f.fail(w, r, "BadDigest")
		return nil, false
	}
	return body, true
}

func crc32c(data []byte) string {
	sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

func etag(data []byte) string { return fmt.Sprintf(`"%x"`, md5.Sum(data)) }

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := f.check(w, r)
	if !ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if bucket != f.bucket {
		f.fail(w, r, "NoSuchBucket")
		return
	}
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodGet && q.Get("list-type") == "2" && key == "":
		f.list(w, q.Get("prefix"), q.Get("continuation-token"))
	case r.Method == http.MethodPost && q.Has("uploads"):
		f.begin(w, r, key)
	case r.Method == http.MethodPut && q.Has("uploadId"):
		f.part(w, r, key, body)
	case r.Method == http.MethodPost && q.Has("uploadId"):
		f.complete(w, r, key, body)
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		if u := f.uploads[q.Get("uploadId")]; u == nil || u.key != key {
			f.fail(w, r, "NoSuchUpload")
			return
		}
		delete(f.uploads, q.Get("uploadId"))
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut:
		f.put(w, r, key, body)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		f.get(w, r, key)
	default:
		f.t.Errorf("weir has no business to send %s %s", r.Method, r.URL)
		f.fail(w, r, "NotImplemented")
	}
}

// free applies the condition of a write, as S3 has it since 2024.
func (f *fake) free(w http.ResponseWriter, r *http.Request, key string, ignore bool) bool {
	switch condition := r.Header.Get("If-None-Match"); {
	case condition == "":
		f.t.Errorf("%s %s: a write without a condition", r.Method, r.URL)
	case condition != "*":
		f.fail(w, r, "NotImplemented")
		return false
	}
	if _, there := f.objects[key]; there && !ignore {
		f.fail(w, r, "PreconditionFailed")
		return false
	}
	return true
}

func (f *fake) put(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	if r.Header.Get("X-Amz-Checksum-Crc32c") == "" {
		f.t.Errorf("PUT %s: no checksum", key)
	}
	if !f.free(w, r, key, f.ignorePut) {
		return
	}
	f.objects[key] = body
	w.Header().Set("ETag", etag(body))
	w.Header().Set("X-Amz-Checksum-Crc32c", crc32c(body))
}

func (f *fake) begin(w http.ResponseWriter, r *http.Request, key string) {
	if got := r.Header.Get("X-Amz-Checksum-Algorithm"); got != "CRC32C" {
		f.t.Errorf("CreateMultipartUpload %s: checksum algorithm %q", key, got)
	}
	f.next++
	id := fmt.Sprintf("upload-%d", f.next)
	f.uploads[id] = &fakeUpload{key: key, parts: map[int]fakePart{}}
	fmt.Fprintf(w, `<InitiateMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><UploadId>%s</UploadId></InitiateMultipartUploadResult>`, f.bucket, key, id)
}

func (f *fake) part(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	u := f.uploads[r.URL.Query().Get("uploadId")]
	n, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
	switch {
	case u == nil || u.key != key:
		f.fail(w, r, "NoSuchUpload")
		return
	case err != nil || n < 1 || n > 10_000 || r.Header.Get("X-Amz-Checksum-Crc32c") == "":
		f.fail(w, r, "InvalidRequest")
		return
	}
	u.parts[n] = fakePart{body, crc32c(body)}
	w.Header().Set("ETag", etag(body))
	w.Header().Set("X-Amz-Checksum-Crc32c", crc32c(body))
}

func (f *fake) complete(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	id := r.URL.Query().Get("uploadId")
	u := f.uploads[id]
	if u == nil || u.key != key {
		f.fail(w, r, "NoSuchUpload")
		return
	}
	var in struct {
		Part []struct {
			PartNumber           int
			ETag, ChecksumCRC32C string
		}
	}
	if xml.Unmarshal(body, &in) != nil || len(in.Part) == 0 {
		f.fail(w, r, "MalformedXML")
		return
	}
	var whole []byte
	for i, p := range in.Part {
		part, there := u.parts[p.PartNumber]
		switch {
		case i > 0 && p.PartNumber <= in.Part[i-1].PartNumber:
			f.fail(w, r, "InvalidPartOrder")
			return
		case !there || p.ETag != etag(part.data) || p.ChecksumCRC32C != part.checksum:
			f.fail(w, r, "InvalidPart")
			return
		case i < len(in.Part)-1 && len(part.data) < f.minPart:
			f.fail(w, r, "EntityTooSmall")
			return
		}
		whole = append(whole, part.data...)
	}
	if !f.free(w, r, key, f.ignoreComplete) {
		return // the upload stays: it has to be aborted
	}
	delete(f.uploads, id)
	f.objects[key] = whole
	fmt.Fprintf(w, `<CompleteMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><ETag>%s</ETag></CompleteMultipartUploadResult>`, f.bucket, key, etag(whole))
}

func (f *fake) get(w http.ResponseWriter, r *http.Request, key string) {
	data, there := f.objects[key]
	if !there {
		f.fail(w, r, "NoSuchKey")
		return
	}
	if match := r.Header.Get("If-Match"); match != "" && match != etag(data) {
		f.fail(w, r, "PreconditionFailed")
		return
	}
	w.Header().Set("ETag", etag(data))
	status := http.StatusOK
	if ranged := r.Header.Get("Range"); ranged != "" {
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

func (f *fake) list(w http.ResponseWriter, prefix, token string) {
	type content struct {
		Key  string
		Size int
	}
	var page struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []content
	}
	for _, key := range slices.Sorted(maps.Keys(f.objects)) {
		if !strings.HasPrefix(key, prefix) || token != "" && key <= strings.TrimPrefix(token, "after ") {
			continue
		}
		if len(page.Contents) == f.pageSize {
			page.IsTruncated, page.NextContinuationToken = true, "after "+page.Contents[f.pageSize-1].Key
			break
		}
		page.Contents = append(page.Contents, content{key, len(f.objects[key])})
	}
	w.Header().Set("Content-Type", "application/xml")
	xml.NewEncoder(w).Encode(page)
}
