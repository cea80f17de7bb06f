package envelope

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/weir-security/weir/schemas/event"
)

func gz(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func zst(text string, options ...zstd.EOption) string {
	w, err := zstd.NewWriter(nil, options...)
	if err != nil {
		panic(err)
	}
	return string(w.EncodeAll([]byte(text), nil))
}

func TestDecompress(t *testing.T) {
	const text = "{\"a\":1}\n{\"b\":2}\n"
	tests := []struct {
		name, input, compression, want string
	}{
		{"plain", text, "", text},
		{"nothing", "", "", ""},
		{"one byte", "x", "", "x"},
		{"gzip", gz(text), "gzip", text},
		{"gzip of several members", gz(text) + gz("") + gz("more"), "gzip", text + "more"},
		{"zstd", zst(text), "zstd", text},
		{"zstd of several frames", zst(text) + zst("more"), "zstd", text + "more"},
	}
	for _, tt := range tests {
		for name, r := range readers(tt.input) {
			d, err := Decompress(r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(d)
			if err != nil || string(got) != tt.want || d.Compression != tt.compression {
				t.Errorf("%s, %s: got %q, %q, %v", tt.name, name, d.Compression, got, err)
			}
			d.Close()
		}
	}
}

func TestDamage(t *testing.T) {
	text := strings.Repeat("{\"user\":\"alice\"}\n", 5000)
	wrongSum := []byte(gz(text))
	wrongSum[len(wrongSum)-6] ^= 1
	wrongBlock := []byte(zst(text))
	wrongBlock[len(wrongBlock)/2] ^= 0xff
	tests := []struct {
		name, input, detail string
	}{
		{"gzip cut", gz(text)[:len(gz(text))/2], "the gzip data is cut off: "},
		{"gzip cut in its trailer", gz(text)[:len(gz(text))-3], "the gzip data is cut off: "},
		{"gzip cut in its header", gz(text)[:5], "the gzip data is cut off: "},
		{"gzip with a wrong checksum", string(wrongSum), "the gzip data is damaged ("},
		{"gzip with something behind it", gz(text) + "junk that is no member", "the gzip data is damaged ("},
		{"zstd cut", zst(text)[:len(zst(text))-5], "the zstd data is cut off: "},
		{"zstd damaged", string(wrongBlock), "the zstd data is damaged ("},
		{"zstd with a window beyond memory", "\x28\xb5\x2f\xfd\x00\xf8\x00\x00\x00", "the zstd data is damaged ("},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Decompress(strings.NewReader(tt.input))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			got := split(t, d, Options{})
			if len(got) == 0 {
				t.Fatal("no pieces")
			}
			last := got[len(got)-1]
			if last.Reason != event.ReasonTruncated || !strings.HasPrefix(last.Detail, tt.detail) {
				t.Errorf("the last piece is %s: %s", last.Reason, last.Detail)
			}
			for i, p := range got[:len(got)-1] {
				if p.Reason != "" || string(p.Value) != `{"user":"alice"}` {
					t.Fatalf("piece %d is %s %q", i, p.Reason, p.Value)
				}
			}
		})
	}
}

// A damaged stream of lines gives up the line that it breaks in.
func TestDamagedLines(t *testing.T) {
	r := io.MultiReader(strings.NewReader("one\ntw"), iotest.ErrReader(&DamageError{"gzip", io.ErrUnexpectedEOF}))
	got := show(split(t, r, Options{Format: Format{Kind: Lines}}))
	if diff := cmp.Diff([]string{"one", "truncated: tw"}, got); diff != "" {
		t.Error(diff)
	}
}

// An error of the medium is no damage: the object may be read when it works again.
func TestMediumError(t *testing.T) {
	text := gz(strings.Repeat("x", 1000))
	d, err := Decompress(io.MultiReader(strings.NewReader(text[:20]), iotest.ErrReader(io.ErrClosedPipe)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(d)
	if damage := new(DamageError); !errors.Is(err, io.ErrClosedPipe) || errors.As(err, &damage) {
		t.Errorf("got %v", err)
	}
	if _, err := Decompress(iotest.ErrReader(io.ErrClosedPipe)); err != io.ErrClosedPipe {
		t.Errorf("got %v from the first read", err)
	}
}

// A gigabyte from a megabyte passes in constant memory: as one record that is too
// large, and as records.
func TestBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("decompresses 512 MiB")
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, `{"x":"`)
	block := bytes.Repeat([]byte("y"), 1<<20)
	for range 512 {
		w.Write(block)
	}
	io.WriteString(w, "\"}\n{\"a\":1}\n")
	w.Close()
	d, err := Decompress(&b)
	if err != nil {
		t.Fatal(err)
	}
	s := New(d, Options{})
	got := drain(t, s)
	if len(got) != 2 || got[0].Reason != event.ReasonTooLarge || got[0].Size != 512<<20+8 || string(got[1].Value) != `{"a":1}` {
		t.Errorf("%d pieces", len(got))
	}
	if len(s.buf) > 3*DefaultRecordLimit {
		t.Errorf("the window grew to %d bytes", len(s.buf))
	}
}
