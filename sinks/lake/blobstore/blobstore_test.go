package blobstore

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/weir-security/weir/sinks/lake"
	"github.com/weir-security/weir/sinks/lake/storetest"
)

const fakeKey = "bm90LWEta2V5LW9mLWFueWJvZHktYnV0LW9mLXRlc3Rz"

func testStore(t *testing.T, url, prefix string) *Store {
	return impatient(t, url, prefix, 30*time.Second)
}

// impatient is a store with short waits and small blocks, which gives a request up
// after patience.
func impatient(t *testing.T, url, prefix string, patience time.Duration) *Store {
	t.Helper()
	c := Config{Account: fakeAccount, Container: "lake", Prefix: prefix, Endpoint: url + "/" + fakeAccount, AccountKey: fakeKey}
	client, err := newClient(c, &container.ClientOptions{ClientOptions: azcore.ClientOptions{
		Retry: policy.RetryOptions{MaxRetries: 2, TryTimeout: patience, RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(client, c)
	s.block, s.pause = testBlock, time.Millisecond
	return s
}

const testBlock = 64 << 10

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
	for _, prefix := range []string{"", "weir/prod"} {
		f := newFake(t)
		if prefix != "" {
			f.blobs["other/x.parquet"] = []byte("not of this lake")
			f.blobs["weir/prod2/x.parquet"] = []byte("nor this")
			f.blobs["weir/prod/events"] = nil // a directory
		}
		_, url := serve(t, f)
		s := testStore(t, url, prefix)
		if err := s.probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Run("prefix "+prefix, func(t *testing.T) { storetest.Contract(t, s, 2*testBlock+1) })
	}
}

func TestFaults(t *testing.T) {
	storetest.Faults(t, func(t *testing.T) *storetest.World {
		f := newFake(t)
		breaker, url := serve(t, f)
		return &storetest.World{
			Breaker: breaker,
			Open:    func(t *testing.T) lake.Store { return impatient(t, url, "p", time.Second) },
			Objects: func() (map[string]string, int) {
				f.mu.Lock()
				defer f.mu.Unlock()
				files := map[string]string{}
				for name, data := range f.blobs {
					files[strings.TrimPrefix(name, "p/")] = string(data)
				}
				return files, len(f.staged)
			},
			Part:    testBlock,
			Orphans: true, // Azure drops what is staged after a week
		}
	})
}

// TestProbe refuses services that would overwrite.
func TestProbe(t *testing.T) {
	tests := []struct {
		name  string
		set   func(*fake)
		fault storetest.Fault
		want  string
		waits bool // transient
	}{
		{name: "Azure", set: func(*fake) {}},
		{name: "Put Blob overwrites", set: func(f *fake) { f.ignorePut = true }, want: "ignores If-None-Match on Put Blob"},
		{name: "Put Block List overwrites", set: func(f *fake) { f.ignoreList = true }, want: "ignores If-None-Match on Put Block List"},
		{name: "another blob", set: func(f *fake) { f.blobs[".weir/probe"] = []byte("x") }, want: lake.ErrForeign.Error()},
		{name: "no container", set: func(f *fake) { f.container = "another" }, want: "create the container"},
		{name: "denied", set: func(*fake) {}, fault: storetest.Denied, want: "Storage Blob Data Contributor"},
		{name: "away", set: func(*fake) {}, fault: storetest.Unavailable, want: "ServerBusy", waits: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			tt.set(f)
			breaker, url := serve(t, f)
			breaker.Plan(func(int, *http.Request) storetest.Fault { return tt.fault })
			for start := range 2 { // the second finds the blob of the first
				err := testStore(t, url, "").probe(t.Context())
				switch {
				case tt.want == "" && err != nil:
					t.Errorf("start %d: %v", start, err)
				case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
					t.Errorf("start %d: %v, want %q", start, err, tt.want)
				case lake.IsTransient(err) != tt.waits:
					t.Errorf("start %d: %v: transient %v, want %v", start, err, lake.IsTransient(err), tt.waits)
				}
			}
		})
	}
}

// TestErrors wants what passes told from what does not, advice, and texts of one
// line.
func TestErrors(t *testing.T) {
	tests := []struct {
		code  string
		want  string
		waits bool
	}{
		{"AuthenticationFailed", "check the credentials", false},
		{"AuthorizationPermissionMismatch", "Storage Blob Data Contributor", false},
		{"ContainerNotFound", "create the container", false},
		{"InvalidHeaderValue", "InvalidHeaderValue", false},
		{"Md5Mismatch", "Md5Mismatch", true},
		{"FeatureNotSupported", "FeatureNotSupported", false},
		{"ContainerBeingDeleted", "ContainerBeingDeleted", true},
		{"ServerBusy", "ServerBusy", true},
		{"TooManyRequests", "TooManyRequests", true},
		{"InternalError", "InternalError", true},
		{"LeaseIdMissing", "others create", true}, // a blob that is leased, and deleted before it is compared
	}
	for _, tt := range tests {
		f := newFake(t)
		b := &storetest.Breaker{Service: f, Refuse: func(w http.ResponseWriter, r *http.Request, _ storetest.Fault) { f.fail(w, r, tt.code) }}
		server := httptest.NewServer(b)
		b.Plan(func(_ int, r *http.Request) storetest.Fault {
			if r.Method == http.MethodPut {
				return storetest.Denied
			}
			return storetest.None
		})
		_, err := testStore(t, server.URL, "").Create(t.Context(), "events/x.parquet", []byte("x"))
		if err == nil || !strings.Contains(err.Error(), tt.want) || lake.IsTransient(err) != tt.waits {
			t.Errorf("%s: %v, transient %v; want %q, %v", tt.code, err, lake.IsTransient(err), tt.want, tt.waits)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error has several lines: %v", tt.code, err)
		}
		server.Close()
	}
}

// TestSecretsStayHidden lets every kind of error be made with a SAS in the URL.
func TestSecretsStayHidden(t *testing.T) {
	f := newFake(t)
	breaker, url := serve(t, f)
	c := Config{Account: fakeAccount, Container: "lake", Endpoint: url + "/" + fakeAccount, SAS: "?" + fakeSAS}
	open := func() *Store {
		client, err := newClient(c, &container.ClientOptions{ClientOptions: azcore.ClientOptions{
			Retry: policy.RetryOptions{MaxRetries: -1, TryTimeout: time.Second},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return newStore(client, c)
	}
	if _, err := open().Create(t.Context(), "events/x.parquet", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, fault := range append(storetest.Passing, storetest.Lasting...) {
		breaker.Plan(func(int, *http.Request) storetest.Fault { return fault })
		for _, call := range []func(*Store) error{
			func(s *Store) error { _, err := s.Create(t.Context(), "events/y.parquet", []byte("x")); return err },
			func(s *Store) error { _, err := s.Open(t.Context(), "events/x.parquet"); return err },
			func(s *Store) error {
				for _, err := range s.List(t.Context(), "") {
					return err
				}
				return nil
			},
			(*Store).probeNow,
		} {
			if err := call(open()); err != nil && (strings.Contains(err.Error(), "sig=") || strings.Contains(err.Error(), "c2VjcmV0")) {
				t.Errorf("%s: the signature is in the error: %v", fault, err)
			}
		}
	}
	for _, bad := range []Config{
		{Account: fakeAccount, Container: "lake", ConnectionString: "AccountName=x;AccountKey=" + fakeKey},
		{Account: fakeAccount, Container: "lake", AccountKey: "*" + fakeKey},
	} {
		if _, err := Open(t.Context(), bad); err == nil || strings.Contains(err.Error(), fakeKey) {
			t.Errorf("a wrong secret: %v", err)
		}
	}
}

func (s *Store) probeNow() error { return s.probe(context.Background()) }

// TestOpen goes the way of production, with each kind of key.
func TestOpen(t *testing.T) {
	_, url := serve(t, newFake(t))
	account := url + "/" + fakeAccount
	base := Config{Account: fakeAccount, Container: "lake", Prefix: "/weir/", Endpoint: account}
	key, sas, text, none, other := base, base, base, base, base
	key.AccountKey = fakeKey
	sas.SAS = fakeSAS
	text.ConnectionString = "DefaultEndpointsProtocol=http;AccountName=" + fakeAccount + ";AccountKey=" + fakeKey + ";BlobEndpoint=" + account
	other.ConnectionString = strings.ReplaceAll(text.ConnectionString, fakeAccount, "another")
	for name, c := range map[string]Config{"key": key, "SAS": sas, "connection string": text} {
		s, err := Open(t.Context(), c)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.String() != "azblob://weirlake/lake/weir" {
			t.Errorf("%s: the lake is %s", name, s)
		}
	}
	for name, c := range map[string]Config{"no credentials": none, "another account": other} {
		if _, err := Open(t.Context(), c); err == nil || lake.IsTransient(err) {
			t.Errorf("%s: %v, want an error that does not pass", name, err)
		}
	}
	away, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	key.Endpoint = "http://" + silent.Addr().String()
	if _, err := Open(away, key); !lake.IsTransient(err) {
		t.Errorf("a service that is silent: %v, want an error that passes", err)
	}
}
