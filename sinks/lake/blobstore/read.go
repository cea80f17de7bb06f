package blobstore

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/weir-security/weir/sinks/lake"
)

// reads is how often the content of a blob is asked for when the connection breaks
// within it. What fails before that, the SDK repeats.
const reads = 3

// List lists blobs in pages of five thousand.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[lake.Info, error] {
	return func(yield func(lake.Info, error) bool) {
		all := s.prefix + prefix
		pages := s.container.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: &all})
		for pages.More() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(lake.Info{}, s.explain("list", prefix, err))
				return
			}
			for _, b := range page.Segment.BlobItems {
				if b.Name == nil || b.Properties == nil {
					continue
				}
				path := strings.TrimPrefix(*b.Name, s.prefix)
				if kind := b.Properties.ResourceType; !lake.Visible(path) || kind != nil && *kind == "directory" {
					continue // a hierarchical namespace lists directories, too
				}
				if !yield(lake.Info{Path: path, Size: length(b.Properties.ContentLength)}, nil) {
					return
				}
			}
		}
	}
}

// Open looks a blob up. What is read later is of this very version.
func (s *Store) Open(ctx context.Context, path string) (lake.Object, error) {
	if !fs.ValidPath(path) {
		return nil, fmt.Errorf("open %q in %s: not a path below the lake", path, s)
	}
	out, err := s.blob(path).GetProperties(ctx, nil)
	if err != nil {
		return nil, s.explain("open", path, err)
	}
	return &object{ctx: ctx, store: s, path: path, size: length(out.ContentLength), etag: out.ETag}, nil
}

// object is an open blob. It keeps the context, for io.ReaderAt takes none.
type object struct {
	ctx   context.Context
	store *Store
	path  string
	size  int64
	etag  *azcore.ETag
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
	out, err := o.store.blob(o.path).DownloadStream(o.ctx, &blob.DownloadStreamOptions{
		Range:            blob.HTTPRange{Offset: off, Count: int64(len(p))},
		AccessConditions: &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: o.etag}},
	})
	if err != nil {
		return 0, o.store.explain("read", o.path, err)
	}
	defer out.Body.Close()
	if got := length(out.ContentLength); got != int64(len(p)) {
		return 0, fmt.Errorf("read %s/%s: asked for %d bytes, the service offers %d", o.store, o.path, len(p), got)
	}
	n, err := io.ReadFull(out.Body, p)
	if err != nil {
		return n, o.store.interrupted(o.ctx, "read", o.path, err)
	}
	return n, nil
}
