package s3store

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/weir-security/weir/sinks/lake"
	"github.com/weir-security/weir/sinks/lake/storetest"
)

// testStore is a store with the production client's settings, but short waits and
// the least part size.
func testStore(url string, c Config) *Store { return impatient(url, c, 30*time.Second) }

// impatient gives a request up after patience.
func impatient(url string, c Config, patience time.Duration) *Store {
	client := s3.New(s3.Options{
		Region: "eu-central-1", BaseEndpoint: &url, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(fakeKey, "secret", ""),
		HTTPClient:  awshttp.NewBuildableClient().WithTimeout(patience),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = 3, time.Millisecond
		}),
		DisableLogOutputChecksumValidationSkipped: true,
	})
	if c.Bucket == "" {
		c.Bucket = "logs-lake"
	}
	s := newStore(client, c)
	s.part, s.pause = s3MinPart, time.Millisecond
	return s
}

// serve serves a fake behind a breaker.
func serve(t *testing.T, f *fake) (*storetest.Breaker, string) {
	b := &storetest.Breaker{Service: f, Refuse: f.refuse}
	server := httptest.NewServer(b)
	t.Cleanup(func() {
		b.Plan(nil) // ends stalls
		server.CloseClientConnections()
		server.Close()
	})
	return b, server.URL
}

func TestContract(t *testing.T) {
	tests := []struct {
		prefix string
		part   int
	}{{"", 64 << 10}, {"weir/prod", s3MinPart}}
	for _, tt := range tests {
		f := newFake(t)
		f.minPart = tt.part
		if tt.prefix != "" {
			f.objects["other/x.parquet"] = []byte("not of this lake")
			f.objects["weir/prod2/x.parquet"] = []byte("nor this")
		}
		_, url := serve(t, f)
		s := testStore(url, Config{Prefix: tt.prefix})
		s.part = tt.part
		if err := s.probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Run("prefix "+tt.prefix, func(t *testing.T) { storetest.Contract(t, s, 2*tt.part+1) })
		if len(f.uploads) > 0 {
			t.Errorf("%d uploads are unfinished", len(f.uploads))
		}
	}
}

func TestFaults(t *testing.T) {
	storetest.Faults(t, func(t *testing.T) *storetest.World {
		f := newFake(t)
		f.minPart = 64 << 10
		breaker, url := serve(t, f)
		return &storetest.World{
			Breaker: breaker,
			Open: func(*testing.T) lake.Store {
				s := impatient(url, Config{Prefix: "p"}, time.Second)
				s.part = f.minPart
				return s
			},
			Objects: func() (map[string]string, int) {
				f.mu.Lock()
				defer f.mu.Unlock()
				files := map[string]string{}
				for key, data := range f.objects {
					files[strings.TrimPrefix(key, "p/")] = string(data)
				}
				return files, len(f.uploads)
			},
			Part: 64 << 10,
		}
	})
}

// TestProbe refuses stores that would overwrite.
func TestProbe(t *testing.T) {
	tests := []struct {
		name  string
		set   func(*fake)
		fault storetest.Fault
		want  string
		waits bool // transient
	}{
		{name: "S3", set: func(*fake) {}},
		{name: "PutObject overwrites", set: func(f *fake) { f.ignorePut = true }, want: "ignores If-None-Match on PutObject"},
		{name: "CompleteMultipartUpload overwrites", set: func(f *fake) { f.ignoreComplete = true }, want: "ignores If-None-Match on CompleteMultipartUpload"},
		{name: "another object", set: func(f *fake) { f.objects[".weir/probe"] = []byte("x") }, want: lake.ErrForeign.Error()},
		{name: "no bucket", set: func(f *fake) { f.bucket = "another" }, want: "create the bucket"},
		{name: "denied", set: func(*fake) {}, fault: storetest.Denied, want: "allow s3:PutObject"},
		{name: "away", set: func(*fake) {}, fault: storetest.Unavailable, want: "SlowDown", waits: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			tt.set(f)
			breaker, url := serve(t, f)
			breaker.Plan(func(int, *http.Request) storetest.Fault { return tt.fault })
			for start := range 2 { // the second finds the object of the first
				err := testStore(url, Config{}).probe(t.Context())
				switch {
				case tt.want == "" && err != nil:
					t.Errorf("start %d: %v", start, err)
				case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
					t.Errorf("start %d: %v, want %q", start, err, tt.want)
				case lake.IsTransient(err) != tt.waits:
					t.Errorf("start %d: %v: transient %v, want %v", start, err, lake.IsTransient(err), tt.waits)
				}
			}
			if len(f.uploads) > 0 && !tt.waits && tt.fault == storetest.None {
				t.Errorf("%d uploads are unfinished", len(f.uploads))
			}
		})
	}
}

// TestErrors wants what passes told from what does not, and advice.
func TestErrors(t *testing.T) {
	tests := []struct {
		code  string
		want  string
		waits bool
	}{
		{"AccessDenied", "allow s3:PutObject", false},
		{"InvalidAccessKeyId", "check the credentials", false},
		{"NoSuchBucket", "create the bucket", false},
		{"NotImplemented", "does not support", false},
		{"InvalidRequest", "InvalidRequest", false},
		{"BadDigest", "BadDigest", true},
		{"SlowDown", "SlowDown", true},
		{"TooManyRequests", "TooManyRequests", true},
		{"InternalError", "InternalError", true},
		{"ConditionalRequestConflict", "others create", true},
	}
	for _, tt := range tests {
		f := newFake(t)
		b := &storetest.Breaker{Service: f, Refuse: func(w http.ResponseWriter, r *http.Request, _ storetest.Fault) { f.fail(w, r, tt.code) }}
		server := httptest.NewServer(b)
		b.Plan(func(int, *http.Request) storetest.Fault { return storetest.Denied })
		_, err := testStore(server.URL, Config{}).Create(t.Context(), "events/x.parquet", []byte("x"))
		if err == nil || !strings.Contains(err.Error(), tt.want) || lake.IsTransient(err) != tt.waits {
			t.Errorf("%s: %v, transient %v; want %q, %v", tt.code, err, lake.IsTransient(err), tt.want, tt.waits)
		}
		server.Close()
		if tt.code == "SlowDown" { // nobody listens any more
			if _, err := testStore(server.URL, Config{}).Create(t.Context(), "events/x.parquet", []byte("x")); !lake.IsTransient(err) {
				t.Errorf("no server: %v, want an error that passes", err)
			}
		}
	}
}

// TestWrongServer meets servers that are not what they should be.
func TestWrongServer(t *testing.T) {
	f := newFake(t)
	untrusted := httptest.NewTLSServer(f)
	defer untrusted.Close()
	plain := httptest.NewServer(f)
	defer plain.Close()
	for name, url := range map[string]string{"a certificate of nobody": untrusted.URL, "no TLS": "https" + strings.TrimPrefix(plain.URL, "http")} {
		_, err := testStore(url, Config{}).Create(t.Context(), "events/x.parquet", []byte("x"))
		if err == nil || lake.IsTransient(err) {
			t.Errorf("%s: %v, want an error that does not pass", name, err)
		}
	}
}

// TestOpen goes the way of production: credentials, region, probe.
func TestOpen(t *testing.T) {
	for _, name := range []string{"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	_, url := serve(t, newFake(t))
	c := Config{Bucket: "logs-lake", Prefix: "/weir/", Endpoint: url, PathStyle: true, AccessKeyID: fakeKey, SecretAccessKey: "secret"}
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if s.String() != "s3://logs-lake/weir" {
		t.Errorf("the lake is %s", s)
	}
	if _, err := s.Create(t.Context(), "events/x.parquet", []byte("x")); err != nil {
		t.Error(err)
	}
	none := c
	none.AccessKeyID = ""
	if _, err := Open(t.Context(), none); err == nil || lake.IsTransient(err) || !strings.Contains(err.Error(), "no AWS credentials") {
		t.Errorf("without credentials: %v", err)
	}
	nowhere := c
	nowhere.Endpoint = ""
	if _, err := Open(t.Context(), nowhere); err == nil || !strings.Contains(err.Error(), "lake.s3.region") {
		t.Errorf("without a region: %v", err)
	}
	away, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c.Endpoint = "http://" + silent.Addr().String()
	if _, err := Open(away, c); !lake.IsTransient(err) {
		t.Errorf("a store that is silent: %v, want an error that passes", err)
	}
}

// TestEncryption asks for SSE-KMS on each way to create an object.
func TestEncryption(t *testing.T) {
	f := newFake(t)
	var asked []string
	b := &storetest.Breaker{Service: f}
	b.Plan(func(_ int, r *http.Request) storetest.Fault {
		if r.Method == "PUT" && !r.URL.Query().Has("uploadId") || r.URL.Query().Has("uploads") {
			asked = append(asked, r.Header.Get("X-Amz-Server-Side-Encryption")+" "+r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"))
		}
		return storetest.None
	})
	server := httptest.NewServer(b)
	defer server.Close()
	s := testStore(server.URL, Config{KMSKeyID: "alias/lake"})
	for path, n := range map[string]int{"events/small.parquet": 1, "events/large.parquet": s3MinPart + 1} {
		if _, err := s.Create(t.Context(), path, storetest.Content(n)); err != nil {
			t.Fatal(err)
		}
	}
	if len(asked) != 2 || asked[0] != "aws:kms alias/lake" || asked[1] != asked[0] {
		t.Errorf("encryption asked for: %q", asked)
	}
}
