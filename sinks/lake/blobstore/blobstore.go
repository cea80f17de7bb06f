// Package blobstore keeps a lake in a container of Azure Blob Storage.
//
// A file is one Put Blob, or staged blocks and a block list if it is large;
// either way with If-None-Match: *, so that of two writers one creates it and the
// other learns so, and with an MD5 that the service checks. Blocks that a killed
// process leaves are not part of any blob: Azure drops them after a week.
package blobstore

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"golang.org/x/sync/errgroup"

	"github.com/weir-security/weir/sinks/lake"
)

// blockSize is how large a file is put in one request, and how large the blocks of
// a larger one are. Azure takes 50,000 blocks.
const blockSize = 16 << 20

// blocksAtATime are the blocks of one file on their way.
const blocksAtATime = 4

// Store is a lake in a container.
type Store struct {
	container *container.Client
	url       string // azblob://account/container/prefix
	prefix    string // of all names: empty or with a slash at its end
	block     int
	pause     time.Duration // between two tries of a creation, twice as long each time
}

var _ lake.Store = (*Store)(nil)

// String is the lake's URL.
func (s *Store) String() string { return s.url }

// Close has nothing to do.
func (s *Store) Close() error { return nil }

func (s *Store) blob(path string) *blockblob.Client {
	return s.container.NewBlockBlobClient(s.prefix + path)
}

// tries is how often a creation begins anew when another writer was in the way.
const tries = 4

// Create makes a blob, see lake.Store.
func (s *Store) Create(ctx context.Context, path string, data []byte) (created bool, err error) {
	if !fs.ValidPath(path) {
		return false, fmt.Errorf("create %q in %s: not a path below the lake", path, s)
	}
	for try := range tries {
		if try > 0 {
			if err := sleep(ctx, s.pause<<try); err != nil {
				return false, fmt.Errorf("create %s/%s: %w", s, path, err)
			}
		}
		if err = s.put(ctx, path, data); err == nil {
			return true, nil
		}
		if !taken(err) {
			return false, s.explain("create", path, err)
		}
		// Perhaps by this call: an answer may get lost, and the SDK tries again.
		if err = s.same(ctx, path, data); !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return false, lake.Transient(fmt.Errorf("create %s/%s: others create and delete it: %w", s, path, err))
}

// absent is the condition of each creation.
func absent() *blob.AccessConditions {
	any := azcore.ETagAny
	return &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: &any}}
}

// contentType is Parquet's, registered with IANA.
const contentType = "application/vnd.apache.parquet"

func headers() *blob.HTTPHeaders {
	t := contentType
	return &blob.HTTPHeaders{BlobContentType: &t}
}

// checksum is one that the service checks. CRC-64 would do in Azure, but Azurite
// has only MD5.
func checksum(data []byte) blob.TransferValidationType {
	sum := md5.Sum(data)
	return blob.TransferValidationTypeMD5(sum[:])
}

// put creates a blob unless there is one.
func (s *Store) put(ctx context.Context, path string, data []byte) error {
	if len(data) > s.block {
		return s.putBlocks(ctx, path, data)
	}
	_, err := s.blob(path).Upload(ctx, streaming.NopCloser(bytes.NewReader(data)), &blockblob.UploadOptions{
		AccessConditions: absent(), HTTPHeaders: headers(), TransactionalValidation: checksum(data),
	})
	return err
}

// putBlocks creates a large blob unless there is one. Nothing of it is visible
// before its last request, which carries the condition. Its goroutines end before
// it returns.
//
// Two writers of one file stage the same blocks under the same names, so neither
// can spoil the other's.
func (s *Store) putBlocks(ctx context.Context, path string, data []byte) error {
	to := s.blob(path)
	ids := make([]string, (len(data)+s.block-1)/s.block)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(blocksAtATime)
	for i := range ids {
		ids[i] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "weir-%010d", i)) // all of one length, as Azure wants
		piece := data[i*s.block : min((i+1)*s.block, len(data))]
		group.Go(func() error {
			_, err := to.StageBlock(groupCtx, ids[i], streaming.NopCloser(bytes.NewReader(piece)), &blockblob.StageBlockOptions{
				TransactionalValidation: checksum(piece),
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	_, err := to.CommitBlockList(ctx, ids, &blockblob.CommitBlockListOptions{AccessConditions: absent(), HTTPHeaders: headers()})
	return err
}

// same compares a blob that is there with what it should hold. The error is
// fs.ErrNotExist if it is not there after all.
func (s *Store) same(ctx context.Context, path string, data []byte) error {
	var err error
	for range reads {
		if err = s.compare(ctx, path, data); !lake.IsTransient(err) {
			return err
		}
	}
	return err
}

func (s *Store) compare(ctx context.Context, path string, data []byte) error {
	out, err := s.blob(path).DownloadStream(ctx, nil)
	if err != nil {
		return s.explain("compare", path, err)
	}
	defer out.Body.Close()
	err = lake.SameContent(out.Body, length(out.ContentLength), data)
	switch {
	case errors.Is(err, lake.ErrForeign):
		return fmt.Errorf("%s/%s: %w", s, path, err)
	case err != nil:
		return s.interrupted(ctx, "compare", path, err)
	}
	return nil
}

func length(n *int64) int64 {
	if n == nil {
		return -1
	}
	return *n
}

// probePath is the blob that shows at the start that the service does what weir
// relies on. It stays: so weir needs no right to delete.
const probePath = ".weir/probe"

// probeContent is the same for every weir.
var probeContent = []byte("weir\n")

// probe creates a blob twice, by each of the two ways to create one. A service
// that lets the second creation pass would overwrite files in silence.
func (s *Store) probe(ctx context.Context) error {
	if _, err := s.Create(ctx, probePath, probeContent); err != nil {
		return err
	}
	if err := s.same(ctx, probePath, probeContent); err != nil { // so that a missing right is noticed now
		return err
	}
	for name, put := range map[string]func(context.Context, string, []byte) error{"Put Blob": s.put, "Put Block List": s.putBlocks} {
		switch err := put(ctx, probePath, probeContent); {
		case err == nil:
			return fmt.Errorf("%s: the service ignores If-None-Match on %s and would overwrite files: use one that honours conditional writes, or a directory", s, name)
		case !taken(err):
			return s.explain("probe", probePath, err)
		}
	}
	return nil
}

// sleep waits about d.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d/2 + rand.N(d/2+1))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// interrupted is the error of a body that broke off.
func (s *Store) interrupted(ctx context.Context, op, path string, err error) error {
	err = brief(err)
	if ctx.Err() == nil {
		err = lake.Transient(err)
	}
	return fmt.Errorf("%s %s/%s: %w", op, s, path, err)
}

func newStore(c *container.Client, cfg Config) *Store {
	s := &Store{container: c, url: "azblob://" + cfg.Account + "/" + cfg.Container, block: blockSize, pause: 250 * time.Millisecond}
	if p := strings.Trim(cfg.Prefix, "/"); p != "" {
		s.prefix = p + "/"
		s.url += "/" + p
	}
	return s
}
