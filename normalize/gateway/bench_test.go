package gateway_test

import (
	"bytes"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
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

// FuzzMap maps anything as NGINX's, with all that every event must be.
func FuzzMap(f *testing.F) {
	suiteOf("nginx").Fuzz(f, `1007:d77: 00000000 - 0 [01/Nov/0000:00:00:00 +0000] "0"0 000 0`,
		`::1 - - [18/Nov/2026:09:04:05 +0100] "" 400 0 "-" "\xC3\xA9\xFF\x22"`,
		`{"remote_addr":"192.0.2.1","status":"200","msec":"1794990352.123","request":"GET / HTTP/1.1"}`)
}

// FuzzAll maps anything by every vendor: a valid event, or an error.
func FuzzAll(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.TrimSuffix(archive.Files[0].Data, []byte("\n")))
	}
	names := slices.Sorted(maps.Keys(vendors))
	mappers := make([]normalize.Mapper, len(names))
	for i, name := range names {
		mappers[i] = vendors[name].NewMapper()
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		var ev ocsf.Event
		for i, mapper := range mappers {
			vendors[names[i]].LineDialect(string(record))
			if err := mapper.Map(&event.Record{Value: record}, &ev); err != nil {
				var mapErr *normalize.Error
				if !errors.As(err, &mapErr) {
					t.Fatalf("%s: %v is no *normalize.Error", names[i], err)
				}
				continue
			}
			for _, v := range facts.Validate(ev.AppendJSON(nil)) {
				t.Errorf("%s: %s: %s", names[i], v.Path, v.Message)
			}
		}
	})
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

// TestLongLines maps lines of megabytes that are made to be tried again and again:
// the work stays in proportion to their length. If it did not, this would take
// minutes.
func TestLongLines(t *testing.T) {
	const size = 1 << 20
	for _, piece := range []string{"a: ", `" "`, " [", "1 - [", "192.0.2.1, "} {
		for _, line := range []string{
			strings.Repeat(piece, size/len(piece)),
			`192.0.2.1 - ` + strings.Repeat(piece, size/len(piece)) + ` [18/Nov/2026:09:04:05 +0000] "GET / HTTP/1.1" 200 x`,
			`192.0.2.1 - - [18/Nov/2026:09:04:05 +0000] "GET / HTTP/1.1" 200 1 "` + strings.Repeat(piece, size/len(piece)),
		} {
			for name, v := range vendors {
				var ev ocsf.Event
				var mapErr *normalize.Error
				if err := v.NewMapper().Map(&event.Record{Value: []byte(line)}, &ev); err != nil && !errors.As(err, &mapErr) {
					t.Errorf("%s: %.40s: %v", name, line, err)
				}
			}
		}
	}
}
