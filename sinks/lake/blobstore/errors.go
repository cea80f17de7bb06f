package blobstore

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
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"

	"github.com/weir-security/weir/sinks/lake"
)

const allowBlobs = "give the identity blobs/read and blobs/write on the container (Storage Blob Data Contributor has them), see docs/lake-azblob.md"

// advice is what a person can do about an error that does not pass.
var advice = map[bloberror.Code]string{
	bloberror.AccountIsDisabled:               "the storage account is disabled",
	bloberror.AuthenticationFailed:            "check the credentials, the expiry of a SAS and the clock of this machine",
	bloberror.AuthorizationFailure:            "the account's firewall or the SAS does not allow this: " + allowBlobs,
	bloberror.AuthorizationPermissionMismatch: allowBlobs,
	bloberror.ContainerNotFound:               "create the container, or correct lake.url",
	bloberror.InsufficientAccountPermissions:  allowBlobs,
	bloberror.InvalidAuthenticationInfo:       "check the credentials",
	"NoAuthenticationInformation":             "the container asks for credentials",
	"KeyBasedAuthenticationNotPermitted":      "the account does not take keys: use Entra ID (leave the keys and the connection string out)",
	"PublicAccessNotPermitted":                "the container asks for credentials",
}

// passing are the codes of errors that pass although their status is below 500.
var passing = []bloberror.Code{bloberror.ContainerBeingDeleted, bloberror.AccountBeingCreated, bloberror.MD5Mismatch, bloberror.InvalidBlobOrBlock}

// answer is what the service said, nil if it did not say anything.
func answer(err error) *azcore.ResponseError {
	var resp *azcore.ResponseError
	errors.As(err, &resp)
	return resp
}

// taken reports that the blob is there. A block list that is invalid suddenly was
// committed by another, or by a request whose answer got lost: committing drops
// what is staged.
func taken(err error) bool {
	resp := answer(err)
	return resp != nil && (resp.StatusCode == http.StatusPreconditionFailed || bloberror.HasCode(err, bloberror.BlobAlreadyExists, bloberror.InvalidBlockList))
}

// explain adds the place, what to do, and whether it passes.
func (s *Store) explain(op, path string, err error) error {
	resp := answer(err)
	short := brief(err)
	switch {
	case resp != nil && resp.StatusCode == http.StatusNotFound && !bloberror.HasCode(err, bloberror.ContainerNotFound):
		return fmt.Errorf("%s %s/%s: %w: %w", op, s, path, fs.ErrNotExist, short)
	case passes(err):
		return lake.Transient(fmt.Errorf("%s %s/%s: %w", op, s, path, short))
	}
	if resp != nil {
		if hint, known := advice[bloberror.Code(resp.ErrorCode)]; known {
			return fmt.Errorf("%s %s/%s: %w: %s", op, s, path, short, hint)
		}
		if resp.StatusCode == http.StatusForbidden {
			return fmt.Errorf("%s %s/%s: %w: %s", op, s, path, short, allowBlobs)
		}
	}
	return fmt.Errorf("%s %s/%s: %w", op, s, path, short)
}

// passes sorts errors: an answer by its status and code, and without an answer the
// network is at fault, unless it is the certificate or the credentials.
func passes(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var refused *azidentity.AuthenticationFailedError
	if errors.As(err, &refused) {
		return refused.RawResponse != nil && passingStatus(refused.RawResponse.StatusCode)
	}
	if bloberror.HasCode(err, "FeatureNotSupported") { // Azurite's word for 501
		return false
	}
	if resp := answer(err); resp != nil {
		return passingStatus(resp.StatusCode) || bloberror.HasCode(err, passing...)
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

func passingStatus(n int) bool {
	return n >= 500 && n != http.StatusNotImplemented || n == http.StatusTooManyRequests || n == http.StatusRequestTimeout
}

// brief is an error with a text of one line, and without the query of a URL: that
// of a SAS is a secret, and net/http quotes it.
func brief(err error) error {
	var text string
	var request *url.Error
	switch resp := answer(err); {
	case resp != nil:
		text = strings.TrimSpace(fmt.Sprintf("HTTP %d %s", resp.StatusCode, resp.ErrorCode))
	case errors.As(err, &request):
		text = fmt.Sprintf("%s: %v", request.Op, request.Err)
	default:
		text = strings.Join(strings.Fields(err.Error()), " ")
	}
	return &briefError{text, err}
}

type briefError struct {
	text string
	err  error
}

func (e *briefError) Error() string { return e.text }
func (e *briefError) Unwrap() error { return e.err }
