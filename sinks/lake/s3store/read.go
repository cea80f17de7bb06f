package s3store

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/weir-security/weir/sinks/lake"
)

// reads is how often the content of an object is asked for when the connection
// breaks within it. What fails before that, the SDK repeats.
const reads = 3

// List lists objects in pages of a thousand.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[lake.Info, error] {
	return func(yield func(lake.Info, error) bool) {
		pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: s.key(prefix)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(lake.Info{}, s.explain("list", prefix, err))
				return
			}
			for _, o := range page.Contents {
				path := strings.TrimPrefix(aws.ToString(o.Key), s.prefix)
				if !lake.Visible(path) || strings.HasSuffix(path, "/") {
					continue
				}
				if !yield(lake.Info{Path: path, Size: aws.ToInt64(o.Size)}, nil) {
					return
				}
			}
		}
	}
}

// Open looks an object up. What is read later is of this very version.
func (s *Store) Open(ctx context.Context, path string) (lake.Object, error) {
	if !fs.ValidPath(path) {
		return nil, fmt.Errorf("open %q in %s: not a path below the lake", path, s)
	}
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: s.key(path)})
	if err != nil {
		return nil, s.explain("open", path, err)
	}
	return &object{ctx: ctx, store: s, path: path, size: aws.ToInt64(out.ContentLength), etag: out.ETag}, nil
}

// object is an open object. It keeps the context, for io.ReaderAt takes none.
type object struct {
	ctx   context.Context
	store *Store
	path  string
	size  int64
	etag  *string
}

func (o *object) Size() int64  { return o.size }
func (o *object) Close() error { return nil }

// ReadAt reads a range in one request.
func (o *object) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read %s/%s: negative offset %d", o.store, o.path, off)
	}
	if off >= o.size {
		return 0, io.EOF
	}
	wanted := p[:min(int64(len(p)), o.size-off)]
	if len(wanted) > 0 {
		for range reads {
			if n, err = o.read(wanted, off); !lake.IsTransient(err) {
				break
			}
		}
	}
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (o *object) read(p []byte, off int64) (int, error) {
	out, err := o.store.client.GetObject(o.ctx, &s3.GetObjectInput{
		Bucket: &o.store.bucket, Key: o.store.key(o.path), IfMatch: o.etag,
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", off, off+int64(len(p))-1)),
	})
	if err != nil {
		return 0, o.store.explain("read", o.path, err)
	}
	defer out.Body.Close()
	if got := aws.ToInt64(out.ContentLength); got != int64(len(p)) {
		return 0, fmt.Errorf("read %s/%s: asked for %d bytes, the store offers %d", o.store, o.path, len(p), got)
	}
	n, err := io.ReadFull(out.Body, p)
	if err != nil {
		return n, o.store.interrupted(o.ctx, "read", o.path, err)
	}
	return n, nil
}
