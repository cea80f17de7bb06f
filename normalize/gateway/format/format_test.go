package format

import (
	"errors"
	"slices"
	"testing"
)

func lit(s string) Part             { return Part{Literal: s} }
func fld(name string, s Shape) Part { return Part{Name: name, Column: 1, Shape: s} }

func TestMatch(t *testing.T) {
	tests := []struct {
		name  string
		parts []Part
		opt   Options
		text  string
		want  []string
		rest  string
		ok    bool
	}{
		{"words", []Part{fld("a", Word), lit(" "), fld("b", Word)}, Options{}, "x y", []string{"x", "y"}, "", true},
		{"a word has no space", []Part{fld("a", Word), lit("|"), fld("b", Word)}, Options{}, "x y|z", nil, "", false},
		{"a word with its separator", []Part{fld("a", Word), lit(":"), {Name: "b", Check: isDigits}}, Options{}, "2001:db8::1:443", []string{"2001:db8::1", "443"}, "", true},
		{"free text tries on", []Part{fld("a", Free), lit(" ["), {Name: "b", Check: isDigits}, lit("]")}, Options{}, "u [x] [7]", []string{"u [x]", "7"}, "", true},
		{"quotes hold spaces together", []Part{lit(`"`), fld("a", Word), lit(`" `), fld("b", Word)}, Options{Escaped: true}, `"a b" c`, []string{"a b", "c"}, "", true},
		{"an escaped quote does not end", []Part{lit(`"`), fld("a", Free), lit(`" `), fld("b", Word)}, Options{Escaped: true}, `"a\" b" c`, []string{`a\" b`, "c"}, "", true},
		{"the first bare quote ends", []Part{lit(`"`), fld("a", Free), lit(`" `), fld("b", Word)}, Options{Escaped: true}, `"a"x" c`, nil, "", false},
		{"without escapes a later quote may end", []Part{lit(`"`), fld("a", Free), lit(`" `), fld("b", Word)}, Options{}, `"a"x" c`, []string{`a"x`, "c"}, "", true},
		{"lists", []Part{fld("a", List), lit(" "), fld("b", List), lit(" "), fld("c", Word)}, Options{}, "a, b : c 1, 2 x", []string{"a, b : c", "1, 2", "x"}, "", true},
		{"braces", []Part{fld("a", Word), lit(" "), fld("h", Braced), lit(" "), fld("s", Braced), lit(` "`), fld("r", Free), lit(`"`)}, Options{Escaped: true}, `7 {a b|c} "GET"`, []string{"7", "a b|c", "", "GET"}, "", true},
		{"no braces", []Part{fld("a", Word), lit(" "), fld("h", Braced), lit(" "), fld("s", Braced), lit(` "`), fld("r", Free), lit(`"`)}, Options{Escaped: true}, `7 "GET"`, []string{"7", "", "", "GET"}, "", true},
		{"a dash passes every check", []Part{{Name: "a", Check: isDigits}, lit(" "), fld("b", Word)}, Options{}, "- y", []string{"-", "y"}, "", true},
		{"an open format leaves the rest", []Part{fld("a", Word), lit(" "), fld("b", Word)}, Options{Open: true}, "x y z", []string{"x", "y"}, " z", true},
		{"another beginning", []Part{lit("["), fld("a", Word), lit("]")}, Options{}, "x]", nil, "", false},
		{"too much", []Part{lit("["), fld("a", Word), lit("]")}, Options{}, "[x]]x", nil, "", false},
		{"too little", []Part{fld("a", Word), lit(" "), fld("b", Word), lit(" "), fld("c", Word)}, Options{}, "x y", nil, "", false},
	}
	for _, tt := range tests {
		line, err := Compile(tt.parts, tt.opt)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		values := make([]string, len(line.Fields()))
		rest, ok := line.Match(tt.text, values)
		if ok != tt.ok || rest != tt.rest || ok && !slices.Equal(values, tt.want) {
			t.Errorf("%s: %q, %q, %v, want %q, %q, %v", tt.name, values, rest, ok, tt.want, tt.rest, tt.ok)
		}
	}
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func TestCompileRefuses(t *testing.T) {
	var formatErr *Error
	_, err := Compile([]Part{fld("a", Word), {Name: "b", Column: 7}}, Options{})
	if !errors.As(err, &formatErr) || formatErr.Column != 7 {
		t.Errorf("adjacent fields: %v", err)
	}
	if _, err := Compile([]Part{lit("x")}, Options{}); err == nil {
		t.Error("a format without fields compiles")
	}
}

func TestSplit(t *testing.T) {
	tests := []struct {
		line      string
		separator byte
		brackets  bool
		want      []string
	}{
		{`a "b c" d`, ' ', false, []string{"a", "b c", "d"}},
		{`a "b" c" d`, ' ', false, []string{"a", "b", `c"`, "d"}},
		{`"a"b" c`, ' ', false, []string{`a"b`, "c"}},
		{`"cut off`, ' ', false, []string{"cut off"}},
		{`[::1]:7 x`, ' ', false, []string{"[::1]:7", "x"}},
		{`[1 2] x`, ' ', true, []string{"1 2", "x"}},
		{"a\t\tb\t", '\t', false, []string{"a", "", "b", ""}},
		{"", ' ', false, nil},
	}
	for _, tt := range tests {
		if got := Split(tt.line, tt.separator, tt.brackets, nil); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.line, got, tt.want)
		}
	}
}

// FuzzMatch matches anything: what matched is the line again.
func FuzzMatch(f *testing.F) {
	line, err := Compile([]Part{fld("a", List), lit(" - "), fld("b", Free), lit(" ["), fld("c", Free), lit(`] "`), fld("d", Free), lit(`" `), fld("e", Word)}, Options{Escaped: true, Open: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`192.0.2.1, 192.0.2.2 - a [b] [c] "d\" d" e f`)
	f.Fuzz(func(t *testing.T, text string) {
		v := make([]string, 5)
		rest, ok := line.Match(text, v)
		if again := v[0] + " - " + v[1] + " [" + v[2] + `] "` + v[3] + `" ` + v[4] + rest; ok && again != text {
			t.Errorf("%q became %q", text, again)
		}
	})
}
