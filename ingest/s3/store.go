package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/weir-security/weir/ingest/object"
)

// store reads objects, and lists those of one bucket below a prefix.
type store struct {
	client         *awss3.Client
	bucket, prefix string
}

// Open implements object.Opener.
func (s *store) Open(ctx context.Context, ref object.Ref, offset int64) (object.Body, error) {
	in := &awss3.GetObjectInput{Bucket: &ref.Bucket, Key: &ref.Key}
	if ref.Version != "" {
		in.VersionId = &ref.Version
	}
	if ref.ETag != "" {
		in.IfMatch = aws.String(`"` + ref.ETag + `"`)
	}
	if offset > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", offset))
	}
	out, err := s.client.GetObject(ctx, in, func(o *awss3.Options) {
		if ref.Region != "" && o.BaseEndpoint == nil {
			o.Region = ref.Region
		}
	})
	if err != nil {
		if statusOf(err) == http.StatusRequestedRangeNotSatisfiable { // nothing follows
			return object.Body{ReadCloser: io.NopCloser(strings.NewReader("")), ETag: ref.ETag, Size: offset}, nil
		}
		return object.Body{}, explain("get", err)
	}
	size, err := sizeOf(out, offset)
	if err != nil {
		out.Body.Close()
		return object.Body{}, err
	}
	return object.Body{ReadCloser: out.Body, ETag: tag(out.ETag), Size: size}, nil
}

// sizeOf is the size of the whole object.
func sizeOf(out *awss3.GetObjectOutput, offset int64) (int64, error) {
	if offset == 0 && out.ContentRange == nil {
		if out.ContentLength == nil {
			return 0, errors.New("the store gives no length")
		}
		return *out.ContentLength, nil
	}
	// "bytes 100-199/200"; a store that ignores the range would give all again.
	given := aws.ToString(out.ContentRange)
	rest, ok := strings.CutPrefix(given, fmt.Sprintf("bytes %d-", offset))
	_, total, _ := strings.Cut(rest, "/")
	size, err := strconv.ParseInt(total, 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("asked for bytes from %d on, the store answers with range %q", offset, given)
	}
	return size, nil
}

// Head implements object.Lister.
func (s *store) Head(ctx context.Context, key string) (object.Entry, error) {
	out, err := s.client.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return object.Entry{}, explain("head", err)
	}
	return object.Entry{Key: key, ETag: tag(out.ETag), Size: aws.ToInt64(out.ContentLength), At: aws.ToTime(out.LastModified)}, nil
}

// Walk implements object.Lister. It passes over days before since in one step: folders
// that are named by dates need not be listed for what is in them.
func (s *store) Walk(ctx context.Context, after string, since time.Time, visit func(object.Entry) error) error {
	for {
		jump, err := s.walk(ctx, after, since, visit)
		if err != nil || jump == "" {
			return err
		}
		after = jump
	}
}

// walk lists from a key on to the end, or to where a jump is worth it.
func (s *store) walk(ctx context.Context, after string, since time.Time, visit func(object.Entry) error) (jump string, err error) {
	in := &awss3.ListObjectsV2Input{Bucket: &s.bucket}
	if s.prefix != "" {
		in.Prefix = &s.prefix
	}
	if after != "" {
		in.StartAfter = &after
	}
	for pages := awss3.NewListObjectsV2Paginator(s.client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", explain("list", err)
		}
		for _, o := range page.Contents {
			e := object.Entry{Key: aws.ToString(o.Key), ETag: tag(o.ETag), Size: aws.ToInt64(o.Size), At: aws.ToTime(o.LastModified)}
			if d, ok := object.DateOf(e.Key); ok && !since.IsZero() && !d.End.After(since) {
				if to := d.DayFolder(since); to > e.Key && to > after {
					return to, nil
				}
				continue
			}
			if err := visit(e); err != nil {
				return "", err
			}
		}
	}
	return "", nil
}

func tag(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

func statusOf(err error) int {
	if r, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return r.HTTPStatusCode()
	}
	return 0
}

// explain tells apart what the callers of a store do. The message has the code and text
// of the answer, and the request's id, which AWS asks for.
func explain(what string, err error) error {
	code := ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code = api.ErrorCode()
	}
	kind := error(nil)
	switch status := statusOf(err); {
	case code == "NoSuchBucket":
		kind = object.ErrRefused
	case status == http.StatusNotFound:
		kind = object.ErrGone
	case status == http.StatusPreconditionFailed:
		kind = object.ErrChanged
	case code == "RequestTimeout", code == "RequestTimeTooSkewed", code == "ExpiredToken": // 400 and 403, and they pass
	case status == http.StatusForbidden, status == http.StatusUnauthorized, status == http.StatusBadRequest, status == http.StatusMovedPermanently:
		kind = object.ErrRefused
	}
	if kind != nil {
		return fmt.Errorf("%s: %w: %w", what, kind, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
