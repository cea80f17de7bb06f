package gateway_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/weir-security/weir/normalize/gateway"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// benched are the usual records of each vendor.
var benched = map[string][]string{
	"nginx": {"combined", "forwarded_for", "absolute_url"}, "apache": {"common", "vhost_combined"}, "envoy": {"istio", "default"},
	"traefik": {"json"}, "haproxy": {"http"}, "caddy": {"json"}, "kong": {"json"}, "apisix": {"json"}, "alb": {"https"}, "elb": {"classic"},
	"apigateway": {"json"}, "cloudfront": {"standard"}, "waf": {"block"}, "s3access": {"get"}, "appgateway": {"access_v2"},
	"frontdoor": {"access"}, "apim": {"gateway"},
}

func BenchmarkMap(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(benched)) {
		b.Run(name, func(b *testing.B) { suiteOf(name).Benchmark(b, benched[name]...) })
	}
	b.Run("ingress", func(b *testing.B) { suiteOf("nginx").Benchmark(b, "ingress", "ingress_retry") })
}

// BenchmarkCustom measures a format of a configuration.
func BenchmarkCustom(b *testing.B) {
	f, err := gateway.NGINX.Compile(`$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time`)
	if err != nil {
		b.Fatal(err)
	}
	rec := &event.Record{Value: []byte(`203.0.113.7 - - [18/Nov/2026:09:04:05 +0000] "GET /a?b=c HTTP/1.1" 200 4183 "-" "Mozilla/5.0 (X11; Linux x86_64)" 0.012`)}
	m := gateway.NGINX.NewMapper(f)
	var ev ocsf.Event
	b.SetBytes(int64(len(rec.Value)))
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Map(rec, &ev); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAllocations holds the text path to what an event needs: its text twice (of the
// record, and for the hash), its uid, an observable and unmapped.
func TestAllocations(t *testing.T) {
	rec := &event.Record{Value: []byte(`203.0.113.7 - - [18/Nov/2026:09:04:05 +0000] "GET /a?b=c HTTP/1.1" 200 4183 "-" "Mozilla/5.0 (X11; Linux x86_64)"`)}
	m := gateway.NGINX.NewMapper()
	var ev ocsf.Event
	got := testing.AllocsPerRun(100, func() {
		if err := m.Map(rec, &ev); err != nil {
			t.Fatal(err)
		}
	})
	if got > 6 {
		t.Errorf("a line takes %v allocations", got)
	}
}

func TestMutate(t *testing.T) {
	for name, list := range map[string][]string{
		"nginx": {"json_tls", "wrapped_container"}, "traefik": {"json", "json_forwarded"}, "envoy": {"istio_json"}, "caddy": {"json"}, "kong": {"json", "stream"},
		"apisix": {"json"}, "apigateway": {"json_snake"}, "cloudfront": {"json"}, "waf": {"block", "captcha"}, "s3access": {"table"},
		"appgateway": {"access_v2", "firewall_blocked", "performance"}, "frontdoor": {"access", "firewall", "health_probe"}, "apim": {"gateway"},
	} {
		t.Run(name, func(t *testing.T) { suiteOf(name).Mutate(t, list...) })
	}
}

func FuzzMap(f *testing.F) {
	for name := range vendors {
		_ = name
	}
	suiteOf("nginx").Fuzz(f, `1007:d77: 00000000 - 0 [01/Nov/0000:00:00:00 +0000] "0"0 000 0`,
		`::1 - - [18/Nov/2026:09:04:05 +0100] "" 400 0 "-" "\xC3\xA9\xFF\x22"`,
		`{"remote_addr":"192.0.2.1","status":"200","msec":"1794990352.123","request":"GET / HTTP/1.1"}`)
}

// A time of the common log format is what time.Parse reads.
func FuzzParseCLF(f *testing.F) {
	for _, seed := range []string{"18/Nov/2026:09:04:05 +0000", "29/Feb/2024:23:59:59 -0330", "31/Apr/2026:00:00:00 +0000", "01/Jan/0000:00:00:00 +1400", "00/Jan/2026:00:00:00 +0000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line := `192.0.2.1 - - [` + text + `] "GET / HTTP/1.1" 200 1 "-" "-"`
		var ev ocsf.Event
		err := gateway.NGINX.NewMapper().Map(&event.Record{Value: []byte(line)}, &ev)
		want, parseErr := time.Parse("02/Jan/2006:15:04:05 -0700", text)
		if len(text) != 26 {
			return
		}
		switch {
		case parseErr == nil && err != nil:
			t.Errorf("%q is refused: %v", text, err)
		case parseErr == nil && want.UnixMilli() != ev.Time():
			t.Errorf("%q is %d, want %d", text, ev.Time(), want.UnixMilli())
		}
	})
}
