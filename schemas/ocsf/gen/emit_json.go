package main

import "fmt"

// emitJSON writes the JSON codec.
func emitJSON(s *Schema) ([]File, error) {
	enc := newGoFile(s, "ocsf", "strconv")
	dec := newGoFile(s, "ocsf", "github.com/weir-security/weir/schemas/jsondoc")
	read := newGoFile(s, "ocsf", "github.com/weir-security/weir/schemas/jsondoc")
	for _, o := range append([]*Object{s.Event}, s.Objects...) {
		emitEncoder(enc, o)
		emitDecoder(dec, o)
		emitReader(read, o)
	}
	return []File{
		{"schemas/ocsf/encode_gen.go", enc.Bytes()},
		{"schemas/ocsf/decode_gen.go", dec.Bytes()},
		{"schemas/ocsf/read_gen.go", read.Bytes()},
	}, nil
}

// emitEncoder writes every member with a leading comma; closeObject turns the
// first one into the opening brace.
func emitEncoder(w *printer, o *Object) {
	w.p("// AppendJSON appends x as a JSON object: attributes in alphabetical order, absent ones left out.")
	w.p("func (x *%s) AppendJSON(dst []byte) []byte {\nstart := len(dst)", o.GoName)
	for _, a := range o.Attributes {
		key := fmt.Sprintf("append(dst, `,%q:`...)", a.Name)
		switch {
		case a.Array && a.Kind == KindObject:
			w.p("if len(x.%s) > 0 {\ndst = append(dst, `,%q:[`...)", a.GoName, a.Name)
			w.p("for i := range x.%[1]s {\ndst = append(x.%[1]s[i].AppendJSON(dst), ',')\n}", a.GoName)
			w.p("dst[len(dst)-1] = ']'\n}")
		case a.Array:
			w.p("if len(x.%s) > 0 {\ndst = append(dst, `,%q:[`...)", a.GoName, a.Name)
			w.p("for _, v := range x.%s {\ndst = append(%s, ',')\n}", a.GoName, encodeScalar(a, "dst", "v"))
			w.p("dst[len(dst)-1] = ']'\n}")
		case a.Kind == KindObject:
			w.p("if x.%[1]s.Present() {\ndst = x.%[1]s.AppendJSON(%s)\n}", a.GoName, key)
		default:
			w.p("if x.%s&(1<<%d) != 0 {\ndst = %s\n}", word(a.Word), a.Bit, encodeScalar(a, key, "x."+a.Field))
		}
	}
	w.p("return closeObject(dst, start)\n}\n")
}

// encodeScalar is the Go expression that appends value to dst.
func encodeScalar(a *Attribute, dst, value string) string {
	switch a.Kind {
	case KindString:
		return fmt.Sprintf("appendString(%s, %s)", dst, value)
	case KindInt32:
		return fmt.Sprintf("strconv.AppendInt(%s, int64(%s), 10)", dst, value)
	case KindInt64:
		return fmt.Sprintf("strconv.AppendInt(%s, %s, 10)", dst, value)
	case KindFloat64:
		return fmt.Sprintf("appendFloat(%s, %s)", dst, value)
	case KindBool:
		return fmt.Sprintf("strconv.AppendBool(%s, %s)", dst, value)
	}
	return fmt.Sprintf("appendJSON(%s, %s)", dst, value)
}

func emitDecoder(w *printer, o *Object) {
	w.p("func (x *%s) decode(v jsondoc.Value) (err error) {", o.GoName)
	w.p("if v.Kind() != jsondoc.Object {\nreturn wrongKind(v, \"an object\")\n}")
	w.p("for key, m := range v.Members {\nswitch key {")
	for _, a := range o.Attributes {
		w.p("case %q:", a.Name)
		switch {
		case a.Array && a.Kind == KindObject:
			w.p("x.%[1]s, err = decodeObjects(x.%[1]s, m)", a.GoName)
		case a.Array:
			w.p("x.%[1]s, err = decodeScalars(x.%[1]s, m, %[2]s)", a.GoName, scalarDecoder(a))
		case a.Kind == KindObject:
			w.p("err = x.%s.decode(m)", a.GoName)
		default:
			w.p("x.%s, err = %s(m)\nx.%s |= 1<<%d", a.Field, scalarDecoder(a), word(a.Word), a.Bit)
		}
	}
	w.p("default:\nerr = errUnknown\n}")
	w.p("if err != nil {\nreturn at(key, err)\n}\n}\nreturn nil\n}\n")
}

// scalarDecoder is the function of codec.go that reads one value.
func scalarDecoder(a *Attribute) string {
	if a.Type == "object" {
		return "decodeUntyped"
	}
	return "decode" + a.Kind.String()
}

// emitReader writes the decoder of texts that AppendJSON wrote: its attributes are in
// ascending order, each at most once.
func emitReader(w *printer, o *Object) {
	w.p("func (x *%s) read(s *jsondoc.Stream) bool {", o.GoName)
	w.p("empty, ok := s.Open('{')\nlast, key := -1, \"\"")
	w.p("for more := ok && !empty; more; more, ok = s.More('{') {")
	w.p("if key, ok = s.Key(); !ok {\nreturn false\n}\nat := 0\nswitch key {")
	for i, a := range o.Attributes {
		w.p("case %q:\nat = %d", a.Name, i)
		switch {
		case a.Array && a.Kind == KindObject:
			w.p("x.%[1]s, ok = readObjects(x.%[1]s, s)", a.GoName)
		case a.Array:
			w.p("x.%[1]s, ok = readScalars(x.%[1]s, s, %[2]s)", a.GoName, scalarReader(a))
		case a.Kind == KindObject:
			w.p("ok = x.%s.read(s)", a.GoName)
		default:
			w.p("x.%s, ok = %s(s)\nx.%s |= 1<<%d", a.Field, scalarReader(a), word(a.Word), a.Bit)
		}
	}
	w.p("default:\nreturn false\n}\nif !ok || at <= last {\nreturn false\n}\nlast = at\n}\nreturn ok\n}\n")
}

// scalarReader is the function of read.go that reads one value.
func scalarReader(a *Attribute) string {
	if a.Type == "object" {
		return "readUntyped"
	}
	return "read" + a.Kind.String()
}
