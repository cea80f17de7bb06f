package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weir-security/weir/internal/yamlpos"
)

// FuzzLoad: whatever the file, the answer is a configuration that shows as one
// that loads again, or problems that name the file.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(everything))
	f.Fuzz(func(t *testing.T, text []byte) {
		// A text must not make the test read the machine's files: a key that names one
		// becomes an unknown key, and the rest is parsed all the same.
		text = bytes.ReplaceAll(text, []byte("_file"), []byte("_f1le"))
		c, err := Parse("weir.yaml", text, testOptions)
		if err != nil {
			var problems yamlpos.Problems
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("not problems: %v", err)
			}
			for _, p := range problems {
				if p.File != "weir.yaml" || p.Message == "" || p.Line < 0 || p.Col < 0 {
					t.Errorf("bad problem %+v", p)
				}
			}
			return
		}
		maskAll(c)
		shown, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("weir.yaml", shown, testOptions)
		if err != nil {
			t.Fatalf("shown configuration does not load: %v\n%s", err, shown)
		}
		if diff := cmp.Diff(c, again, ignorePlaces, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("loaded again (-want +got):\n%s", diff)
		}
	})
}

// maskAll makes of every secret what is shown of it.
func maskAll(c *Config) {
	if c.Redact.Key != "" {
		c.Redact.Key = mask
	}
	sasl := []*SASL{c.Kafka.SASL}
	for _, a := range c.Alerts {
		if a.Kafka != nil {
			sasl = append(sasl, a.Kafka.SASL)
		}
		secrets := []*Secret{}
		switch {
		case a.Splunk != nil:
			secrets = append(secrets, &a.Splunk.Token)
		case a.Elastic != nil:
			secrets = append(secrets, &a.Elastic.APIKey, &a.Elastic.Password, &a.Elastic.BearerToken)
		case a.Sentinel != nil:
			secrets = append(secrets, &a.Sentinel.ClientSecret, &a.Sentinel.CertificatePassword)
		}
		for _, s := range secrets {
			*s = Secret(s.String())
		}
		w := a.Webhook
		if w == nil {
			continue
		}
		w.URL = Secret(MaskURL(string(w.URL)))
		w.Secret = Secret(w.Secret.String())
		for name := range w.Headers {
			w.Headers[name] = mask
		}
		if w.Signature != nil {
			w.Signature.Key = mask
		}
	}
	for _, s := range sasl {
		if s != nil {
			s.Password, s.ClientSecret = Secret(s.Password.String()), Secret(s.ClientSecret.String())
		}
	}
}

// FuzzExpand: what has no ${ is itself, and an escaped text comes back whole.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"", "plain", "$HOST", "${HOST}", "a${HOST}b${EMPTY}", "${NOPE:-x}", "${EMPTY:-y}", "$${HOST}", "$$${HOST}", "${", "${}", "${1A}", "${A:-${B}}", "$", "$$", "}${HOST"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := expand(s, testOptions.Env)
		if err == nil && !strings.Contains(s, "${") && got != s {
			t.Errorf("expand(%q) = %q", s, got)
		}
		literal, err := expand(escape(s), testOptions.Env)
		if err != nil || literal != s {
			t.Errorf("expand(escape(%q)) = %q, %v", s, literal, err)
		}
	})
}
