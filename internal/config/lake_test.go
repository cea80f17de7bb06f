package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLakeStores(t *testing.T) {
	const secret = "hX9-not-to-be-shown"
	env := func(name string) (string, bool) { return secret, name == "SECRET" }
	tests := []struct {
		lake               string
		scheme, host, path string
		place              string
	}{
		{"{url: s3://logs-lake}", "s3", "logs-lake", "", "s3://logs-lake"},
		{"{url: s3://logs-lake/weir/prod/, s3: {region: eu-central-1, role_arn: \"arn:aws:iam::111122223333:role/weir\", external_id: x, kms_key_id: alias/lake}}", "s3", "logs-lake", "weir/prod", "s3://logs-lake/weir/prod/"},
		{"{url: s3://logs, s3: {endpoint: \"http://127.0.0.1:9000\", path_style: true, access_key_id: weir, secret_access_key: \"${SECRET}\"}}", "s3", "logs", "", "s3://logs"},
		{"{url: azblob://weirlake/lake/prod}", "azblob", "weirlake", "lake/prod", "azblob://weirlake/lake/prod"},
		{"{url: azblob://weirlake/lake, azblob: {sas: \"${SECRET}\"}}", "azblob", "weirlake", "lake", "azblob://weirlake/lake"},
		{"{url: azblob://weirlake/lake, azblob: {tenant_id: t, client_id: c, client_secret: \"${SECRET}\"}}", "azblob", "weirlake", "lake", "azblob://weirlake/lake"},
		{"{dir: /var/lib/weir/lake}", "", "", "", "/var/lib/weir/lake"},
	}
	for _, tt := range tests {
		text := "instance: one\nkafka: {brokers: [kafka:9092]}\nlake: " + tt.lake + "\n"
		c, err := Parse("weir.yaml", []byte(text), Options{Env: env})
		if err != nil {
			t.Errorf("%s: %v", tt.lake, err)
			continue
		}
		scheme, host, path := c.Lake.Store()
		if scheme != tt.scheme || host != tt.host || path != tt.path || c.Lake.Place() != tt.place {
			t.Errorf("%s: store %q %q %q, place %q", tt.lake, scheme, host, path, c.Lake.Place())
		}
		shown, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(shown), secret) {
			t.Errorf("%s: the secret is shown:\n%s", tt.lake, shown)
		}
		again, err := Parse("weir.yaml", shown, Options{Env: env})
		if err != nil {
			t.Errorf("%s: what is shown cannot be loaded: %v\n%s", tt.lake, err, shown)
			continue
		}
		mask := func(c *Config) Lake {
			l := c.Lake
			if l.S3 != nil {
				l.S3.SecretAccessKey = ""
			}
			if l.AzBlob != nil {
				l.AzBlob.SAS, l.AzBlob.ClientSecret = "", ""
			}
			return l
		}
		if diff := cmp.Diff(mask(c), mask(again)); diff != "" {
			t.Errorf("%s: loaded from what is shown (-want +got):\n%s", tt.lake, diff)
		}
	}
}
