package ocsf

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// goldenEvents are the events of all mappers' fixtures, as weir writes them.
func goldenEvents(tb testing.TB) [][]byte {
	tb.Helper()
	var events [][]byte
	err := filepath.WalkDir(filepath.Join("..", "..", "normalize"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".txtar" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, golden, ok := strings.Cut(string(text), "\n-- event.json --\n")
		if !ok {
			return nil // a record that is refused
		}
		var ev Event
		if err := ev.UnmarshalJSON([]byte(golden)); err != nil {
			tb.Errorf("%s: %v", path, err)
		}
		events = append(events, ev.AppendJSON(nil))
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	if len(events) < 100 {
		tb.Fatalf("only %d golden events", len(events))
	}
	return events
}

// sameAsDocument holds the stream's reading of a text against the document's. It
// tells whether the stream read it.
func sameAsDocument(t *testing.T, d *Decoder, text string) bool {
	t.Helper()
	got := new(Event)
	if !d.read(got, text) {
		return false
	}
	want := new(Event)
	doc := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
	err := doc.ParseString(text)
	if err == nil {
		err = want.DecodeJSON(doc.Root())
	}
	switch {
	case err != nil:
		t.Errorf("the document refuses what the stream reads: %v\n%s", err, text)
	case doc.Flags()&^jsondoc.NUL != 0:
		t.Errorf("the document has the flags %v\n%s", doc.Flags().Names(), text)
	case !reflect.DeepEqual(got, want):
		t.Errorf("the stream reads %s\nthe document %s", got.AppendJSON(nil), want.AppendJSON(nil))
	}
	return true
}

// TestGoldenEventsAreReadAsAStream: all that weir writes is read the fast way.
func TestGoldenEventsAreReadAsAStream(t *testing.T) {
	var d Decoder
	for _, text := range goldenEvents(t) {
		if !sameAsDocument(t, &d, string(text)) {
			t.Errorf("is not read as a stream: %s", text)
		}
	}
}

// oddTexts are not in the form that AppendJSON writes, or no events at all.
var oddTexts = []string{
	``, `{`, `{}`, `{} `, ` {}`, `{}x`, `[]`, `null`, `{"time":1,}`, `{"time":1 }`, `{"time" :1}`, `{"time":01}`, `{"time":1.0}`, `{"time":1e3}`, `{"time":null}`,
	`{"time":9223372036854775808}`, `{"time":9223372036854775807}`, `{"time":-9223372036854775808}`, `{"time":00}`, `{"time":0}`, `{"time":-0}`, `{"time":123456789012345678}`, `{"time":1`, `{"time":1]`, `{"activity_id":2147483648}`, `{"t\u0069me":1}`, `{"time":1,"time":2}`, `{"time":2,"message":"x"}`, `{"message":"x","time":2}`,
	`{"nothing":1}`, `{"message":"a\qb"}`, `{"message":"` + "\x01" + `"}`, `{"message":"` + "\xff" + `"}`, `{"message":"\ud800"}`, `{"message":"\ud83d\ude00\u0000\n"}`,
	`{"message":"x"`, `{"message":"x]}`, `{"message":"x"]`, `{"unmapped":{"a":1,"a":2}}`, `{"unmapped":{"a": [1 , {}]}}`, `{"unmapped": {}}`, `{"unmapped":[]}`, `{"unmapped":7}`,
	`{"unmapped":{"a":"\udc00"}}`, `{"unmapped":` + strings.Repeat(`{"a":`, 71) + `1` + strings.Repeat(`}`, 71) + `}`, `{"unmapped":` + strings.Repeat(`{"a":`, 72) + `1` + strings.Repeat(`}`, 72) + `}`,
	`{"is_mfa":true}`, `{"is_mfa":truex}`, `{"is_mfa":"true"}`, `{"actor":{}}`, `{"actor":{"user":{"name":"a"}},"api":{"operation":"b"}}`, `{"actor":[]}`,
	`{"resources":[]}`, `{"resources":[{}]}`, `{"resources":[{"uid":"a"},{"uid":"b"}]}`, `{"resources":[{"uid":"a"},]}`, `{"resources":[1]}`, `{"resources":{"uid":"a"}}`,
	`{"metadata":{"profiles":["cloud","osint"]}}`, `{"metadata":{"profiles":["cloud",1]}}`, `{"metadata":{"profiles":["a"}}`,
}

// TestDecoderOfOddTexts: whatever way a text is read, the answer is UnmarshalJSON's.
func TestDecoderOfOddTexts(t *testing.T) {
	var d Decoder
	for _, text := range oddTexts {
		sameAsDocument(t, &d, text)
		var got, want Event
		gotErr, wantErr := d.Decode(&got, []byte(text)), want.UnmarshalJSON([]byte(text))
		switch {
		case (gotErr == nil) != (wantErr == nil) || gotErr != nil && gotErr.Error() != wantErr.Error():
			t.Errorf("%s: error %v, want %v", text, gotErr, wantErr)
		case gotErr == nil && string(got.AppendJSON(nil)) != string(want.AppendJSON(nil)):
			t.Errorf("%s: reads %s, want %s", text, got.AppendJSON(nil), want.AppendJSON(nil))
		}
	}
}

func FuzzReadEvent(f *testing.F) {
	for _, text := range oddTexts {
		f.Add(text)
	}
	for i, text := range goldenEvents(f) {
		if i%10 == 0 {
			f.Add(string(text))
		}
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, text string) { sameAsDocument(t, &d, text) })
}

// TestDecodeAliased: whatever way a text is read, the event is Decode's, and stays so
// while others are read, until Reset.
func TestDecodeAliased(t *testing.T) {
	texts := goldenEvents(t)
	for _, text := range oddTexts {
		texts = append(texts, []byte(text))
	}
	var copying, aliasing Decoder
	for round := range 3 {
		events := make([]*Event, len(texts))
		for i, text := range texts {
			events[i] = new(Event)
			err, want := aliasing.DecodeAliased(events[i], text), copying.Decode(new(Event), text)
			if (err == nil) != (want == nil) || err != nil && err.Error() != want.Error() {
				t.Errorf("%s: error %v, want %v", text, err, want)
			}
			if err != nil {
				events[i] = nil
			}
		}
		for i, ev := range events {
			var want Event
			if ev == nil || copying.Decode(&want, texts[i]) != nil {
				continue
			}
			if !reflect.DeepEqual(ev, &want) {
				t.Errorf("round %d: %s\nis read as %s", round, texts[i], ev.AppendJSON(nil))
			}
		}
		aliasing.Reset(1 << 20)
	}
}

// TestDecodeErrorIsNoAlias: an error outlives the text that it is about.
func TestDecodeErrorIsNoAlias(t *testing.T) {
	text := []byte(`{"nothing":1}`)
	var d Decoder
	err := d.DecodeAliased(new(Event), text)
	clear(text)
	if err == nil || !strings.HasPrefix(err.Error(), "decode OCSF event: nothing: ") {
		t.Errorf("error %v", err)
	}
}

// TestDecodeAliasedAllocatesNothing once it is warm, but for very large events and a
// few oddities.
func TestDecodeAliasedAllocatesNothing(t *testing.T) {
	texts := slices.DeleteFunc(goldenEvents(t), func(text []byte) bool { return len(text) > 32<<10 })
	var d Decoder
	var ev Event
	read := func() {
		for _, text := range texts {
			if err := d.DecodeAliased(&ev, text); err != nil {
				t.Fatal(err)
			}
		}
		d.Reset(64 << 20)
	}
	read()
	if allocs := testing.AllocsPerRun(5, read); allocs > 5 { // for keys with an escape
		t.Errorf("%v allocations for %d events", allocs, len(texts))
	}
}

// BenchmarkDecoder reads golden events, as a stream with and without a copy, and by
// way of a document.
func BenchmarkDecoder(b *testing.B) {
	events := goldenEvents(b)
	bytes := 0
	for _, text := range events {
		bytes += len(text)
	}
	var ev Event
	var d Decoder
	doc := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
	for name, decode := range map[string]func([]byte) error{
		"stream": func(text []byte) error { return d.Decode(&ev, text) },
		"aliased": func(text []byte) error {
			d.Reset(1 << 20)
			return d.DecodeAliased(&ev, text)
		},
		"document": func(text []byte) error {
			if err := doc.Parse(text); err != nil {
				return err
			}
			return ev.DecodeJSON(doc.Root())
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(bytes / len(events)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := decode(events[i%len(events)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestAttributesAreSorted: they are looked up by halves, and events are written in
// their order.
func TestAttributesAreSorted(t *testing.T) {
	for _, c := range Classes {
		for i := range c.Attributes {
			if c.Attribute(c.Attributes[i].Name) != &c.Attributes[i] {
				t.Errorf("%s.%s is not found", c.Name, c.Attributes[i].Name)
			}
		}
	}
}
