package jsondoc

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// TestMemoryKeepsStrings reads far more than a block holds: each string stays what it
// was until Reset, and what is read then is written over the first ones.
func TestMemoryKeepsStrings(t *testing.T) {
	var m Memory
	s := Stream{Memory: &m}
	read := func(i int) string {
		text := `"` + strconv.Itoa(i) + strings.Repeat(`\"x\n`, i%200) + `"`
		s.Reset(text)
		got, ok := s.Str()
		if !ok {
			t.Fatalf("%s is not read", text)
		}
		return got
	}
	want := func(i int) string { return strconv.Itoa(i) + strings.Repeat("\"x\n", i%200) }
	var all []string
	for i := range 5000 {
		all = append(all, read(i))
	}
	for i, got := range all {
		if got != want(i) {
			t.Fatalf("string %d is %q, want %q", i, got, want(i))
		}
	}
	if len(m.blocks) < 3 {
		t.Fatalf("%d blocks: the test reads too little", len(m.blocks))
	}
	first := strings.Clone(all[1])
	m.Reset(2*blockSize + 1)
	if len(m.blocks) != 2 {
		t.Errorf("%d blocks are kept, want 2", len(m.blocks))
	}
	read(7)
	if all[1] == first {
		t.Error("memory is not used again after Reset")
	}
	if m.Reset(0); len(m.blocks) != 0 {
		t.Errorf("%d blocks are kept, want none", len(m.blocks))
	}
}

// TestMemoryOfLargeTexts: what is large for a block is read without it.
func TestMemoryOfLargeTexts(t *testing.T) {
	var m Memory
	s := Stream{Memory: &m}
	for _, size := range []int{blockSize/4 - 20, blockSize / 4, blockSize, 3 * blockSize} {
		want := strings.Repeat("\\", size/2)
		s.Reset(`"` + strings.Repeat(`\\`, size/2) + `"`)
		if got, ok := s.Str(); !ok || got != want {
			t.Errorf("a text of %d bytes is read as one of %d, %v", size/2, len(got), ok)
		}
	}
	if len(m.blocks) != 1 {
		t.Errorf("%d blocks, want 1", len(m.blocks))
	}
}

func TestAlias(t *testing.T) {
	data := []byte("abc")
	s := Alias(data)
	if data[1] = 'x'; s != "axc" {
		t.Errorf("Alias is %q after a change, so it is a copy", s)
	}
	if s := Alias(nil); s != "" {
		t.Errorf("Alias(nil) is %q", s)
	}
}

// decoded is what is known of a string once it was read.
type decoded struct {
	Text       string
	Pos        int
	Err        string
	Flags      Flags
	Surrogates []uint32
}

// decodeBoth reads the text of a string as Stream.Str does with Memory, and in two
// passes, the plain way.
func decodeBoth(src string) (got, want decoded) {
	var d Doc
	p := parser{doc: &d, src: src}
	dst := make([]byte, len(src)+8)
	n, err := p.decode(dst)
	got = result(&p, string(dst[:n]), err)

	d = Doc{}
	p = parser{doc: &d, src: src, pos: -1}
	_, err = p.string()
	text := ""
	if err == nil {
		text = plainUnescape(src[:p.pos-1])
	}
	return got, result(&p, text, err)
}

func result(p *parser, text string, err *Error) decoded {
	d := decoded{Text: text, Pos: p.pos, Flags: p.doc.flags, Surrogates: p.doc.surrogates}
	if err != nil {
		d.Err = err.Error()
	}
	return d
}

func checkDecode(t *testing.T, src string) {
	t.Helper()
	got, want := decodeBoth(src)
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("%q is read as\n%+v, want\n%+v", src, got, want)
	}
}

// TestDecode puts each kind of byte and escape at every place of the eight that are
// read together, and ends the text behind it or later.
func TestDecode(t *testing.T) {
	for _, odd := range []string{
		`"`, `\"`, `\\`, `\/`, `\n`, `\u0000`, `\u00e9`, `\u6771`, `\ud83d\ude00`, `\ud800`, `\udc00\ud83d`, `\q`, `\u00g0`, `\`, "\x00", "\x1f", "\n", "é", "東", "😀", "\x7f",
	} {
		for before := range 18 {
			for after := range 10 {
				checkDecode(t, strings.Repeat("a", before)+odd+strings.Repeat("b", after)+`"`)
				checkDecode(t, strings.Repeat("a", before)+odd+strings.Repeat("b", after))
				checkDecode(t, strings.Repeat("a", before)+odd+odd+strings.Repeat("b", after)+`","next":"more"}`)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{\"a\":\"b\"}","x":1}`, `\ud83d\ud83d\ude00"`, `\b\f\r\t"`, `unfinished \u12`, `"`} {
		f.Add(seed)
	}
	f.Fuzz(checkDecode)
}

// BenchmarkStr reads a record that stands as text in an event, as all do: in one pass
// into Memory, and checked first, then unescaped.
func BenchmarkStr(b *testing.B) {
	quoted := strconv.Quote(strings.Repeat(`{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole"}},`, 20))
	var m Memory
	for name, memory := range map[string]*Memory{"memory": &m, "allocated": nil} {
		b.Run(name, func(b *testing.B) {
			s := Stream{Memory: memory}
			b.SetBytes(int64(len(quoted)))
			b.ReportAllocs()
			for b.Loop() {
				m.Reset(blockSize)
				s.Reset(quoted)
				if _, ok := s.Str(); !ok {
					b.Fatal("not read")
				}
			}
		})
	}
}
