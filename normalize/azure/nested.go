package azure

import (
	"slices"
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// nestedDocs are the documents of a record's texts that are JSON.
type nestedDocs struct {
	docs    []*jsondoc.Doc
	texts   []jsondoc.Value // texts[i] is what docs[i] was read from
	scratch []byte
}

func (n *nestedDocs) begin() { n.texts = n.texts[:0] }

// open is the array or object that v is, or holds as text; else v itself. It may be
// asked for a value several times.
func (m *Mapper) open(v jsondoc.Value) jsondoc.Value {
	if v.Kind() != jsondoc.String {
		return v
	}
	if doc := m.nested.parse(v); doc != nil {
		return doc.Root()
	}
	return v
}

func (n *nestedDocs) parse(v jsondoc.Value) *jsondoc.Doc {
	for i, text := range n.texts {
		if text == v {
			return n.docs[i]
		}
	}
	text, _ := v.Str()
	if trimmed := strings.TrimLeft(text, " \r\n\t"); trimmed == "" || trimmed[0] != '{' && trimmed[0] != '[' {
		return nil
	}
	if len(n.texts) == len(n.docs) {
		n.docs = append(n.docs, new(jsondoc.Doc))
	}
	doc := n.docs[len(n.texts)]
	if doc.ParseString(text) != nil {
		return nil
	}
	n.texts = append(n.texts, v)
	return doc
}

// end uses the texts of which attributes hold everything; the others remain in
// unmapped as they are.
func (n *nestedDocs) end() {
	for i, text := range n.texts {
		if n.scratch = n.docs[i].AppendUnused(n.scratch[:0]); len(n.scratch) == 0 {
			text.Use()
		}
	}
}

// label adds what was odd about the texts to the event's labels, as for the record.
func (n *nestedDocs) label(ev *ocsf.Event) {
	for i := range n.texts {
		for _, flag := range n.docs[i].Flags().Names() {
			if label := "json:" + flag; !slices.Contains(ev.Metadata.Labels, label) {
				ev.Metadata.Labels = append(ev.Metadata.Labels, label)
			}
		}
	}
}

// unquote is the text in a text that is JSON itself: "\"Reader\"" is Reader, and so
// is ["Reader"]. Other texts are their own.
func unquote(s string) string {
	s = strings.TrimPrefix(s, `["`)
	s = strings.TrimSuffix(s, `"]`)
	s = strings.TrimPrefix(s, `"`)
	return strings.TrimSuffix(s, `"`)
}
