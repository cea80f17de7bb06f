package detections

import (
	"slices"
	"strings"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/internal/yamlpos"
)

// Cache lets Load compile only the rules whose files have changed since it last
// loaded the directory: all of them if a list has. It is for one directory, one set
// of other options, and one goroutine.
type Cache struct {
	compiler *expr.Compiler
	lists    string // the names and digests of the lists that compiler knows
	rules    map[string]cachedRule
	compiled int // rules that compiler has compiled, those that are gone, too
}

// isWorn tells that most of what the compiler knows is of rules that have changed since:
// what they shared would stay for as long as weir runs.
func (c *Cache) isWorn() bool { return c.compiled > 1000+3*len(c.rules) }

type cachedRule struct {
	digest   string
	rule     *Rule
	doc      *yamlpos.Document
	problems Problems
}

// NewCache makes a cache that is empty.
func NewCache() *Cache { return &Cache{rules: map[string]cachedRule{}} }

// compilerOf is the compiler for the lists that the loader has read.
func (l *loader) compilerOf(lists []*expr.List) (*expr.Compiler, error) {
	if l.opts.Cache == nil {
		return expr.NewCompiler(lists)
	}
	var key []string
	for file, digest := range l.digest {
		if strings.HasPrefix(file, listsDir+"/") {
			key = append(key, file+" "+digest)
		}
	}
	slices.Sort(key)
	c := l.opts.Cache
	if now := strings.Join(key, "\n"); c.compiler == nil || c.lists != now || c.isWorn() {
		compiler, err := expr.NewCompiler(lists)
		if err != nil {
			return nil, err
		}
		*c = Cache{compiler: compiler, lists: now, rules: map[string]cachedRule{}}
	}
	return c.compiler, nil
}

// rule reads a rule's file, or gives what was read of the same text before; nil if
// it cannot be read, which is then a problem.
func (l *loader) rule(file string, compiler *expr.Compiler) *Rule {
	text, ok := l.read(file)
	if !ok {
		return nil
	}
	cache := l.opts.Cache
	if cache != nil {
		if known, ok := cache.rules[file]; ok && known.digest == l.digest[file] {
			known.doc.Restore(known.problems)
			l.docs = append(l.docs, known.doc)
			return known.rule
		}
	}
	doc := yamlpos.Parse(l.fileName(file), text)
	l.docs = append(l.docs, doc)
	rule := readRule(doc, file, compiler, l.opts.Sources)
	if cache != nil {
		cache.compiled++
		cache.rules[file] = cachedRule{l.digest[file], rule, doc, slices.Clone(doc.Problems())}
	}
	return rule
}
