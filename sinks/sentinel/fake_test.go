package sentinel

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

const (
	tenant = "11111111-2222-3333-4444-555555555555"
	client = "66666666-7777-8888-9999-aaaaaaaaaaaa"
	rule   = "dcr-0123456789abcdef0123456789abcdef"
)

// maxCall and maxColumn are documented limits: 1 MB a call, compressed and uncompressed,
// 64 KB a field.
const (
	maxCall   = 1 << 20
	maxColumn = 64 << 10
)

// fakeAzure is a fake of the Logs Ingestion API and of Entra's token endpoint, strict about
// what Microsoft documents: credentials, scope, the role, addresses, sizes, an array as
// the body, and the columns of docs/sentinel.md.
type fakeAzure struct {
	t       *testing.T
	columns map[string]string // name to type
	secret  string
	key     *rsa.PublicKey // of the client's certificate
	// federated is the token of a workload.
	federated string
	noRole    bool
	// refuse makes a row's call a 400.
	refuse string
	// limit is how many calls are left before a 429; below 0 there is none.
	limit int

	mu     sync.Mutex
	tokens map[string]bool
	issued int
	calls  int
	rows   map[string]int // by AlertId
	last   map[string]json.RawMessage
}

func newFake(t *testing.T) *fakeAzure {
	return &fakeAzure{t: t, columns: documented(t), secret: "s3~cret", federated: "eyJmZWRlcmF0ZWQ", limit: -1, tokens: map[string]bool{}, rows: map[string]int{}}
}

// documented are the columns of the rule in docs/sentinel.md.
func documented(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/sentinel.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(page, []byte("```json\n"))
	text, _, _ := bytes.Cut(after, []byte("```"))
	var dcr struct {
		Properties struct {
			Streams map[string]struct {
				Columns []struct{ Name, Type string }
			} `json:"streamDeclarations"`
		}
	}
	if err := json.Unmarshal(text, &dcr); err != nil {
		t.Fatal(err)
	}
	columns := map[string]string{}
	for _, c := range dcr.Properties.Streams[DefaultStream].Columns {
		columns[c.Name] = c.Type
		if !bytes.Contains(page, []byte(c.Name+"="+c.Type)) || !bytes.Contains(page, []byte("`"+c.Name+"`")) {
			t.Errorf("docs/sentinel.md: the column %s is not in the table or its description", c.Name)
		}
	}
	if len(columns) == 0 {
		t.Fatal("docs/sentinel.md has no rule")
	}
	return columns
}

func (f *fakeAzure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	base := "https://" + r.Host + "/" + tenant
	switch r.URL.Path {
	case "/" + tenant + "/v2.0/.well-known/openid-configuration":
		fmt.Fprintf(w, `{"authorization_endpoint":"%s/oauth2/v2.0/authorize","token_endpoint":"%s/oauth2/v2.0/token","issuer":"%s/v2.0"}`, base, base, base)
	case "/" + tenant + "/oauth2/v2.0/token":
		f.token(w, r, base+"/oauth2/v2.0/token")
	default:
		f.ingest(w, r)
	}
}

func (f *fakeAzure) token(w http.ResponseWriter, r *http.Request, audience string) {
	w.Header().Set("Content-Type", "application/json")
	deny := func(status int, kind, text string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":%q,"error_description":%q,"error_codes":[7000215]}`, kind, text)
	}
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != "client_credentials" || r.PostForm.Get("client_id") != client {
		deny(400, "unauthorized_client", "AADSTS700016: Application was not found in the directory.")
		return
	}
	if !strings.Contains(" "+r.PostForm.Get("scope")+" ", " "+DefaultScope+" ") {
		deny(400, "invalid_scope", "AADSTS70011: The provided value for the input parameter 'scope' is not valid.")
		return
	}
	if !f.proves(r.PostForm, audience) {
		deny(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
		return
	}
	f.issued++
	token := fmt.Sprintf("eyJ0eXAi.%d", f.issued)
	f.tokens[token] = true
	fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":%q}`, token)
}

// proves tells whether a form has the secret, a JWT that the certificate signed, or the
// workload's token.
func (f *fakeAzure) proves(form url.Values, audience string) bool {
	if form.Get("client_secret") != "" {
		return form.Get("client_secret") == f.secret
	}
	assertion := form.Get("client_assertion")
	if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return false
	}
	if assertion == f.federated {
		return true
	}
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 || f.key == nil {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	claims, err2 := base64.RawURLEncoding.DecodeString(parts[1])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return err == nil && err2 == nil && bytes.Contains(claims, []byte(audience)) && bytes.Contains(claims, []byte(client)) &&
		(rsa.VerifyPSS(f.key, crypto.SHA256, sum[:], signature, nil) == nil || rsa.VerifyPKCS1v15(f.key, crypto.SHA256, sum[:], signature) == nil)
}

func deny(w http.ResponseWriter, status int, code, text string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":%q,"message":%q}}`, code, text)
}

func (f *fakeAzure) ingest(w http.ResponseWriter, r *http.Request) {
	f.calls++
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case len(path) != 4 || path[0] != "dataCollectionRules" || path[2] != "streams" || r.Method != http.MethodPost:
		deny(w, 404, "NotFound", "The resource was not found.")
	case r.URL.Query().Get("api-version") != "2023-01-01":
		deny(w, 400, "InvalidApiVersion", "The api-version is missing or unknown.")
	case !bearer || !f.tokens[token]:
		deny(w, 401, "AuthenticationFailed", "The access token is invalid.")
	case path[1] != rule:
		deny(w, 404, "NotFound", "Data collection rule with immutable Id '"+path[1]+"' not found.")
	case f.noRole:
		deny(w, 403, "OperationFailed", "The authentication token provided does not have access to ingest data for the data collection rule with immutable Id '"+path[1]+"'.")
	case path[3] != DefaultStream:
		deny(w, 400, "InvalidStream", "Stream '"+path[3]+"' is not declared by the rule.")
	case r.Header.Get("Content-Type") != "application/json":
		deny(w, 415, "UnsupportedMediaType", "Content-Type must be application/json.")
	case f.limit == 0:
		f.limit = -1
		w.Header().Set("Retry-After", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat))
		deny(w, 429, "TooManyRequests", "The rule takes no more requests this minute.")
	default:
		f.limit--
		f.take(w, r)
	}
}

func (f *fakeAzure) take(w http.ResponseWriter, r *http.Request) {
	compressed, err := io.ReadAll(io.LimitReader(r.Body, maxCall+1))
	body := compressed
	if err == nil && r.Header.Get("Content-Encoding") == "gzip" {
		var zr *gzip.Reader
		if zr, err = gzip.NewReader(bytes.NewReader(compressed)); err == nil {
			body, err = io.ReadAll(io.LimitReader(zr, maxCall+1))
		}
	}
	var rows []map[string]json.RawMessage
	switch {
	case err != nil:
		deny(w, 400, "InvalidRequest", err.Error())
		return
	case len(compressed) > maxCall || len(body) > maxCall:
		deny(w, 413, "ContentLengthLimitExceeded", "Maximum allowed content length: 1048576 bytes.")
		return
	case bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")):
		w.WriteHeader(http.StatusNoContent) // and nothing is kept of it, as of the real one
		return
	case json.Unmarshal(body, &rows) != nil:
		deny(w, 400, "InvalidRequest", "The body is not a JSON array.")
		return
	case f.refuse != "" && bytes.Contains(body, []byte(f.refuse)):
		deny(w, 400, "InvalidRequest", "A row cannot be taken.")
		return
	}
	for _, row := range rows {
		var id string
		if err := json.Unmarshal(row["AlertId"], &id); err != nil {
			f.t.Errorf("a row without AlertId: %v", err)
		}
		f.check(id, row)
		f.rows[id]++
		f.last = row
	}
	w.WriteHeader(http.StatusNoContent)
}

// check finds what the real one drops or cuts without a word.
func (f *fakeAzure) check(id string, row map[string]json.RawMessage) {
	if _, ok := row["TimeGenerated"]; !ok {
		f.t.Errorf("%s: no TimeGenerated", id)
	}
	for column, value := range row {
		var ok bool
		switch f.columns[column] {
		case "datetime":
			var at time.Time
			ok = json.Unmarshal(value, &at) == nil
		case "string":
			var s string
			ok = json.Unmarshal(value, &s) == nil
		case "int":
			var n int32
			ok = json.Unmarshal(value, &n) == nil
		case "boolean":
			var b bool
			ok = json.Unmarshal(value, &b) == nil
		case "dynamic":
			ok = json.Valid(value) && (value[0] == '{' || value[0] == '[')
		}
		if !ok || len(value) > maxColumn+2 {
			f.t.Errorf("%s: column %s of type %q, %d bytes: %.60s", id, column, f.columns[column], len(value), value)
		}
	}
}
