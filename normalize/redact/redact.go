// Package redact takes credentials out of a record before it is mapped: of a bearer
// token, a password, a cookie, a signature there remains a keyed hash, by which it
// can still be found and joined. Of a JSON Web Token the header and the claims that
// matter are noted first.
//
// A JSON record stays one: only values change, each to a string. A text keeps all
// but the credentials. docs/redaction.md is the page for users; names.go says which
// names make a value a credential, shapes.go which forms do.
package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"regexp"
	"strings"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// mark begins what stands in place of a credential, and is all of it where there is
// nothing to join by.
const (
	mark     = "redacted"
	hashHex  = 24 // digits of a hash: 96 bits
	guessing = 20 // bytes below which a credential could be guessed by who knows the key
)

// defaultKey is that of installations without a key of their own. Everybody knows
// it: what could be guessed is not hashed under it.
const defaultKey = "weir's key of installations without one"

// MinKey is the least length of a key in bytes.
const MinKey = 16

// Options is what a configuration says of redaction.
type Options struct {
	// Key is the key of the hashes; empty is the one that everybody knows.
	Key []byte
	// Keys are further names whose values are credentials, Values further forms of
	// credentials as regular expressions (RE2): their first group, or all, is hashed.
	Keys, Values []string
	// Drop and Hash are paths of members: a name, or the last names of a path with
	// dots between; * is any name. Drop puts null in their place, Hash a hash of all
	// that is there.
	Drop, Hash []string
}

// Policy is compiled options. Nothing changes it.
type Policy struct {
	key        []byte
	public     bool // the key is the default one
	id         string
	keys       map[string]bool
	values     []*regexp.Regexp
	drop, hash []path
	triggers   *scanner
}

// New compiles options.
func New(o Options) (*Policy, error) {
	p := &Policy{key: o.Key, keys: map[string]bool{}}
	if len(o.Key) == 0 {
		p.key, p.public = []byte(defaultKey), true
	} else if len(o.Key) < MinKey {
		return nil, fmt.Errorf("the key has %d bytes, want at least %d", len(o.Key), MinKey)
	}
	p.id = "default"
	if !p.public {
		p.id = digest(hmac.New(sha256.New, p.key), "weir: id of the key")[:8]
	}
	triggers := map[string]trigger{}
	for text, kind := range builtinTriggers {
		triggers[text] = kind
	}
	for _, name := range o.Keys {
		if err := p.addKey(name, triggers); err != nil {
			return nil, err
		}
	}
	for _, expr := range o.Values {
		re, err := CheckValue(expr)
		if err != nil {
			return nil, err
		}
		p.values = append(p.values, re)
	}
	var err error
	if p.drop, err = paths(o.Drop, triggers); err != nil {
		return nil, err
	}
	if p.hash, err = paths(o.Hash, triggers); err != nil {
		return nil, err
	}
	p.triggers = newScanner(triggers)
	return p, nil
}

func (p *Policy) addKey(name string, triggers map[string]trigger) error {
	if err := CheckKey(name); err != nil {
		return err
	}
	var buf [nameLength]byte
	folded, _ := fold(&buf, name)
	p.keys[string(folded)] = true
	// Its separators may be others in the record: the longest part without one must be there.
	longest := ""
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("-_. :", r) }) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	triggers[longest] |= aChoice | aQuery
	return nil
}

// CheckKey tells what is wrong with one of Options.Keys.
func CheckKey(name string) error {
	var buf [nameLength]byte
	if folded, ok := fold(&buf, name); !ok || len(folded) < 3 {
		return fmt.Errorf("want a name of 3 to %d letters, got %q", nameLength, name)
	}
	return nil
}

// CheckValue compiles one of Options.Values.
func CheckValue(expr string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("not a regular expression: %w", err)
	}
	if re.MatchString("") {
		return nil, errors.New("it matches an empty text")
	}
	return re, nil
}

// Counts is what was done, by record or in all.
type Counts struct {
	Redacted int64 // credentials in place of which there is a hash
	Dropped  int64 // values that the configuration drops
	Hashed   int64 // values that the configuration hashes
}

// Add adds o.
func (c *Counts) Add(o Counts) {
	c.Redacted += o.Redacted
	c.Dropped += o.Dropped
	c.Hashed += o.Hashed
}

// Redactor redacts records. One goroutine uses it.
type Redactor struct {
	policy *Policy
	mac    hash.Hash
	docs   []*jsondoc.Doc // by depth: JSON may hold JSON in a text
	found  hits
	inner  hits

	path   []string // names from the root to what is looked at, of the outer record
	counts Counts
	tokens []byte // of JSON Web Tokens, as JSON objects with commas between
	jwts   int
}

// NewRedactor returns a redactor; a nil policy redacts nothing.
func (p *Policy) NewRedactor() *Redactor {
	r := &Redactor{policy: p}
	if p != nil {
		r.mac = hmac.New(sha256.New, p.key)
	}
	return r
}

// maxDepth is how many levels of JSON in texts are looked into.
const maxDepth = 4

// Redact redacts a record: Value becomes the redacted text, Original the one that
// came, Redaction what was done. It leaves a record alone that holds nothing. The
// bytes that it was given it does not change.
func (r *Redactor) Redact(rec *event.Record) Counts {
	if r.policy == nil {
		return Counts{}
	}
	r.policy.triggers.scan(rec.Value, &r.found)
	if r.found.n == 0 && len(r.policy.values) == 0 {
		return Counts{}
	}
	r.counts, r.tokens, r.jwts, r.path = Counts{}, r.tokens[:0], 0, r.path[:0]
	redacted, changed := r.record(string(rec.Value))
	if !changed {
		return Counts{}
	}
	rec.Original, rec.Value = rec.Value, []byte(redacted)
	rec.Redaction = r.notes()
	return r.counts
}

// record redacts a whole record, or a JSON object behind something that stands
// before it on its line.
func (r *Redactor) record(text string) (string, bool) {
	if out, isJSON, changed := r.json(text, &r.found, 0); isJSON {
		return out, changed
	}
	if at := strings.IndexByte(text, '{'); at > 0 {
		r.policy.triggers.scan([]byte(text[at:]), &r.inner)
		found := r.inner
		if out, isJSON, changed := r.json(text[at:], &found, 0); isJSON {
			before, more := r.shapes(text[:at])
			return before + out, changed || more
		}
	}
	return r.shapes(text)
}

// token is what stands in place of a credential.
func (r *Redactor) token(credential string) string {
	r.counts.Redacted++
	if r.policy.public && len(credential) < guessing {
		return mark
	}
	return mark + "-" + digest(r.mac, credential)
}

// digest is the beginning of a keyed hash in hexadecimal digits.
func digest(mac hash.Hash, text string) string {
	mac.Reset()
	mac.Write([]byte(text))
	var sum [sha256.Size]byte
	return hex.EncodeToString(mac.Sum(sum[:0]))[:hashHex]
}

// notes is event.Record.Redaction.
func (r *Redactor) notes() string {
	out := fmt.Appendf(nil, `{"key":%q`, r.policy.id)
	for _, n := range []struct {
		name  string
		count int64
	}{{"redacted", r.counts.Redacted}, {"dropped", r.counts.Dropped}, {"hashed", r.counts.Hashed}} {
		if n.count > 0 {
			out = fmt.Appendf(out, `,%q:%d`, n.name, n.count)
		}
	}
	if len(r.tokens) > 0 {
		out = append(out, `,"jwt":[`...)
		out = append(out, r.tokens...)
		out = append(out, ']')
	}
	return string(append(out, '}'))
}
