package envelope

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

var headerFormat = Format{Kind: Lines, Header: Header{Fields: []string{"version", "srcaddr", "start"}, Default: "version srcaddr"}}

func TestHeader(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"its own":    {"version start srcaddr\r\n2 1 a\n\n2 2 b", []string{"23 version start srcaddr\n2 1 a", "30 version start srcaddr\n2 2 b"}},
		"default":    {"version  srcaddr\n2 a\n", []string{"17 2 a"}},
		"none":       {"2 a\nsrcaddr\n", []string{"0 2 a", "4 srcaddr"}},
		"a new one":  {"version start\n2 1\nsrcaddr start\na 1\n", []string{"14 version start\n2 1", "32 srcaddr start\na 1"}},
		"alone":      {"version start", nil},
		"no longer":  {"version start\n2 1\nversion srcaddr\n2 a", []string{"14 version start\n2 1", "34 2 a"}},
		"a new word": {"version start else-2\n2 1 x", []string{"21 version start else-2\n2 1 x"}},
		"few known":  {"version start x y z\n2 1", []string{"0 version start x y z", "20 2 1"}},
		"no names":   {"version start 7\n", []string{"0 version start 7"}},
	} {
		for kind, r := range map[string]io.Reader{"whole": strings.NewReader(tt.text), "bytes": iotest.OneByteReader(strings.NewReader(tt.text))} {
			if got, _ := readLines(t, r, Position{}); !slices.Equal(got, tt.want) {
				t.Errorf("%s, %s: %q, want %q", name, kind, got, tt.want)
			}
		}
	}
}

// A reader that goes on behind any line has the header.
func TestHeaderResume(t *testing.T) {
	const text = "version start\n2 1\n2 2\nsrcaddr start\na 1\na 2"
	all, positions := readLines(t, strings.NewReader(text), Position{})
	if len(all) != 4 {
		t.Fatalf("%q", all)
	}
	for i, from := range positions {
		if got, _ := readLines(t, strings.NewReader(text[from.Start:]), from); !slices.Equal(got, all[i+1:]) {
			t.Errorf("behind %q: %q", all[i], got)
		}
	}
}

// So does one of a file that grows.
func TestHeaderGrowing(t *testing.T) {
	const text = "version start\n2 1\n\n"
	s := New(strings.NewReader(text), Options{Format: headerFormat, Growing: true})
	for {
		if _, err := s.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	from := s.Position()
	if want := (Position{Start: 0, Next: int64(len(text))}); from != want {
		t.Errorf("position %+v, want %+v", from, want)
	}
	if got, _ := readLines(t, strings.NewReader(text+"2 2\n"), from); !slices.Equal(got, []string{"19 version start\n2 2"}) {
		t.Errorf("%q", got)
	}
}

func readLines(t *testing.T, r io.Reader, from Position) (lines []string, positions []Position) {
	t.Helper()
	s := New(r, Options{Format: headerFormat, From: from})
	for {
		p, err := s.Next()
		if err == io.EOF {
			return lines, positions
		}
		if err != nil {
			t.Fatal(err)
		}
		lines, positions = append(lines, offsetText(p)), append(positions, s.Position())
	}
}

func offsetText(p Piece) string { return strconv.FormatInt(p.Offset, 10) + " " + string(p.Value) }
