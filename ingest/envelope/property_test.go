package envelope

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/internal/corpus"
	"github.com/weir-security/weir/schemas/event"
)

// check holds the package's invariants on one input.
func check(t *testing.T, input []byte, o Options) {
	t.Helper()
	whole := split(t, bytes.NewReader(input), o)
	if o.Format.Transports == 0 {
		checkCoverage(t, input, o, whole)
		checkReference(t, input, o, whole)
	} else {
		checkPositions(t, input, o, whole)
	}

	bytewise := split(t, iotest.OneByteReader(bytes.NewReader(input)), o)
	if diff := diffPieces(whole, bytewise); diff != "" {
		t.Errorf("%q: byte by byte differs (-whole +bytewise):\n%s", input, diff)
	}
	checkGrowing(t, input, o, whole)
	checkResume(t, input, o, whole)
}

// diffPieces is cmp.Diff, called only where there is a difference: it is slow.
func diffPieces(want, got []Piece) string {
	same := slices.EqualFunc(want, got, func(a, b Piece) bool {
		return a.Offset == b.Offset && a.Size == b.Size && a.Reason == b.Reason && a.Detail == b.Detail &&
			a.Decoded == b.Decoded && a.Envelope == b.Envelope && a.SHA256 == b.SHA256 && bytes.Equal(a.Value, b.Value)
	})
	if same {
		return ""
	}
	return cmp.Diff(want, got)
}

// checkCoverage: pieces are in order, hold the stream's bytes, and leave out nothing
// but separators (and the members of envelopes, if there may be any).
func checkCoverage(t *testing.T, input []byte, o Options, pieces []Piece) {
	t.Helper()
	limit := o.Limits.Record
	if limit == 0 {
		limit = DefaultRecordLimit
	}
	end := int64(0)
	gap := func(to int64) {
		if to < end || to > int64(len(input)) {
			t.Fatalf("%q: a piece at %d behind one that ends at %d", input, to, end)
		}
		between := bytes.ReplaceAll(input[end:to], []byte(byteOrderMark), nil)
		separators := " \t\r\n,[]"
		if o.Format.Kind == Lines {
			separators = "\r\n"
		}
		if rest := bytes.Trim(between, separators); len(rest) > 0 && len(o.Format.EnvelopeKeys) == 0 {
			t.Errorf("%q: bytes %d to %d belong to nothing: %q", input, end, to, rest)
		}
	}
	for _, p := range pieces {
		gap(p.Offset)
		end = p.Offset + p.Size
		if end > int64(len(input)) {
			t.Fatalf("%q: a piece ends at %d", input, end)
		}
		want := input[p.Offset:end]
		if p.SHA256 != "" {
			want = want[:min(len(want), keptHead)]
		}
		if !bytes.Equal(p.Value, want) {
			t.Errorf("%q: piece %q is not the bytes at %d", input, p.Value, p.Offset)
		}
		if p.Reason == "" && (p.Size > int64(limit) || o.Format.Kind == JSON && !json.Valid(p.Value)) {
			t.Errorf("%q: %q is no record", input, p.Value)
		}
	}
	gap(int64(len(input)))
}

// checkPositions: pieces that transports brought have positions of their own, in
// order, and the others hold the stream's bytes. Only what is said of an envelope, and
// holds nothing, stands where another piece does.
func checkPositions(t *testing.T, input []byte, o Options, pieces []Piece) {
	t.Helper()
	last, holds := int64(-1), false
	for _, p := range pieces {
		if p.Offset < last || p.Offset == last && holds && p.Value != nil || p.Offset > int64(len(input)) {
			t.Errorf("%q: a piece at %d behind one at %d", input, p.Offset, last)
		}
		last, holds = p.Offset, p.Value != nil
		if p.Decoded || p.SHA256 != "" {
			continue
		}
		if end := p.Offset + p.Size; end > int64(len(input)) || !bytes.Equal(p.Value, input[p.Offset:end]) {
			t.Errorf("%q: piece %q is not the bytes at %d", input, p.Value, p.Offset)
		}
		if p.Envelope != "" && !json.Valid([]byte(p.Envelope)) {
			t.Errorf("%q: the envelope of a piece is %q", input, p.Envelope)
		}
	}
}

// checkReference: what encoding/json reads as a stream of values is split as
// encoding/json splits it.
func checkReference(t *testing.T, input []byte, o Options, pieces []Piece) {
	t.Helper()
	want, ok := reference(input, o.Format.EnvelopeKeys)
	if !ok || o.Format.Kind != JSON {
		return
	}
	var got []string
	for _, p := range pieces {
		if p.Reason == event.ReasonTooLarge && len(p.Value) < keptHead {
			p.Reason = ""
		}
		if p.Reason != "" {
			t.Errorf("%q: rejected %q: %s", input, p.Value, p.Detail)
		}
		got = append(got, string(p.Value))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q: (-encoding/json +got):\n%s", input, diff)
	}
}

// reference splits a stream of valid JSON by encoding/json. It is not ok with a
// stream that is broken, or to which the package's own rules apply: a scalar that
// something directly follows, nesting beyond the limit, an escaped member name.
func reference(input []byte, keys []string) (records []string, ok bool) {
	if bytes.Contains(input, []byte(`\u`)) || bytes.Count(input, []byte("["))+bytes.Count(input, []byte("{")) >= maxDepth {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(input))
	for {
		var value json.RawMessage
		err := d.Decode(&value)
		if err == io.EOF {
			return records, true
		}
		if err != nil {
			return nil, false
		}
		end := d.InputOffset()
		if value[0] != '{' && value[0] != '[' && end < int64(len(input)) && !isSpace(input[end]) {
			return nil, false
		}
		elements, wrapped := unwrap(value, keys)
		if !wrapped {
			elements = []json.RawMessage{value}
		}
		for _, e := range elements {
			records = append(records, string(e))
		}
	}
}

// unwrap returns the elements of an array, or of the arrays of an envelope.
func unwrap(value json.RawMessage, keys []string) (elements []json.RawMessage, ok bool) {
	if json.Unmarshal(value, &elements) == nil && value[0] == '[' {
		return elements, true
	}
	if value[0] != '{' {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(value))
	d.Token()
	for d.More() {
		name, _ := d.Token()
		var member json.RawMessage
		d.Decode(&member)
		for _, k := range keys {
			if name == k && member[0] == '[' {
				part, _ := unwrap(member, nil)
				elements, ok = append(elements, part...), true
			}
		}
	}
	return elements, ok
}

// checkGrowing: a stream that is read while it grows gives the same pieces.
func checkGrowing(t *testing.T, input []byte, o Options, whole []Piece) {
	t.Helper()
	var file bytes.Buffer
	o.Growing = true
	s := New(&file, o)
	var got []Piece
	for i := range input {
		file.WriteByte(input[i])
		if i%3 == 0 {
			got = append(got, drain(t, s)...)
		}
	}
	s.Finish()
	got = append(got, drain(t, s)...)
	if diff := diffPieces(whole, got); diff != "" {
		t.Errorf("%q: growing differs (-whole +growing):\n%s", input, diff)
	}
}

// checkResume: from the position behind each piece, another splitter returns the
// pieces that follow.
func checkResume(t *testing.T, input []byte, o Options, whole []Piece) {
	t.Helper()
	var s, again Splitter
	s.Reset(bytes.NewReader(input), o)
	for i := 0; ; i++ {
		from := s.Position()
		o.From = from
		again.Reset(bytes.NewReader(input[from.Start:]), o)
		rest := drain(t, &again)
		if diff := diffPieces(whole[i:], rest); diff != "" {
			t.Errorf("%q: resumed before piece %d at %+v (-want +got):\n%s", input, i, from, diff)
		}
		if p, err := s.Next(); err != nil || s.at == atEnd && s.Position().Next <= p.Offset {
			return // the end, or a truncated piece, which is there again
		}
	}
}

var seeds = []string{
	`{"items":[]{`, `{"items":[]{"a":1}`,
	`{"Records":[{"eventVersion":"1.08","userIdentity":{"type":"Root"}},{"eventVersion":"1.09","x":[1,2.5e3,null,true]}]}`,
	"{\"kind\":\"EventList\",\"items\":[{\"a\":\"\\u00e9\"}],\"metadata\":{}}\n{\"items\":[]}\n",
	"{\"a\":1}\n{\"b\":\"unterminated\n{\"c\":[\n{\"d\":4}\r\n\r\nplain text\n{\"e\":5} {\"f\":6}",
	"[\n  {\n    \"a\": \"x,\n    \"b\": [ {} ]\n  },\n  {\n    \"c\": 2\n  }\n]",
	"[{\"a\":[1,2},{\"b\":1}}},{\"c\":\"\xff\"} {\"d\":\n\"e\"},,3,\"x\":]",
	"\xef\xbb\xbf{\"a\":1}\n\xef\xbb\xbf[1,[2,{\"Records\":[3]}]] 4 \"5\"6 -0.1e+2",
	"{\"items\":[1,2\n{\"items\":[3]}{\"records\":[{\"x\":\"y\n {\"z\":1}\n]}",
	`{"Records":[{"a":1},{"b":"x},{"c":3}]}`,
	"192.0.2.7 - - [12/Mar/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1\r\n\n[x] y",
	"{\"long\":\"" + "0123456789012345678901234567890123456789" + "\"}\n{\"Records\":[{\"long\":\"0123456789012345678901234567890123456789\nx\",1]}",
}

func TestInvariants(t *testing.T) {
	for _, seed := range append(seeds, transportSeeds...) {
		for _, o := range variants() {
			check(t, []byte(seed), o)
			for cut := range seed { // every truncation of it
				check(t, []byte(seed[:cut]), o)
			}
		}
	}
}

func variants() []Options {
	return []Options{
		{},
		{Format: Format{EnvelopeKeys: allKeys}},
		{Format: Format{EnvelopeKeys: allKeys}, Limits: Limits{Record: 24}},
		{Format: Format{Kind: Lines}},
		{Format: Format{Kind: Detect, EnvelopeKeys: allKeys}},
		{Format: Format{EnvelopeKeys: allKeys, Transports: Transports}},
		{Format: Format{EnvelopeKeys: allKeys, Transports: Transports}, Limits: Limits{Record: 24}},
		{Format: Format{Kind: Lines, Transports: Transports}},
		{Format: Format{Kind: Detect, EnvelopeKeys: allKeys, Transports: CloudWatch}},
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range append(seeds, transportSeeds...) {
		for i := range variants() {
			f.Add([]byte(seed), uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, variant uint8) {
		if len(data) > 1<<12 {
			return // checkResume is quadratic
		}
		all := variants()
		check(t, data, all[int(variant)%len(all)])
	})
}

// The corpus of real logs lies beside the project, where it is present.
func TestCorpus(t *testing.T) {
	for _, file := range corpus.Glob(t, "raw", "*", "*.ndjson") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []Kind{JSON, Lines, Detect} {
			o := Options{Format: Format{Kind: kind}}
			whole := split(t, bytes.NewReader(data), o)
			checkCoverage(t, data, o, whole)
			checkReference(t, data, o, whole)
			if diff := diffPieces(whole, split(t, iotest.OneByteReader(bytes.NewReader(data)), o)); diff != "" {
				t.Errorf("%s: byte by byte differs: %s", file, diff)
			}
		}
	}
}
