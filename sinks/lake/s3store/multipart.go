package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// partsAtATime are the parts of one file on their way.
const partsAtATime = 4

// abortTimeout is for the abort of an upload, which comes after the caller may
// have given up.
const abortTimeout = 30 * time.Second

// putParts creates a large object unless there is one. Nothing of it is visible
// before its last request, which carries the condition. After a failure the parts
// are taken back.
func (s *Store) putParts(ctx context.Context, path string, data []byte) (err error) {
	in := &s3.CreateMultipartUploadInput{
		Bucket: &s.bucket, Key: s.key(path), ContentType: aws.String(contentType),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c,
	}
	if s.kms != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = types.ServerSideEncryptionAwsKms, &s.kms, aws.Bool(true)
	}
	begun, err := s.client.CreateMultipartUpload(ctx, in)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = s.abort(ctx, path, begun.UploadId, err)
		}
	}()
	parts, err := s.putEach(ctx, path, begun.UploadId, data)
	if err != nil {
		return err
	}
	_, err = s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &s.bucket, Key: s.key(path), UploadId: begun.UploadId, IfNoneMatch: aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}

// putEach uploads the parts, some at a time. Its goroutines end before it returns.
func (s *Store) putEach(ctx context.Context, path string, id *string, data []byte) ([]types.CompletedPart, error) {
	parts := make([]types.CompletedPart, (len(data)+s.part-1)/s.part)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(partsAtATime)
	for i := range parts {
		piece := data[i*s.part : min((i+1)*s.part, len(data))]
		group.Go(func() error {
			number := aws.Int32(int32(i + 1))
			out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
				Bucket: &s.bucket, Key: s.key(path), UploadId: id, PartNumber: number,
				Body: bytes.NewReader(piece), ContentLength: aws.Int64(int64(len(piece))), ChecksumCRC32C: checksum(piece),
			})
			if err != nil {
				return err
			}
			parts[i] = types.CompletedPart{PartNumber: number, ETag: out.ETag, ChecksumCRC32C: checksum(piece)}
			return nil
		})
	}
	return parts, group.Wait()
}

// abort takes the parts of a failed upload back, and returns why it failed.
func (s *Store) abort(ctx context.Context, path string, id *string, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: s.key(path), UploadId: id})
	var gone *types.NoSuchUpload
	if err != nil && !errors.As(err, &gone) && code(err) != noSuchUpload {
		return fmt.Errorf("%w (its parts stay until a lifecycle rule removes them: %v)", why, err)
	}
	return why
}
