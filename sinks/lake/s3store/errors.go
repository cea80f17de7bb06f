package s3store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/weir-security/weir/sinks/lake"
)

// Codes of S3's errors that are decided on, as its API reference has them.
const (
	preconditionFailed = "PreconditionFailed"         // 412: the object is there
	conditionConflict  = "ConditionalRequestConflict" // 409: another write of it was under way
	operationAborted   = "OperationAborted"           // 409: the same, of a bucket
	noSuchUpload       = "NoSuchUpload"               // 404: completed or aborted
)

// advice is what a person can do about an error that does not pass.
var advice = map[string]string{
	"AccessDenied":                       "allow s3:PutObject, s3:GetObject and s3:AbortMultipartUpload below the prefix (and kms:GenerateDataKey and kms:Decrypt with a KMS key), see docs/lake-s3.md",
	"AllAccessDisabled":                  "the bucket is disabled",
	"AccountProblem":                     "the AWS account has a problem",
	"AuthorizationHeaderMalformed":       "set lake.s3.region to the bucket's region",
	"ExpiredToken":                       "the session credentials have expired: renew them",
	"IllegalLocationConstraintException": "set lake.s3.region to the bucket's region",
	"InvalidAccessKeyId":                 "the access key is unknown: check the credentials",
	"InvalidBucketName":                  "lake.url has no valid bucket",
	"InvalidToken":                       "the session token is wrong: check the credentials",
	"KMS.DisabledException":              "enable the KMS key",
	"KMS.NotFoundException":              "lake.s3.kms_key names no key",
	"MethodNotAllowed":                   "the store does not support this: use one that honours conditional writes",
	"NoSuchBucket":                       "create the bucket, or correct lake.url",
	"NotImplemented":                     "the store does not support this: use one that honours conditional writes",
	"PermanentRedirect":                  "set lake.s3.region (or endpoint) to the bucket's",
	"RequestTimeTooSkewed":               "set the clock of this machine",
	"SignatureDoesNotMatch":              "check the secret key, and endpoint and path_style",
}

// passing are the codes of errors that pass although their status is below 500.
var passing = map[string]bool{
	conditionConflict: true, operationAborted: true,
	"RequestTimeout": true, "SlowDown": true, "Throttling": true, "ThrottlingException": true, "RequestLimitExceeded": true,
	"TooManyRequestsException": true, "BadDigest": true, "IncompleteBody": true, "XAmzContentChecksumMismatch": true,
}

// code is the code of an answer of the API, empty for any other error.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// status is that of the HTTP answer, 0 without one.
func status(err error) int {
	var resp *smithyhttp.ResponseError
	if errors.As(err, &resp) {
		return resp.HTTPStatusCode()
	}
	return 0
}

// service is whose answer it is: that of the innermost call, for one to S3 may
// begin with one for credentials.
func service(err error) (id string) {
	var op *smithy.OperationError
	for errors.As(err, &op) {
		id, err = op.ServiceID, op.Err
	}
	return id
}

// taken reports that the object is there. An upload that is no more may have been
// completed by a request whose answer got lost.
func taken(err error) bool {
	return status(err) == http.StatusPreconditionFailed || code(err) == preconditionFailed || code(err) == noSuchUpload
}

func conflicts(err error) bool {
	return code(err) == conditionConflict || code(err) == operationAborted || status(err) == http.StatusConflict
}

// explain adds the place, what to do, and whether it passes.
func (s *Store) explain(op, path string, err error) error {
	switch {
	case errors.Is(err, lake.ErrForeign):
		return err
	case status(err) == http.StatusNotFound && code(err) != "NoSuchBucket":
		return fmt.Errorf("%s %s/%s: %w: %w", op, s, path, fs.ErrNotExist, err)
	case passes(err):
		return lake.Transient(fmt.Errorf("%s %s/%s: %w", op, s, path, err))
	}
	hint, known := advice[code(err)]
	if service(err) == "STS" {
		hint, known = "let the credentials assume the role of lake.s3.role_arn: the trust policy of the role and sts:AssumeRole decide", true
	}
	if !known && status(err) == http.StatusForbidden {
		hint, known = advice["AccessDenied"], true
	}
	if known {
		return fmt.Errorf("%s %s/%s: %w: %s", op, s, path, err, hint)
	}
	return fmt.Errorf("%s %s/%s: %w", op, s, path, err)
}

// passes sorts errors: an answer by its status and code, and without an answer the
// network is at fault, unless it is the certificate or the address.
func passes(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	if n := status(err); n != 0 {
		if n < 300 {
			return true // the answer broke off
		}
		return n >= 500 && n != http.StatusNotImplemented || n == http.StatusTooManyRequests || n == http.StatusRequestTimeout || passing[code(err)]
	}
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		record       tls.RecordHeaderError
		urlError     *url.Error
		netError     net.Error
	)
	if errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &hostname) || errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch) {
		return false
	}
	return errors.As(err, &urlError) || errors.As(err, &netError) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
