package config

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Lake says where the Parquet files go and when a batch is complete. Exactly one
// of Dir and URL is set.
type Lake struct {
	Dir    string
	URL    string // s3://bucket/prefix or azblob://account/container/prefix
	S3     *S3Lake
	AzBlob *AzBlobLake
	Flush  Flush
}

// Flush ends a batch at whichever comes first.
type Flush struct {
	Rows   int
	Bytes  int64         // of the records, before compression
	Age    time.Duration // since the first record of the batch
	Idle   time.Duration // since the last one
	Memory int64         // bytes of the open batches of a process; above it the largest ends
}

// The stores of a lake, by the scheme of its URL.
const (
	LakeS3     = "s3"
	LakeAzBlob = "azblob"
)

// S3Lake is how the bucket of an s3:// URL is reached. What is empty comes from
// where the AWS tools have it.
type S3Lake struct {
	Region              string
	Endpoint            string
	PathStyle           bool
	AccessKeyID         string
	SecretAccessKey     Secret
	SecretAccessKeyFile string
	RoleARN             string
	ExternalID          string
	KMSKeyID            string
}

// AzBlobLake is how the container of an azblob:// URL is reached. Without any
// credentials here they come from where the Azure tools have them.
type AzBlobLake struct {
	Endpoint string

	TenantID         string
	ClientID         string
	ClientSecret     Secret
	ClientSecretFile string

	ConnectionString     Secret
	ConnectionStringFile string
	SAS                  Secret
	SASFile              string
	AccountKey           Secret
	AccountKeyFile       string
}

// Place is where the lake is, for people.
func (l *Lake) Place() string {
	if l.URL != "" {
		return l.URL
	}
	return l.Dir
}

// Store is the scheme of the URL, its host (a bucket or an account) and the rest
// of it without slashes at the ends. The scheme is empty for a directory.
func (l *Lake) Store() (scheme, host, path string) {
	u, err := url.Parse(l.URL)
	if err != nil { // it was checked
		return "", "", ""
	}
	return u.Scheme, u.Host, strings.Trim(u.Path, "/")
}

func (l *Lake) fields() []field {
	return []field{
		{"dir", "directory of the lake; either this or `url`", unlessSet{path(&l.Dir), &l.URL}},
		{"url", "`s3://bucket/prefix` or `azblob://account/container/prefix`, see lake-s3.md and lake-azblob.md", textOrNothing{checked(&l.URL, "URL", checkLakeURL), &l.URL}},
		{"s3", "how the bucket of `url` is reached; what is not given comes from where the AWS tools have it", optional(&l.S3, newS3Lake, (*S3Lake).fields)},
		{"azblob", "how the container of `url` is reached; without credentials they come from where the Azure tools have them", optional(&l.AzBlob, newAzBlobLake, (*AzBlobLake).fields)},
		{"flush", "a batch ends at whichever comes first", section{
			{"rows", "events in the batch", integer(&l.Flush.Rows, 1, 10_000_000)},
			{"bytes", "size of their records, uncompressed", size(&l.Flush.Bytes, 1<<10, 4<<30)},
			{"age", "time since the first event", duration(&l.Flush.Age, 100*time.Millisecond)},
			{"idle", "time since the last event", duration(&l.Flush.Idle, 100*time.Millisecond)},
			{"memory", "size of all open batches of the process; above it the largest ends", size(&l.Flush.Memory, 1<<20, 64<<30)},
		}},
	}
}

func newS3Lake(*reader) *S3Lake { return &S3Lake{} }

func (s *S3Lake) fields() []field {
	fields := []field{
		{"region", "region of the bucket", textOrNothing{text(&s.Region), &s.Region}},
		{"endpoint", "URL of a store that is not AWS; https, or http on loopback", textOrNothing{checked(&s.Endpoint, "URL", checkEndpoint), &s.Endpoint}},
		{"path_style", "the bucket is in the path of requests, not in the name of the host", boolean(&s.PathStyle)},
		{"access_key_id", "access key, instead of the AWS tools' credentials", textOrNothing{text(&s.AccessKeyID), &s.AccessKeyID}},
	}
	fields = append(fields, secret("secret_access_key", "secret of the access key", &s.SecretAccessKey, &s.SecretAccessKeyFile)...)
	return append(fields,
		field{"role_arn", "role to assume", textOrNothing{text(&s.RoleARN), &s.RoleARN}},
		field{"external_id", "external id that the role asks for", textOrNothing{text(&s.ExternalID), &s.ExternalID}},
		field{"kms_key_id", "KMS key to encrypt objects with (SSE-KMS); without it the bucket's default holds", textOrNothing{text(&s.KMSKeyID), &s.KMSKeyID}},
	)
}

func newAzBlobLake(*reader) *AzBlobLake { return &AzBlobLake{} }

func (a *AzBlobLake) fields() []field {
	fields := []field{
		{"endpoint", "URL of the account where it is not `https://<account>.blob.core.windows.net`; https, or http on loopback", textOrNothing{checked(&a.Endpoint, "URL", checkEndpoint), &a.Endpoint}},
		{"tenant_id", "tenant of the service principal or workload identity", textOrNothing{text(&a.TenantID), &a.TenantID}},
		{"client_id", "service principal with `client_secret`; alone, the workload identity or user-assigned managed identity to use", textOrNothing{text(&a.ClientID), &a.ClientID}},
	}
	fields = append(fields, secret("client_secret", "secret of the service principal", &a.ClientSecret, &a.ClientSecretFile)...)
	fields = append(fields, secret("connection_string", "connection string of the account", &a.ConnectionString, &a.ConnectionStringFile)...)
	fields = append(fields, secret("sas", "query of a shared access signature", &a.SAS, &a.SASFile)...)
	return append(fields, secret("account_key", "key of the account", &a.AccountKey, &a.AccountKeyFile)...)
}

// check finds what is wrong across the keys of the lake.
func (l *Lake) check(r *reader) {
	scheme, _, _ := l.Store()
	if l.URL != "" {
		if r.given("lake.dir") {
			r.problemAt("lake.url", "dir and url exclude each other; delete one")
		}
		l.Dir = ""
	}
	if l.S3 != nil {
		if scheme != LakeS3 {
			r.problemAt("lake.s3", "is for url: s3://bucket/prefix; delete it")
		}
		l.S3.check(r)
	}
	if l.AzBlob != nil {
		if scheme != LakeAzBlob {
			r.problemAt("lake.azblob", "is for url: azblob://account/container/prefix; delete it")
		}
		l.AzBlob.check(r)
	}
}

func (s *S3Lake) check(r *reader) {
	const path = "lake.s3"
	secret := r.given(path+".secret_access_key") || r.given(path+".secret_access_key_file")
	switch {
	case s.AccessKeyID != "":
		r.checkSecret(path, "secret_access_key")
	case secret:
		r.problemAt(path, "lacks access_key_id")
	}
	if s.ExternalID != "" && s.RoleARN == "" {
		r.problemAt(path+".external_id", "is for role_arn; give it, or delete this")
	}
}

func (a *AzBlobLake) check(r *reader) {
	const path = "lake.azblob"
	var ways []string
	for _, key := range []string{"client_secret", "connection_string", "sas", "account_key"} {
		if r.given(path+"."+key) || r.given(path+"."+key+"_file") {
			r.checkSecret(path, key)
			ways = append(ways, key)
		}
	}
	if len(ways) > 1 {
		r.problemAt(path+"."+ways[1], "%s exclude each other; keep one", strings.Join(ways, " and "))
	}
	switch {
	case len(ways) == 1 && ways[0] == "client_secret":
		r.wantAll(path, "tenant_id", "client_id")
	case len(ways) == 1:
		r.exclude(path, "and "+ways[0]+" exclude each other; delete one", "tenant_id", "client_id")
	}
	if a.ConnectionString != "" && a.Endpoint != "" {
		r.problemAt(path+".endpoint", "is in the connection string already; delete it")
	}
}

// The forms of names in URLs of lakes, as AWS and Azure have them.
var (
	bucketForm    = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	accountForm   = regexp.MustCompile(`^[a-z0-9]{3,24}$`)
	containerForm = regexp.MustCompile(`^(\$root|[a-z0-9](-?[a-z0-9]){2,62})$`)
)

func checkLakeURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != LakeS3 && u.Scheme != LakeAzBlob {
		return fmt.Errorf("want s3://bucket/prefix or azblob://account/container/prefix, got %q", s)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Port() != "" {
		return fmt.Errorf("want a URL of a place and nothing else: credentials and endpoints have keys of their own in lake.%s", u.Scheme)
	}
	path := strings.Trim(u.Path, "/")
	for part := range strings.SplitSeq(path, "/") {
		if path != "" && (part == "" || part[0] == '.') {
			return fmt.Errorf("no part of the prefix may be empty or begin with a dot, got %q", s)
		}
	}
	container, _, _ := strings.Cut(path, "/")
	switch {
	case u.Scheme == LakeS3 && !bucketForm.MatchString(u.Host):
		return fmt.Errorf("%q is no name of a bucket", u.Host)
	case u.Scheme == LakeAzBlob && !accountForm.MatchString(u.Host):
		return fmt.Errorf("%q is no name of a storage account: want azblob://account/container/prefix", u.Host)
	case u.Scheme == LakeAzBlob && !containerForm.MatchString(container):
		return fmt.Errorf("%q is no name of a container: want azblob://account/container/prefix", container)
	}
	return nil
}

// checkEndpoint wants an address to which data may be sent.
func checkEndpoint(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("want an address like https://s3.example.org, got %q", s)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("want an address and nothing else: credentials have keys of their own")
	}
	if u.Scheme == "http" && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback() {
		return fmt.Errorf("would send events in plain text to %s; use https", u.Host)
	}
	return nil
}

// unlessSet is a value that is not shown when another is set instead.
type unlessSet struct {
	value
	other *string
}

func (u unlessSet) write() *yaml.Node {
	if *u.other != "" {
		return nil
	}
	return u.value.write()
}
