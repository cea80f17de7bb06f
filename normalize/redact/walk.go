package redact

import (
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
)

// edit replaces a part of a JSON text by a value.
type edit struct {
	start, end int
	value      string
}

// walk is a walk over one JSON text.
type walk struct {
	*Redactor
	doc   *jsondoc.Doc
	found *hits
	depth int
	edits []edit
}

// json redacts a text that is JSON with a container at its root.
func (r *Redactor) json(text string, found *hits, depth int) (out string, isJSON, changed bool) {
	for len(r.docs) <= depth {
		r.docs = append(r.docs, new(jsondoc.Doc))
	}
	doc := r.docs[depth]
	if depth == maxDepth || doc.ParseString(text) != nil {
		return text, false, false
	}
	root := doc.Root()
	if k := root.Kind(); k != jsondoc.Object && k != jsondoc.Array {
		return text, false, false
	}
	if found.n == 0 && len(r.policy.values) == 0 {
		return text, true, false
	}
	w := walk{Redactor: r, doc: doc, found: found, depth: depth}
	w.value(root, secretNo)
	if len(w.edits) == 0 {
		return text, true, false
	}
	var b strings.Builder
	at := 0
	for _, e := range w.edits {
		b.WriteString(text[at:e.start])
		b.WriteString(e.value)
		at = e.end
	}
	b.WriteString(text[at:])
	return b.String(), true, true
}

// replace puts a string in place of a value.
func (w *walk) replace(v jsondoc.Value, with string) {
	start, end := v.Span()
	w.edits = append(w.edits, edit{start, end, quoteJSON(with)})
}

// secret says whether what is looked at belongs to a Secret of Kubernetes.
type secret uint8

const (
	secretNo     secret = iota
	secretObject        // a Secret, or what is sent to one
	secretList          // a SecretList
	secretAll           // its data: all in it
)

// value looks at a value and all in it.
func (w *walk) value(v jsondoc.Value, s secret) {
	switch v.Kind() {
	case jsondoc.Object:
		w.object(v, s)
	case jsondoc.Array:
		for e := range v.Elements {
			w.value(e, s)
		}
	case jsondoc.String:
		if s == secretAll {
			w.whole(v)
		} else {
			w.string(v)
		}
	}
}

func (w *walk) object(v jsondoc.Value, s secret) {
	if s != secretAll {
		s = w.kubernetes(v, s)
		if w.pair(v) {
			return
		}
	}
	patched := s == secretObject && isSecretPatch(v)
	for key, m := range v.AllMembers {
		w.path = append(w.path, key)
		w.member(key, m, s, patched)
		w.path = w.path[:len(w.path)-1]
	}
}

func (w *walk) member(key string, m jsondoc.Value, s secret, patched bool) {
	switch {
	case w.chosen(m):
	case s == secretAll:
		w.value(m, secretAll)
	case s == secretObject && (key == "data" || key == "stringData") || patched && key == "value":
		w.value(m, secretAll)
	case s == secretList && key == "items":
		w.value(m, secretObject)
	case s == secretObject && (key == "requestObject" || key == "responseObject" || key == "request" || key == "response"):
		w.value(m, secretObject)
	case w.policy.isCredential(key) && !isDirectory(key, m.Text()):
		w.credential(key, m)
	case s == secretObject && key == "metadata":
		w.value(m, secretNo)
	default:
		w.value(m, secretNo)
	}
}

// chosen does what the configuration asks for at the path.
func (w *walk) chosen(v jsondoc.Value) bool {
	if w.found.kinds&(aChoice|anEscape) == 0 {
		return false
	}
	start, end := v.Span()
	switch {
	case v.Kind() == jsondoc.Null:
		return false
	case matchesAny(w.policy.drop, w.path):
		w.counts.Dropped++
		w.edits = append(w.edits, edit{start, end, "null"})
		return true
	case matchesAny(w.policy.hash, w.path):
		text, isString := v.Str()
		if !isString {
			text = v.Raw()
		}
		before := w.counts.Redacted
		w.replace(v, w.token(text))
		w.counts.Redacted = before
		w.counts.Hashed++
		return true
	}
	return false
}

// credential redacts what has the name of a credential: a text, a number, or the
// texts of a list. In an object of that name the members speak for themselves, but
// for cookies, which are all.
func (w *walk) credential(key string, v jsondoc.Value) {
	switch v.Kind() {
	case jsondoc.String:
		w.named(key, v)
	case jsondoc.Number:
		if len(v.Raw()) >= 4 {
			w.replace(v, w.token(v.Raw()))
		}
	case jsondoc.Array:
		for e := range v.Elements {
			w.credential(key, e)
		}
	case jsondoc.Object:
		if strings.EqualFold(key, "cookies") || strings.EqualFold(key, "cookie") {
			w.value(v, secretAll)
			return
		}
		w.value(v, secretNo)
	}
}

// named redacts the text of a member by its name.
func (w *walk) named(key string, v jsondoc.Value) {
	text, _ := v.Str()
	if out, changed := w.keyed(key, text); changed {
		w.replace(v, out)
	}
}

// whole redacts a text of which everything is a credential.
func (w *walk) whole(v jsondoc.Value) {
	text, _ := v.Str()
	if !masked(text) {
		w.noteJWT(text)
		w.replace(v, w.token(text))
	}
}

// string redacts what in a text has the form of a credential.
func (w *walk) string(v jsondoc.Value) {
	start, end := v.Span()
	if !w.found.within(start, end) && len(w.policy.values) == 0 {
		return
	}
	text, _ := v.Str()
	if out, changed := w.text(text, w.depth+1); changed {
		w.replace(v, out)
	}
}

// text redacts a text that may be JSON itself.
func (r *Redactor) text(text string, depth int) (string, bool) {
	if trimmed := strings.TrimLeft(text, " \t\r\n"); trimmed != "" && (trimmed[0] == '{' || trimmed[0] == '[') {
		var found hits
		r.policy.triggers.scan([]byte(text), &found)
		if out, isJSON, changed := r.json(text, &found, depth); isJSON {
			return out, changed
		}
	}
	return r.shapes(text)
}

// pairs are the names of members that hold a name and its value.
var pairs = [...][2]string{{"name", "value"}, {"key", "value"}, {"Name", "Value"}, {"Key", "Value"}, {"parameterKey", "parameterValue"}}

// pair redacts the value of an object that is a name and a value, as environments,
// headers and parameters are listed.
func (w *walk) pair(v jsondoc.Value) bool {
	if v.Len() > 4 {
		return false
	}
	for _, p := range pairs {
		name, isName := v.Get(p[0]).Str()
		value := v.Get(p[1])
		if !isName || value.Kind() != jsondoc.String || !w.policy.isCredential(name) {
			continue
		}
		w.path = append(w.path, name)
		w.named(name, value)
		w.path = w.path[:len(w.path)-1]
		return true
	}
	return false
}

// kubernetes tells what an object is of a Secret. An audit event of secrets makes
// its request and response Secrets, whatever they say of themselves: a patch says
// nothing.
func (w *walk) kubernetes(v jsondoc.Value, s secret) secret {
	kind, _ := v.Get("kind").Str()
	switch kind {
	case "Secret":
		return secretObject
	case "SecretList":
		return secretList
	}
	if at, ok := v.Get("@type").Str(); ok && strings.HasSuffix(at, "v1.Secret") {
		return secretObject
	}
	if resource, _ := v.Path("objectRef", "resource").Str(); resource == "secrets" {
		return secretObject
	}
	if name, ok := v.Get("resourceName").Str(); ok && strings.Contains(name, "/secrets/") && v.Get("methodName").Exists() {
		return secretObject
	}
	return s
}

// isSecretPatch tells whether an object is a step of a JSON Patch of a secret's data.
func isSecretPatch(v jsondoc.Value) bool {
	path, ok := v.Get("path").Str()
	return ok && v.Get("op").Exists() && (strings.HasPrefix(path, "/data") || strings.HasPrefix(path, "/stringData"))
}

// quoteJSON is a text as a JSON string.
func quoteJSON(s string) string {
	const hexDigits = "0123456789abcdef"
	b := make([]byte, 0, len(s)+2)
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c < ' ':
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}
