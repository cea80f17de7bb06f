package sentinel

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/internal/sinktest"
)

// open gives a destination whose Azure and Entra are h.
func open(t testing.TB, h http.Handler, change func(*Config)) *Destination {
	t.Helper()
	url, ca := sinktest.Serve(t, h)
	conf := Config{
		Name: "sentinel", Endpoint: url, RuleID: rule, CAFile: ca, AuthorityHost: url, Timeout: 5 * time.Second,
		Credential: ClientSecret, TenantID: tenant, ClientID: client, ClientSecret: sinktest.Secret("s3~cret"),
	}
	if change != nil {
		change(&conf)
	}
	d, err := New(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// data lets a fault meet the calls that carry rows, not those for tokens.
func data(f *fakeAzure, next func() sinktest.Fault) (http.Handler, *sinktest.Faulty) {
	faulty := &sinktest.Faulty{Server: f, Next: next}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/dataCollectionRules/") {
			faulty.ServeHTTP(w, r)
		} else {
			f.ServeHTTP(w, r)
		}
	}), faulty
}

// want holds the rows to n alerts, each at least once and at most `most` times.
func (f *fakeAzure) want(t *testing.T, n, most int, refused sinktest.Refused) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range n {
		id := sinktest.ID(i)
		if _, no := refused[id]; no != (f.rows[id] == 0) || f.rows[id] > most {
			t.Fatalf("alert %d has %d rows, refused: %v", i, f.rows[id], refused[id])
		}
	}
	if len(f.rows)+len(refused) != n {
		t.Fatalf("%d alerts have rows and %d are refused, of %d", len(f.rows), len(refused), n)
	}
}

func TestDeliver(t *testing.T) {
	f := newFake(t)
	d := open(t, f, nil)
	if err := d.Deliver(t.Context(), sinktest.Alerts(2000)); err != nil { // 5 MB
		t.Fatal(err)
	}
	f.want(t, 2000, 1, nil)
	if f.calls < 4 || f.issued != 1 {
		t.Errorf("%d calls with %d tokens", f.calls, f.issued)
	}
}

func TestRow(t *testing.T) {
	f := newFake(t)
	if err := open(t, f, nil).Deliver(t.Context(), []sinks.Alert{sinktest.Alert(6)}); err != nil {
		t.Fatal(err)
	}
	var finding map[string]any
	if err := json.Unmarshal(f.last["Finding"], &finding); err != nil || finding["evidences"] != nil || finding["class_uid"] == nil {
		t.Errorf("Finding is %s (%v)", f.last["Finding"], err)
	}
	delete(f.last, "Finding")
	got := map[string]string{}
	for column, value := range f.last {
		got[column] = string(value)
	}
	at := `"2026-11-18T10:14:09.597Z"`
	want := map[string]string{
		"TimeGenerated": at, "EventTime": at, "FirstSeen": at, "LastSeen": at,
		"AlertId": `"` + sinktest.ID(6) + `"`, "FindingId": `"` + sinktest.ID(5) + `"`, "Kind": `"rollup"`,
		"RuleId": `"aws.cloudtrail.logging_disabled"`, "RuleName": `"CloudTrail logging disabled"`, "RuleVersion": `"915706245b4d"`,
		"Severity": `"Low"`, "SeverityId": "2", "EventCount": "2", "LogSource": `"aws.cloudtrail"`,
		"Title":       `"CloudTrail StopLogging by \"dana\" \u003c6\u003e"`,
		"Description": `"A trail was stopped.\nAttackers do this first."`,
		"Techniques":  `["T1562.008"]`, "Tags": `["defense-evasion"]`,
		"Evidence": `[{"actor":{"user":{"name":"dana.lindqvist@harbourline.example","uid":"AIDAEXAMPLE000006"}},"api":{"operation":"StopLogging","service":{"name":"cloudtrail.amazonaws.com"}},"src_endpoint":{"ip":"203.0.113.6"},"uid":"ev-6"}]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Azure would cut a field of more than 64 KB: weir leaves out whole pieces and says so.
func TestLongFields(t *testing.T) {
	long := strings.Repeat("é", 50_000)
	evidence := make([]string, 20)
	for i := range evidence {
		evidence[i] = fmt.Sprintf(`{"n":%d,"text":%q}`, i, long[:2*2500])
	}
	evidence[1] = fmt.Sprintf(`{"n":1,"text":%q}`, long)
	value := fmt.Sprintf(`{"finding_info":{"title":%q,"uid":"f"},"time":1794996849597,"evidences":[%s],"unmapped":{"weir":{"test":true}}}`, long, strings.Join(evidence, ","))
	f := newFake(t)
	if err := open(t, f, nil).Deliver(t.Context(), []sinks.Alert{{ID: "a", Value: []byte(value)}}); err != nil {
		t.Fatal(err)
	}
	if got := string(f.last["Cut"]); got != `"Title, Evidence: 12 of 20, Finding"` {
		t.Errorf("Cut is %s", got)
	}
	if string(f.last["Test"]) != "true" || len(f.last["Title"]) < 60_000 {
		t.Errorf("Test is %s, the title has %d bytes", f.last["Test"], len(f.last["Title"]))
	}
}

// The culprit is found and refused alone; all others are there once.
func TestRefused(t *testing.T) {
	f := newFake(t)
	f.refuse = "AIDAEXAMPLE000077"
	alerts := append(sinktest.Alerts(100), sinks.Alert{ID: "broken", Value: []byte(`{"cut":`)})
	refused := sinktest.Deliver(t.Context(), t, open(t, f, nil), alerts)
	if len(refused) != 2 || refused["broken"] == nil || !strings.Contains(fmt.Sprint(refused[sinktest.ID(77)]), "A row cannot be taken") {
		t.Errorf("refused: %v", refused)
	}
	delete(refused, "broken")
	f.want(t, 100, 1, refused)
}

// The limit is on what is sent before compression, too; a row above it cannot be sent.
func TestTooLarge(t *testing.T) {
	f := newFake(t)
	d := open(t, f, func(c *Config) { c.MaxBytes = 10 << 20 })
	if refused := sinktest.Deliver(t.Context(), t, d, sinktest.Alerts(3000)); len(refused) > 0 {
		t.Errorf("refused: %v", refused)
	}
	f.want(t, 3000, 1, nil)
}

// Nothing that is wrong with the configuration makes a dead letter.
func TestMisconfigured(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fake   func(*fakeAzure)
		conf   func(*Config)
		answer string
	}{
		{"secret", nil, func(c *Config) { c.ClientSecret = sinktest.Secret("of-yesterday") }, "AADSTS7000215"},
		{"no secret", nil, func(c *Config) { c.ClientSecret = sinktest.Secret("") }, "secret is empty"},
		{"application", nil, func(c *Config) { c.ClientID = tenant }, "AADSTS700016"},
		{"scope", nil, func(c *Config) { c.Scope = "https://monitor.azure.us/.default" }, "AADSTS70011"},
		{"rule", nil, func(c *Config) { c.RuleID = "dcr-another" }, "look at rule_id and stream"},
		{"stream", nil, func(c *Config) { c.Stream = "Custom-Other_CL" }, "look at rule_id and stream"},
		{"path", nil, func(c *Config) { c.Endpoint += "/x" }, "HTTP 404"},
		{"role", func(f *fakeAzure) { f.noRole = true }, nil, "Monitoring Metrics Publisher"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			if tt.fake != nil {
				tt.fake(f)
			}
			err := open(t, f, tt.conf).Deliver(t.Context(), sinktest.Alerts(20))
			retry, refused := sinks.Outcome(20, err)
			if len(retry) != 20 || len(refused) != 0 || len(f.rows) != 0 {
				t.Errorf("%d to send again, %d refused, %d rows", len(retry), len(refused), len(f.rows))
			}
			if err == nil || !strings.Contains(err.Error(), tt.answer) || strings.Contains(err.Error(), "s3~cret") || strings.Contains(err.Error(), "of-yesterday") || strings.Contains(err.Error(), "eyJ0eXAi") {
				t.Errorf("got error %v, want %s", err, tt.answer)
			}
		})
	}
}

// A 429 says when to come back; what was taken before it is not sent again.
func TestRateLimit(t *testing.T) {
	f := newFake(t)
	f.limit = 2
	d := open(t, f, func(c *Config) { c.MaxBytes = 30_000 })
	err := d.Deliver(t.Context(), sinktest.Alerts(100))
	if after := sinks.RetryAfter(err); after < 30*time.Second || after > time.Minute {
		t.Errorf("the wait is %s: %v", after, err)
	}
	retry, refused := sinks.Outcome(100, err)
	if len(retry) == 0 || len(retry) == 100 || len(refused) > 0 {
		t.Fatalf("%d to send again, %d refused", len(retry), len(refused))
	}
	rest := make([]sinks.Alert, len(retry))
	for i, at := range retry {
		rest[i] = sinktest.Alert(at)
	}
	if err := d.Deliver(t.Context(), rest); err != nil {
		t.Fatal(err)
	}
	f.want(t, 100, 1, nil)
}

// The fault table: each way to fail once. Alerts are there once, or twice where the
// answer was lost.
func TestFaults(t *testing.T) {
	for _, fault := range sinktest.AllFaults() {
		t.Run(fault.String(), func(t *testing.T) {
			f := newFake(t)
			h, _ := data(f, sinktest.Once(fault))
			d := open(t, h, func(c *Config) { c.Timeout = 500 * time.Millisecond })
			if err := d.Deliver(t.Context(), sinktest.Alerts(20)); err == nil {
				t.Fatal("no error")
			}
			if refused := sinktest.Deliver(t.Context(), t, d, sinktest.Alerts(20)); len(refused) > 0 {
				t.Errorf("refused: %v", refused)
			}
			most := 1
			if fault.Repeats() {
				most = 2
			}
			f.want(t, 20, most, nil)
		})
	}
}

// Entra fails in every way: alerts wait, and no row is sent without a token.
func TestEntraFails(t *testing.T) {
	for _, fault := range sinktest.AllFaults() {
		t.Run(fault.String(), func(t *testing.T) {
			f := newFake(t)
			faulty := &sinktest.Faulty{Server: f, Next: sinktest.Once(fault)}
			d := open(t, faulty, func(c *Config) { c.Timeout = 500 * time.Millisecond })
			_ = d.Deliver(t.Context(), sinktest.Alerts(5))
			if refused := sinktest.Deliver(t.Context(), t, d, sinktest.Alerts(5)); len(refused) > 0 {
				t.Errorf("refused: %v", refused)
			}
			f.want(t, 5, 2, nil)
		})
	}
}

// 100,000 alerts through an Azure that fails in every way: all arrive.
func TestHundredThousand(t *testing.T) {
	const n, batch = 100_000, 1000
	f := newFake(t)
	h, faulty := data(f, sinktest.Random(13, 3))
	d := open(t, h, func(c *Config) { c.Timeout, c.MaxBytes = time.Second, 400_000 })
	for from := 0; from < n; from += batch {
		if refused := sinktest.Deliver(t.Context(), t, d, sinktest.Small(from, batch)); len(refused) > 0 {
			t.Fatalf("refused: %v", refused)
		}
	}
	f.want(t, n, 1000, nil)
	for _, fault := range sinktest.AllFaults() {
		if fault != sinktest.SilentHang && fault != sinktest.LostHang && faulty.Seen(fault) == 0 {
			t.Errorf("no request had the fault %s", fault)
		}
	}
}

// certificate writes a key pair of RSA to path and gives its public key.
func certificate(t *testing.T, path string) *rsa.PublicKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "weir"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return &key.PublicKey
}

func TestCertificate(t *testing.T) {
	f := newFake(t)
	path := filepath.Join(t.TempDir(), "client.pem")
	f.key = certificate(t, path)
	d := open(t, f, func(c *Config) { c.Credential, c.ClientSecret, c.CertificateFile = ClientCertificate, nil, path })
	if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err != nil {
		t.Fatal(err)
	}
	f.key = certificate(t, path) // another takes its place
	f.tokens = map[string]bool{}
	if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err != nil {
		t.Errorf("after the change: %v", err)
	}
	if f.issued != 2 {
		t.Errorf("%d tokens", f.issued)
	}
}

func TestWorkloadIdentity(t *testing.T) {
	f := newFake(t)
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(f.federated), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", path)
	t.Setenv("AZURE_TENANT_ID", tenant)
	t.Setenv("AZURE_CLIENT_ID", client)
	d := open(t, f, func(c *Config) { c.Credential, c.ClientSecret, c.TenantID, c.ClientID = WorkloadIdentity, nil, "", "" })
	if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err != nil {
		t.Fatal(err)
	}
}

// The managed identity of App Service, whose endpoint is in the environment.
func TestManagedIdentity(t *testing.T) {
	f := newFake(t)
	f.tokens["of-the-machine"] = true
	identity := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Header.Get("X-IDENTITY-HEADER") != "h" || q.Get("resource") != "https://monitor.azure.com" || q.Get("client_id") != client {
			t.Errorf("asked for %s", r.URL)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"of-the-machine","expires_on":"%d","resource":"https://monitor.azure.com","token_type":"Bearer"}`, time.Now().Add(time.Hour).Unix())
	}))
	defer identity.Close()
	t.Setenv("IDENTITY_ENDPOINT", identity.URL)
	t.Setenv("IDENTITY_HEADER", "h")
	d := open(t, f, func(c *Config) { c.Credential, c.ClientSecret, c.TenantID = ManagedIdentity, nil, "" })
	if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err != nil {
		t.Fatal(err)
	}
}

func TestSecretIsReadAgain(t *testing.T) {
	f := newFake(t)
	secret := "of-yesterday"
	d := open(t, f, func(c *Config) { c.ClientSecret = func(context.Context) (string, error) { return secret, nil } })
	if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err == nil {
		t.Fatal("the wrong secret was taken")
	}
	secret = f.secret
	if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err != nil {
		t.Fatal(err)
	}
}

// A token that is revoked before its time is not used for the rest of its hour.
func TestRevokedToken(t *testing.T) {
	f := newFake(t)
	d := open(t, f, nil)
	if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err != nil {
		t.Fatal(err)
	}
	f.tokens = map[string]bool{}
	if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err == nil {
		t.Fatal("the revoked token was taken")
	}
	if err := d.Deliver(t.Context(), sinktest.Alerts(1)); err != nil || f.issued != 2 {
		t.Errorf("%d tokens, %v", f.issued, err)
	}
}

func TestRender(t *testing.T) {
	f := newFake(t)
	messages, err := open(t, f, nil).Render(sinktest.Alerts(2))
	if err != nil || len(messages) != 1 || f.calls+f.issued != 0 {
		t.Fatalf("%d messages, %d calls, %d tokens, %v", len(messages), f.calls, f.issued, err)
	}
	m := messages[0]
	if !strings.HasSuffix(m.Target, "/dataCollectionRules/"+rule+"/streams/Custom-Weir_CL?api-version=2023-01-01") || !json.Valid(m.Body) || m.Body[0] != '[' {
		t.Errorf("got %s\n%s", m.Target, m.Body)
	}
	want := []sinks.Header{{Name: "Authorization", Value: "Bearer ********"}, {Name: "Content-Encoding", Value: "gzip"}, {Name: "Content-Type", Value: "application/json"}}
	if diff := cmp.Diff(want, m.Header); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConfig(t *testing.T) {
	good := Config{
		Name: "sentinel", Endpoint: "https://weir-abcd.westeurope-1.ingest.monitor.azure.com", RuleID: rule,
		Credential: ClientSecret, TenantID: tenant, ClientID: client, ClientSecret: sinktest.Secret("x"),
	}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"no endpoint":       func(c *Config) { c.Endpoint = "" },
		"plain text":        func(c *Config) { c.Endpoint = "http://weir.example.org" },
		"rule's name":       func(c *Config) { c.RuleID = "weir" },
		"table":             func(c *Config) { c.Stream = "Weir_CL" },
		"no credential":     func(c *Config) { c.Credential = "" },
		"no tenant":         func(c *Config) { c.TenantID = "" },
		"no secret":         func(c *Config) { c.ClientSecret = nil },
		"no certificate":    func(c *Config) { c.Credential = ClientCertificate },
		"authority in http": func(c *Config) { c.AuthorityHost = "http://127.0.0.1:8080" },
	} {
		conf := good
		change(&conf)
		if _, err := New(conf); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkDeliver(b *testing.B) {
	const batch = 500
	d := open(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		base := "https://" + r.Host + "/" + tenant
		switch {
		case strings.HasSuffix(r.URL.Path, "openid-configuration"):
			fmt.Fprintf(w, `{"authorization_endpoint":"%s/a","token_endpoint":"%s/t","issuer":"%s/v2.0"}`, base, base, base)
		case strings.HasSuffix(r.URL.Path, "/t"):
			fmt.Fprint(w, `{"token_type":"Bearer","expires_in":3599,"access_token":"x"}`)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}), nil)
	alerts := sinktest.Alerts(batch)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Deliver(b.Context(), alerts); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "alerts/s")
}
