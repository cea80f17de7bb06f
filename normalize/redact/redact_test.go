package redact

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/event"
)

var testKey = []byte("a key of this installation")

func redactor(t testing.TB, o Options) *Redactor {
	t.Helper()
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p.NewRedactor()
}

// jwt is a token with a header, claims and a signature.
func jwt(header, claims, signature string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(header)) + "." + enc([]byte(claims)) + "." + signature
}

var hashes = regexp.MustCompile(`redacted-[0-9a-f]{24}`)

// do redacts a text and returns it with # in place of hashes.
func do(t testing.TB, r *Redactor, text string) (string, *event.Record) {
	t.Helper()
	rec := &event.Record{Value: []byte(text)}
	r.Redact(rec)
	if string(rec.Bytes()) != text {
		t.Errorf("the original of %s is %s", text, rec.Bytes())
	}
	return hashes.ReplaceAllString(string(rec.Value), "#"), rec
}

func TestJSON(t *testing.T) {
	token := jwt(`{"alg":"RS256"}`, `{"sub":"x"}`, "c2lnbmF0dXJl")
	tests := []struct{ name, record, want string }{
		{"nothing", `{"eventName":"ListUsers","errorCode":null}`, ""},
		{"names that are none", `{"nextToken":"AAAA","clientToken":"b-1","passwordResetRequired":true,"PasswordLastUsed":"2026-01-01","tokenType":"x","secretId":"db","eventSource":"secretsmanager.amazonaws.com"}`, ""},
		{"CloudTrail's keys", `{"responseElements":{"credentials":{"accessKeyId":"ASIAEXAMPLE","secretAccessKey":"wJalrXUtnFEMI","sessionToken":"IQoJ b"}}}`,
			`{"responseElements":{"credentials":{"accessKeyId":"ASIAEXAMPLE","secretAccessKey":"#","sessionToken":"#"}}}`},
		{"white space and order stay", "{ \"b\" : 1 ,\n \"password\" : \"hunter2\" , \"a\":[1.0,2e3] }", "{ \"b\" : 1 ,\n \"password\" : \"#\" , \"a\":[1.0,2e3] }"},
		{"names in any case and form", `{"Client-Secret":"a b","DB_PASSWORD":"x1","masterUserPassword":"y2","X-Vault-Token":"z3","x-functions-key":"q4"}`,
			`{"Client-Secret":"#","DB_PASSWORD":"#","masterUserPassword":"#","X-Vault-Token":"#","x-functions-key":"#"}`},
		{"lists and numbers", `{"tokenCode":123456,"Authorization":["Bearer abcdefgh","Basic dXNlcjpwdw=="],"token":null,"password":true}`,
			`{"tokenCode":"#","Authorization":["Bearer #","Basic #"],"token":null,"password":true}`},
		{"an object of that name", `{"authorization":{"scope":"/subscriptions/1","action":"a/write"},"password":{"policy":"x"}}`, ""},
		{"masks stay", `{"password":"****","secretString":"HIDDEN_DUE_TO_SECURITY_REASONS","userData":"<sensitiveDataRemoved>","token":""}`, ""},
		{"environment", `{"env":[{"name":"DB_PASSWORD","value":"x1"},{"name":"MODE","value":"y"}],"tags":[{"Key":"apiKey","Value":"z"}]}`,
			`{"env":[{"name":"DB_PASSWORD","value":"#"},{"name":"MODE","value":"y"}],"tags":[{"Key":"apiKey","Value":"#"}]}`},
		{"cookies", `{"headers":{"cookie":"sid=abc; theme=dark","Set-Cookie":"sid=abc; Path=/; HttpOnly"},"cookies":{"a":"1x","b":{"c":"2x"}}}`,
			`{"headers":{"cookie":"sid=#; theme=#","Set-Cookie":"sid=#; Path=/; HttpOnly"},"cookies":{"a":"#","b":{"c":"#"}}}`},
		{"URLs", `{"uri":"https://x.blob.core.windows.net/c?sv=2024&sig=aB%2Bc%3D&se=1","u":"https://ann:pw1@h/p","v":"/a?access_token=t0k&page=2"}`,
			`{"uri":"https://x.blob.core.windows.net/c?sv=2024&sig=#&se=1","u":"https://ann:#@h/p","v":"/a?access_token=#&page=2"}`},
		{"a presigned URL", `{"u":"/k?X-Amz-Credential=AKIA%2F1&X-Amz-Signature=abcdef&X-Amz-Security-Token=IQo"}`, `{"u":"/k?X-Amz-Credential=AKIA%2F1&X-Amz-Signature=#&X-Amz-Security-Token=#"}`},
		{"escapes hide nothing", `{"p\u0061ssword":"x1","u":"\/a?p=1\u0026sig=abc","v":"\u0042earer abcdefghi","w":"https:\/\/a:b1@c\/"}`,
			`{"p\u0061ssword":"#","u":"/a?p=1&sig=#","v":"Bearer #","w":"https://a:#@c/"}`},
		{"AWS's header", `{"Authorization":"AWS4-HMAC-SHA256 Credential=AKIAX/20261118/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0a1b2c"}`,
			`{"Authorization":"AWS4-HMAC-SHA256 Credential=AKIAX/20261118/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=#"}`},
		{"a private key", `{"body":"x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- y"}`, `{"body":"x -----BEGIN RSA PRIVATE KEY-----#-----END RSA PRIVATE KEY----- y"}`},
		{"a connection string", `{"connectionString":"Server=db;User=a;Password=p1;","x":"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abc==;E=1"}`,
			`{"connectionString":"Server=db;User=a;Password=#;","x":"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=#;E=1"}`},
		{"tokens by their form", `{"x":"ghp_` + strings.Repeat("a", 36) + ` and ` + token + `."}`, `{"x":"# and #."}`},
		{"JSON in a text", `{"requestbody":"{\"properties\":{\"adminPassword\":\"p1\",\"n\":1}}","log":"{\"a\":\"{\\\"token\\\":\\\"t1\\\"}\"}"}`,
			`{"requestbody":"{\"properties\":{\"adminPassword\":\"#\",\"n\":1}}","log":"{\"a\":\"{\\\"token\\\":\\\"#\\\"}\"}"}`},
		{"both of a duplicate", `{"password":"a1","password":"b1"}`, `{"password":"#","password":"#"}`},
		{"bad UTF-8 before it", "{\"n\":\"\xff\xfe\",\"password\":\"a1\",\"z\":\"\xc3\"}", "{\"n\":\"\xff\xfe\",\"password\":\"#\",\"z\":\"\xc3\"}"},
		{"a working directory", `{"process":{"pwd":"/home/ann","pid":1},"p":{"pwd":"/"},"q":{"pwd":"/x9Z/b=="},"r":{"Pwd":"//"}}`,
			`{"process":{"pwd":"/home/ann","pid":1},"p":{"pwd":"/"},"q":{"pwd":"#"},"r":{"Pwd":"#"}}`},
		{"a list at the root", `[{"token":"t1"}]`, `[{"token":"#"}]`},
	}
	r := redactor(t, Options{Key: testKey})
	for _, tt := range tests {
		want := tt.want
		if want == "" {
			want = tt.record
		}
		got, rec := do(t, r, tt.record)
		if got != want {
			t.Errorf("%s:\n%s becomes\n%s, want\n%s", tt.name, tt.record, got, want)
		}
		if json.Valid([]byte(tt.record)) && !json.Valid(rec.Value) {
			t.Errorf("%s: no JSON any more: %s", tt.name, rec.Value)
		}
		if (rec.Redaction != "") != (tt.want != "") || rec.Redaction != "" && !json.Valid([]byte(rec.Redaction)) {
			t.Errorf("%s: what was done is %q", tt.name, rec.Redaction)
		}
	}
}

func TestKubernetesSecrets(t *testing.T) {
	r := redactor(t, Options{Key: testKey})
	for _, tt := range []struct{ record, want string }{
		{`{"kind":"Event","objectRef":{"resource":"secrets","name":"db"},"requestObject":{"kind":"Secret","metadata":{"name":"db","annotations":{"a":"b","kubectl.kubernetes.io/last-applied-configuration":"{\"kind\":\"Secret\",\"data\":{\"p\":\"eA==\"}}"}},"data":{"p":"eA=="},"stringData":{"q":"x1"},"type":"Opaque"}}`,
			`{"kind":"Event","objectRef":{"resource":"secrets","name":"db"},"requestObject":{"kind":"Secret","metadata":{"name":"db","annotations":{"a":"b","kubectl.kubernetes.io/last-applied-configuration":"{\"kind\":\"Secret\",\"data\":{\"p\":\"#\"}}"}},"data":{"p":"#"},"stringData":{"q":"#"},"type":"Opaque"}}`},
		{`{"objectRef":{"resource":"secrets"},"requestObject":{"data":{"p":"eA=="}},"responseObject":{"kind":"SecretList","items":[{"metadata":{"name":"a"},"data":{"p":"eA=="}}]}}`,
			`{"objectRef":{"resource":"secrets"},"requestObject":{"data":{"p":"#"}},"responseObject":{"kind":"SecretList","items":[{"metadata":{"name":"a"},"data":{"p":"#"}}]}}`},
		{`{"objectRef":{"resource":"secrets"},"requestObject":[{"op":"replace","path":"/data/p","value":"eA=="},{"op":"add","path":"/metadata/labels/a","value":"b"}]}`,
			`{"objectRef":{"resource":"secrets"},"requestObject":[{"op":"replace","path":"/data/p","value":"#"},{"op":"add","path":"/metadata/labels/a","value":"b"}]}`},
		{`{"protoPayload":{"methodName":"io.k8s.core.v1.secrets.create","resourceName":"core/v1/namespaces/shop/secrets/db","request":{"@type":"core.k8s.io/v1.Secret","data":{"p":"eA=="}}}}`,
			`{"protoPayload":{"methodName":"io.k8s.core.v1.secrets.create","resourceName":"core/v1/namespaces/shop/secrets/db","request":{"@type":"core.k8s.io/v1.Secret","data":{"p":"#"}}}}`},
		{`{"objectRef":{"resource":"configmaps"},"requestObject":{"kind":"ConfigMap","data":{"mode":"secret mode"}}}`, `{"objectRef":{"resource":"configmaps"},"requestObject":{"kind":"ConfigMap","data":{"mode":"secret mode"}}}`},
		{`{"category":"kube-audit","properties":{"log":"{\"objectRef\":{\"resource\":\"secrets\"},\"requestObject\":{\"data\":{\"p\":\"eA==\"}}}"}}`,
			`{"category":"kube-audit","properties":{"log":"{\"objectRef\":{\"resource\":\"secrets\"},\"requestObject\":{\"data\":{\"p\":\"#\"}}}"}}`},
	} {
		if got, _ := do(t, r, tt.record); got != tt.want {
			t.Errorf("%s becomes\n%s, want\n%s", tt.record, got, tt.want)
		}
	}
}

func TestLines(t *testing.T) {
	r := redactor(t, Options{Key: testKey})
	for _, tt := range []struct{ line, want string }{
		{`192.0.2.1 - ann [18/Nov/2026:09:04:05 +0000] "GET /a?code=404&page=2 HTTP/1.1" 200 1 "-" "curl/8"`, ""},
		{`192.0.2.1 - - [18/Nov/2026:09:04:05 +0000] "GET /cb?access_token=abc&x=1 HTTP/1.1" 200 1 "https://u:p1@ref/" "curl/8"`,
			`192.0.2.1 - - [18/Nov/2026:09:04:05 +0000] "GET /cb?access_token=#&x=1 HTTP/1.1" 200 1 "https://u:#@ref/" "curl/8"`},
		{`time="x" msg="sent" authorization="Bearer abcdefghijk" path=/a`, `time="x" msg="sent" authorization="Bearer #" path=/a`},
		{`Authorization: Custom abcdefghijk`, `Authorization: Custom #`},
		{`GET /f?code=` + strings.Repeat("A", 44) + `== HTTP/1.1`, `GET /f?code=# HTTP/1.1`},
		{`<34>1 2026-11-18T09:04:05Z h app - - - {"password":"p1","a":1}`, `<34>1 2026-11-18T09:04:05Z h app - - - {"password":"#","a":1}`},
		{`{"password":"p1`, ""},
		{"\xff GET /?sig=abc \xff", "\xff GET /?sig=# \xff"},
	} {
		want := tt.want
		if want == "" {
			want = tt.line
		}
		if got, _ := do(t, r, tt.line); got != want {
			t.Errorf("%s becomes\n%s, want\n%s", tt.line, got, want)
		}
	}
}

// The same credential has one hash wherever it stands, another under another key,
// and no record says what it was.
func TestHashesJoin(t *testing.T) {
	const secret = "s3cr3t-of-some-length-0123456789"
	r := redactor(t, Options{Key: testKey})
	var tokens []string
	for _, text := range []string{
		`{"password":"` + secret + `"}`, `{"Authorization":"Bearer ` + secret + `"}`, `GET /?access_token=` + secret + ` HTTP/1.1`, `{"cookie":"a=` + secret + `"}`,
	} {
		_, rec := do(t, r, text)
		tokens = append(tokens, hashes.FindString(string(rec.Value)))
		if strings.Contains(string(rec.Value)+rec.Redaction, secret) {
			t.Errorf("%s shows the secret", rec.Value)
		}
	}
	for _, token := range tokens {
		if token == "" || token != tokens[0] {
			t.Errorf("the hashes are %q", tokens)
		}
	}
	_, other := do(t, redactor(t, Options{Key: []byte("the key of another one")}), `{"password":"`+secret+`"}`)
	_, public := do(t, redactor(t, Options{}), `{"password":"`+secret+`","pwd":"hunter2"}`)
	if strings.Contains(string(other.Value), tokens[0]) || strings.Contains(string(public.Value), tokens[0]) {
		t.Error("the hash does not depend on the key")
	}
	if !strings.HasSuffix(string(public.Value), `,"pwd":"redacted"}`) {
		t.Errorf("under the key that everybody knows a guessable password became %s", public.Value)
	}
	if !strings.Contains(public.Redaction, `"key":"default"`) || strings.Contains(other.Redaction, "default") {
		t.Errorf("the ids of keys are in %s and %s", public.Redaction, other.Redaction)
	}
}

func TestJWT(t *testing.T) {
	r := redactor(t, Options{Key: testKey})
	none := jwt(`{"alg":"none","typ":"JWT"}`, `{"iss":"https://issuer.example","sub":"ann","jti":"7","aud":["a","b"],"scope":"read write","exp":1794994880,"secret":"x"}`, "")
	_, rec := do(t, r, `{"headers":{"authorization":"Bearer `+none+`"}}`)
	want := `{"key":"` + r.policy.id + `","redacted":1,"jwt":[{"at":"headers.authorization","alg":"none","typ":"JWT","iss":"https://issuer.example","sub":"ann","jti":"7","aud":["a","b"],"scope":"read write","exp":1794994880}]}`
	if diff := cmp.Diff(want, rec.Redaction); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, text := range []string{`GET /?t=` + none + ` HTTP/1.1`, `{"a":"x ` + none + `"}`, `{"token":"` + none + `"}`} {
		if _, rec := do(t, r, text); !strings.Contains(rec.Redaction, `"alg":"none"`) || strings.Contains(string(rec.Value), none) {
			t.Errorf("of %s there is %s", text, rec.Redaction)
		}
	}
	for _, text := range []string{`{"a":"eyJhIjoxfQ.eyJhIjoxfQ.x"}`, `{"a":"eyJ"}`, `{"a":"eyJhbGciOiJub25lIn0.e30"}`} {
		if got, _ := do(t, r, text); got != text {
			t.Errorf("%s is no token and became %s", text, got)
		}
	}
}

func TestChoices(t *testing.T) {
	r := redactor(t, Options{Key: testKey, Keys: []string{"badge-number"}, Values: []string{`emp-(\d+)`, `\bX\d{6}\b`}, Drop: []string{"managedFields", "spec.*.log"}, Hash: []string{"user.email"}})
	const record = `{"metadata":{"managedFields":[{"f:a":{}}],"email":"a@b"},"user":{"email":"ann@example.org","Badge_Number":"77"},"note":"emp-123 and X123456","spec":{"a":{"log":"l"},"log":"m"}}`
	got, rec := do(t, r, record)
	want := `{"metadata":{"managedFields":null,"email":"a@b"},"user":{"email":"#","Badge_Number":"#"},"note":"emp-# and #","spec":{"a":{"log":null},"log":"m"}}`
	if got != want {
		t.Errorf("became\n%s, want\n%s", got, want)
	}
	if c := r.counts; c != (Counts{Redacted: 3, Dropped: 2, Hashed: 1}) {
		t.Errorf("counts are %+v", c)
	}
	if !strings.Contains(rec.Redaction, `"redacted":3,"dropped":2,"hashed":1`) {
		t.Errorf("what was done is %s", rec.Redaction)
	}
	for _, bad := range []Options{{Key: []byte("short")}, {Keys: []string{"a"}}, {Values: []string{"("}}, {Values: []string{"a*"}}, {Drop: []string{"a..b"}}, {Hash: []string{"*"}}} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	var none *Policy
	if got, rec := do(t, none.NewRedactor(), record); got != record || rec.Redaction != "" {
		t.Errorf("without a policy it became %s", got)
	}
}
