// Package s3store keeps a lake in a bucket of S3, or of a store that speaks its
// protocol and honours conditional writes.
//
// A file is one PutObject, or a multipart upload if it is large; either way with
// If-None-Match: *, so that of two writers one creates it and the other learns
// so, and with a CRC-32C that the store checks. There is nothing to clean but the
// parts of uploads whose process was killed: see docs/lake-s3.md.
package s3store

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/weir-security/weir/sinks/lake"
)

// partSize is how large a file is put in one request, and how large the parts of
// a larger one are. S3 takes 5 MiB to 5 GiB and 10,000 parts.
const partSize = 16 << 20

// Store is a lake in a bucket.
type Store struct {
	client *s3.Client
	bucket string
	prefix string // of all keys: empty or with a slash at its end
	kms    string
	part   int
	pause  time.Duration // between two tries of a conditional write, twice as long each time
}

var _ lake.Store = (*Store)(nil)

// String is the lake's URL.
func (s *Store) String() string { return strings.TrimSuffix("s3://"+s.bucket+"/"+s.prefix, "/") }

// Close has nothing to do.
func (s *Store) Close() error { return nil }

func (s *Store) key(path string) *string { return aws.String(s.prefix + path) }

// tries is how often a conditional write begins anew when S3 says that another was
// under way.
const tries = 4

// Create makes an object, see lake.Store.
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
		if taken(err) {
			// Perhaps by this call: an answer may get lost, and the SDK tries again.
			err = s.same(ctx, path, data)
			if !errors.Is(err, fs.ErrNotExist) {
				return false, err
			}
		}
		if !conflicts(err) && !errors.Is(err, fs.ErrNotExist) {
			return false, s.explain("create", path, err)
		}
	}
	return false, lake.Transient(fmt.Errorf("create %s/%s: others create and delete it: %w", s, path, err))
}

// put creates an object unless there is one.
func (s *Store) put(ctx context.Context, path string, data []byte) error {
	if len(data) > s.part {
		return s.putParts(ctx, path, data)
	}
	in := &s3.PutObjectInput{
		Bucket: &s.bucket, Key: s.key(path),
		Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))), ContentType: aws.String(contentType),
		ChecksumCRC32C: checksum(data), IfNoneMatch: aws.String("*"),
	}
	if s.kms != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = types.ServerSideEncryptionAwsKms, &s.kms, aws.Bool(true)
	}
	_, err := s.client.PutObject(ctx, in)
	return err
}

// contentType is Parquet's, registered with IANA.
const contentType = "application/vnd.apache.parquet"

// checksum is the CRC-32C as S3 wants it.
func checksum(data []byte) *string {
	sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return aws.String(base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum)))
}

// same compares an object that is there with what it should hold. The error is
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
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: s.key(path)})
	if err != nil {
		return s.explain("compare", path, err)
	}
	defer out.Body.Close()
	err = lake.SameContent(out.Body, aws.ToInt64(out.ContentLength), data)
	switch {
	case errors.Is(err, lake.ErrForeign):
		return fmt.Errorf("%s/%s: %w", s, path, err)
	case err != nil:
		return s.interrupted(ctx, "compare", path, err)
	}
	return nil
}

// probePath is the object that shows at the start that the store does what weir
// relies on. It stays: so weir needs no right to delete.
const probePath = ".weir/probe"

// probeContent is the same for every weir.
var probeContent = []byte("weir\n")

// probe creates an object twice, by each of the two ways to create one. A store
// that lets the second creation pass would overwrite files in silence.
func (s *Store) probe(ctx context.Context) error {
	if _, err := s.Create(ctx, probePath, probeContent); err != nil {
		return err
	}
	if err := s.same(ctx, probePath, probeContent); err != nil { // so that a missing right is noticed now
		return err
	}
	for name, put := range map[string]func(context.Context, string, []byte) error{"PutObject": s.put, "CompleteMultipartUpload": s.putParts} {
		err := put(ctx, probePath, probeContent)
		switch {
		case err == nil:
			return fmt.Errorf("%s: the store ignores If-None-Match on %s and would overwrite files: use one that honours conditional writes, or a directory", s, name)
		case conflicts(err):
			return lake.Transient(fmt.Errorf("probe %s: %w", s, err)) // another weir starts, too
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
	if ctx.Err() == nil {
		err = lake.Transient(err)
	}
	return fmt.Errorf("%s %s/%s: %w", op, s, path, err)
}

var _ io.ReaderAt = (*object)(nil)
