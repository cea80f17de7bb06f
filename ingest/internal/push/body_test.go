package push

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func FuzzReadBody(f *testing.F) {
	f.Add([]byte(gz(batchOf(0, 1))), "gzip")
	f.Add([]byte(gz("a")+gz("b")), "gzip")
	f.Add([]byte(batchOf(0, 1)), "")
	f.Add([]byte(gz(strings.Repeat(" ", 100_000))), "gzip")
	f.Add([]byte(zst(batchOf(0, 1))), "zstd")
	f.Add([]byte(zst(strings.Repeat(" ", 100_000))), "zstd")
	f.Fuzz(func(t *testing.T, data []byte, encoding string) {
		const limit, memory = 10_000, 1<<20 + zstdWindow
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(data))
		r.Header.Set("Content-Encoding", encoding)
		m := newMemory(memory)
		l := &lease{memory: m}
		body, err := readBody(httptest.NewRecorder(), r, limit, l)
		switch {
		case len(body) > limit:
			t.Errorf("%d bytes", len(body))
		case l.held > memory || l.held < int64(len(body)):
			t.Errorf("%d bytes are held for %d", l.held, len(body))
		case encoding == "" && len(data) <= limit && (err != nil || !bytes.Equal(body, data)):
			t.Errorf("the body changed, or %v", err)
		}
		l.release()
		if free := m.free.Load(); free != memory {
			t.Errorf("%d bytes are free at the end", free)
		}
	})
}

// What comes compressed is read like what does not, and a bomb goes no further than the
// limit.
func TestReadBody(t *testing.T) {
	const limit = 64 << 10
	text := batchOf(0, 100)
	for _, c := range []struct {
		name, encoding, body string
		code                 int // 0: it is read
	}{
		{"plain", "", text, 0},
		{"identity", "identity", text, 0},
		{"gzip", "gzip", gz(text), 0},
		{"gzip in two members", "GZIP", gz(text[:500]) + gz(text[500:]), 0},
		{"zstd", "zstd", zst(text), 0},
		{"zstd in two frames", "zstd", zst(text[:500]) + zst(text[500:]), 0},
		{"a gzip bomb", "gzip", gz(strings.Repeat("a", 64<<20)), http.StatusRequestEntityTooLarge},
		{"a zstd bomb", "zstd", zst(strings.Repeat("a", 64<<20)), http.StatusRequestEntityTooLarge},
		{"gzip that is cut off", "gzip", gz(text)[:100], http.StatusBadRequest},
		{"zstd that is cut off", "zstd", zst(text)[:100], http.StatusBadRequest},
		{"no gzip", "gzip", text, http.StatusBadRequest},
		{"no zstd", "zstd", text, http.StatusBadRequest},
		{"two encodings", "gzip, gzip", gz(gz(text)), http.StatusUnsupportedMediaType},
		{"deflate", "deflate", text, http.StatusUnsupportedMediaType},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(c.body))
		r.Header.Set("Content-Encoding", c.encoding)
		l := &lease{memory: newMemory(16 << 20)}
		body, err := readBody(httptest.NewRecorder(), r, limit, l)
		cfg := testConfig()
		switch {
		case c.code == 0:
			if err != nil || string(body) != text {
				t.Errorf("%s: %d bytes, error %v", c.name, len(body), err)
			}
		case err == nil:
			t.Errorf("%s: was read", c.name)
		default:
			if a := newHandler(&cfg, lines{}, new(access), nil).explain(err); a.Code != c.code {
				t.Errorf("%s: answer %+v", c.name, a)
			}
		}
		if l.held > 8*limit {
			t.Errorf("%s: %d bytes are held", c.name, l.held)
		}
	}
}
