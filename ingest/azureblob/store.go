package azureblob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/weir-security/weir/ingest/object"
)

// store reads and lists the blobs of one container below a prefix.
type store struct {
	access            Access
	container, prefix string

	mu      sync.Mutex
	made    *container.Client
	with    Secrets   // that it was made with
	checked time.Time // when they were last looked at
}

// secretsLast is how long secrets are used before they are looked at again.
const secretsLast = time.Minute

// client is made anew when its secrets have changed.
func (s *store) client() (*container.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made != nil && time.Since(s.checked) < secretsLast {
		return s.made, nil
	}
	now, err := s.access.secrets()
	if err != nil {
		return nil, fmt.Errorf("read the credentials: %w", err)
	}
	s.checked = time.Now()
	if s.made != nil && now == s.with {
		return s.made, nil
	}
	made, err := s.access.open(s.container, now)
	if err != nil {
		return nil, err
	}
	s.made, s.with = made, now
	return made, nil
}

// Open implements object.Opener.
func (s *store) Open(ctx context.Context, ref object.Ref, offset int64) (object.Body, error) {
	c, err := s.client()
	if err != nil {
		return object.Body{}, err
	}
	options := &blob.DownloadStreamOptions{Range: blob.HTTPRange{Offset: offset}}
	if ref.ETag != "" {
		etag := azcore.ETag(`"` + ref.ETag + `"`)
		options.AccessConditions = &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: &etag}}
	}
	out, err := c.NewBlobClient(ref.Key).DownloadStream(ctx, options)
	if bloberror.HasCode(err, bloberror.InvalidRange) { // nothing follows
		return object.Body{ReadCloser: io.NopCloser(strings.NewReader("")), ETag: ref.ETag, Size: offset}, nil
	}
	if err != nil {
		return object.Body{}, explain("get", err)
	}
	size := offset
	switch {
	case out.ContentRange != nil: // "bytes 100-199/200"
		given := *out.ContentRange
		rest, ok := strings.CutPrefix(given, fmt.Sprintf("bytes %d-", offset))
		_, total, _ := strings.Cut(rest, "/")
		if size, err = strconv.ParseInt(total, 10, 64); !ok || err != nil {
			out.Body.Close()
			return object.Body{}, fmt.Errorf("asked for bytes from %d on, the store answers with range %q", offset, given)
		}
	case offset > 0 || out.ContentLength == nil:
		out.Body.Close()
		return object.Body{}, fmt.Errorf("asked for bytes from %d on, the store gives no range", offset)
	default:
		size = *out.ContentLength
	}
	return object.Body{ReadCloser: out.Body, ETag: tag(out.ETag), Size: size}, nil
}

// Head implements object.Lister.
func (s *store) Head(ctx context.Context, key string) (object.Entry, error) {
	c, err := s.client()
	if err != nil {
		return object.Entry{}, err
	}
	out, err := c.NewBlobClient(key).GetProperties(ctx, nil)
	if err != nil {
		return object.Entry{}, explain("head", err)
	}
	return entry(key, out.ETag, out.ContentLength, out.LastModified, out.CreationTime, out.BlobType), nil
}

func entry(key string, etag *azcore.ETag, size *int64, modified, created *time.Time, kind *blob.BlobType) object.Entry {
	e := object.Entry{Key: key, ETag: tag(etag)}
	if size != nil {
		e.Size = *size
	}
	if modified != nil {
		e.At = *modified
	}
	if created != nil {
		e.Created = *created
	}
	e.Append = kind != nil && *kind == blob.BlobTypeAppendBlob
	if d, dated := object.DateOf(key); dated {
		e.At = d.End
	}
	return e
}

func tag(etag *azcore.ETag) string {
	if etag == nil {
		return ""
	}
	return strings.Trim(string(*etag), `"`)
}

// explain tells apart what the callers of a store do.
func explain(what string, err error) error {
	answer, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		return fmt.Errorf("%s: %w", what, err)
	}
	kind := error(nil)
	switch {
	case answer.ErrorCode == string(bloberror.ContainerNotFound), answer.ErrorCode == string(bloberror.BlobArchived):
		kind = object.ErrRefused
	case answer.StatusCode == http.StatusNotFound:
		kind = object.ErrGone
	case answer.StatusCode == http.StatusPreconditionFailed:
		kind = object.ErrChanged
	case answer.StatusCode == http.StatusForbidden, answer.StatusCode == http.StatusUnauthorized, answer.StatusCode == http.StatusBadRequest:
		kind = object.ErrRefused
	}
	// The error's own text is the whole answer on many lines.
	short := fmt.Errorf("status %d, %s", answer.StatusCode, answer.ErrorCode)
	if kind != nil {
		return fmt.Errorf("%s: %w: %w", what, kind, short)
	}
	return fmt.Errorf("%s: %w", what, short)
}
