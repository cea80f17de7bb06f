package detections

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/detections/rules"
	"github.com/weir-security/weir/internal/yamlpos"
)

// Problem is one mistake in a rule file; Problems is all of them, as an error.
type (
	Problem  = yamlpos.Problem
	Problems = yamlpos.Problems
)

// Files and directories of a rules directory.
const (
	// RootFile marks a rules directory: ids are paths below it.
	RootFile = "weir-rules.yaml"

	listsDir    = "lists"
	testdataDir = "testdata"
	rulesFormat = 1

	// Limits of files in bytes.
	maxRuleFile = 1 << 20
	maxListFile = 16 << 20
)

// LoadOptions configure Load.
type LoadOptions struct {
	// Name is put before the file names in problems. Load sets it to its directory.
	Name string
	// Sources are the names that `source:` of a test may have; empty for any.
	Sources []string
	// Fixtures asks that the fixtures of tests exist.
	Fixtures bool
	// Fills are the attributes that sources fill beside those of this build, by class;
	// check warns of others.
	Fills map[string][]string
	// Cache keeps rules from one Load to the next; nil for none.
	Cache *Cache
}

// RuleSet is the checked rules of one directory. It never changes.
type RuleSet struct {
	name     string
	rules    []*Rule
	compiler *expr.Compiler
	warnings Problems
	manifest *Manifest
	running  []*Rule // all but deprecated ones
	index    *index  // of running
	maxCost  uint64  // the budget for one event
}

// Load loads the rules below a directory, which holds weir-rules.yaml. The error
// is Problems, all that were found, unless the directory cannot be read.
func Load(dir string, opts LoadOptions) (*RuleSet, error) {
	opts.Name = dir
	return LoadFS(os.DirFS(dir), opts)
}

// BuiltinRules is the rules directory that is part of the program.
func BuiltinRules() fs.FS { return rules.FS }

// FindRoot is the rules directory that a path is, or is in.
func FindRoot(from string) (string, error) {
	for dir := filepath.Clean(from); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, RootFile)); err == nil {
			return dir, nil
		}
		if dir == "." {
			abs, err := filepath.Abs(from)
			if err != nil {
				return "", fmt.Errorf("find %s: %w", RootFile, err)
			}
			dir = abs
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no %s in %s or above", RootFile, from)
		}
	}
}

// LoadFS is Load for a file system whose root is the rules directory. It reads no
// fixtures.
func LoadFS(fsys fs.FS, opts LoadOptions) (*RuleSet, error) {
	l := &loader{fsys: fsys, opts: opts, digest: map[string]string{}}
	if err := l.root(); err != nil {
		return nil, err
	}
	compiler, err := l.compilerOf(l.lists())
	if err != nil {
		return nil, fmt.Errorf("load rules: %w", err)
	}
	compiler.AlsoFilled(l.opts.Fills)
	rs := &RuleSet{name: opts.Name, compiler: compiler}
	files, err := l.ruleFiles()
	if err != nil {
		return nil, fmt.Errorf("load rules: %w", err)
	}
	for _, file := range files {
		if rule := l.rule(file, compiler); rule != nil {
			rs.rules = append(rs.rules, rule)
		}
	}
	slices.SortFunc(rs.rules, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	l.checkIdentities(rs.rules)
	l.checkFixtures(rs.rules)
	problems, warnings := l.problems().Split()
	if len(problems) > 0 {
		all := append(problems, warnings...)
		all.Sort()
		return nil, all
	}
	rs.warnings = warnings
	rs.manifest = l.manifest(rs.rules)
	for _, r := range rs.rules {
		if r.Status != StatusDeprecated {
			rs.running = append(rs.running, r)
		}
	}
	rs.index, rs.maxCost = newIndex(rs.running), l.maxCost
	if problems := l.checkBudget(rs); len(problems) > 0 {
		return nil, append(problems, warnings...)
	}
	return rs, nil
}

// loader loads one directory.
type loader struct {
	fsys   fs.FS
	opts   LoadOptions
	docs   []*yamlpos.Document
	digest map[string]string // content hashes of the files that are the rule set
	extra  Problems          // about files that are not parsed
	// maxCost is the budget of weir-rules.yaml for one event.
	maxCost uint64
}

// root reads weir-rules.yaml.
func (l *loader) root() error {
	if _, err := fs.Stat(l.fsys, RootFile); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("load rules: no %s in %s: %w", RootFile, l.fileName("."), fs.ErrNotExist)
		}
		return fmt.Errorf("load rules: %w", err)
	}
	doc := l.parse(RootFile)
	if doc == nil {
		return nil
	}
	m := doc.Root().Mapping()
	if f := m.Require("format"); f.Exists() && f.Int() != rulesFormat {
		f.Problemf("this version of weir reads format %d", rulesFormat)
	}
	l.budget(m)
	m.Done()
	return nil
}

// fileName is a file as problems name it.
func (l *loader) fileName(file string) string {
	if l.opts.Name == "" {
		return file
	}
	return path.Join(filepath.ToSlash(l.opts.Name), file)
}

// parse reads a file; nil if it cannot be read, which is then a problem.
func (l *loader) parse(file string) *yamlpos.Document {
	text, ok := l.read(file)
	if !ok {
		return nil
	}
	doc := yamlpos.Parse(l.fileName(file), text)
	l.docs = append(l.docs, doc)
	return doc
}

// read reads a file, which is then part of the rule set's digest; false if it cannot
// be read, which is then a problem.
func (l *loader) read(file string) ([]byte, bool) {
	most := int64(maxRuleFile)
	if strings.HasPrefix(file, listsDir+"/") {
		most = maxListFile
	}
	info, err := fs.Stat(l.fsys, file)
	if err == nil && !info.Mode().IsRegular() { // a pipe would be waited for
		l.refuse(file, "no regular file")
		return nil, false
	}
	if err == nil && info.Size() > most {
		l.extra = append(l.extra, Problem{File: l.fileName(file), Message: fmt.Sprintf("%d bytes; a file of this kind has at most %d", info.Size(), most)})
		return nil, false
	}
	text, err := fs.ReadFile(l.fsys, file)
	if err != nil {
		l.extra = append(l.extra, Problem{File: l.fileName(file), Message: err.Error()})
		return nil, false
	}
	sum := sha256.Sum256(text)
	l.digest[file] = hex.EncodeToString(sum[:])
	return text, true
}

func (l *loader) problems() Problems {
	all := l.extra
	for _, d := range l.docs {
		all = append(all, d.Problems()...)
	}
	all.Sort()
	return all
}

// ruleFiles are the files that hold rules: every .yaml but those below lists,
// testdata, and directories that begin with a dot or an underscore. Links to
// directories are followed: in a ConfigMap every directory is one.
func (l *loader) ruleFiles() ([]string, error) { return l.filesBelow(".", nil) }

// filesBelow are those of a directory; above are the directories that it is in.
func (l *loader) filesBelow(dir string, above []fs.FileInfo) ([]string, error) {
	var files []string
	entries, err := fs.ReadDir(l.fsys, dir)
	if err != nil {
		return nil, err
	}
	if info, err := fs.Stat(l.fsys, dir); err == nil {
		if slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
			l.refuse(dir, "a link to a directory that it is in; remove it")
			return nil, nil
		}
		above = append(slices.Clip(above), info)
	}
	for _, d := range entries {
		base, file := d.Name(), path.Join(dir, d.Name())
		mode := d.Type()
		if mode&fs.ModeSymlink != 0 {
			if info, err := fs.Stat(l.fsys, file); err == nil {
				mode = info.Mode()
			}
		}
		extension := path.Ext(base)
		switch {
		case mode.IsDir() && (file == listsDir || base == testdataDir || base[0] == '.' || base[0] == '_'):
		case mode.IsDir():
			below, err := l.filesBelow(file, above)
			if err != nil {
				return nil, err
			}
			files = append(files, below...)
		case file == RootFile || base[0] == '.':
		case base == RootFile:
			l.refuse(file, "a directory of rules within another; ids follow from the outer one, so remove this file")
		case extension == ".yaml" && mode&fs.ModeSymlink != 0:
			l.refuse(file, "a link to what is not there")
		case extension == ".yaml":
			files = append(files, file)
		case strings.EqualFold(extension, ".yml"), strings.EqualFold(extension, ".yaml"):
			l.refuse(file, "rule files end in .yaml; rename it")
		}
	}
	return files, nil
}

// refuse reports a file as a whole.
func (l *loader) refuse(file, message string) {
	l.extra = append(l.extra, Problem{File: l.fileName(file), Message: message})
}

// idPattern is one part of a rule's id.
var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)*$`)

// pathID is the id that a rule in a file must have.
func pathID(file string) string {
	return strings.ReplaceAll(strings.TrimSuffix(file, ".yaml"), "/", ".")
}

// checkIdentities refuses two rules that are, or were, called the same.
func (l *loader) checkIdentities(all []*Rule) {
	owner := map[string]*Rule{}
	for _, r := range all {
		owner[r.ID] = r
	}
	for _, r := range all {
		for i, alias := range r.Aliases {
			node := r.node.Mapping().Get("aliases").List()[i]
			if other := owner[alias]; other != nil {
				node.Problemf("%s is the id or an alias of %s already", alias, other.ID)
				continue
			}
			owner[alias] = r
		}
	}
}

// checkFixtures refuses tests whose fixture is nowhere.
func (l *loader) checkFixtures(all []*Rule) {
	for _, r := range all {
		for _, t := range r.Tests {
			for _, e := range t.Events {
				if !l.opts.Fixtures || e.Input == "" || !fs.ValidPath(e.Input) {
					continue
				}
				beside, below := path.Join(path.Dir(r.File), e.Input), path.Join(testdataDir, e.Input)
				if !l.exists(beside) && !l.exists(below) {
					e.input.Problemf("no such fixture: neither %s nor %s exists", beside, below)
				}
			}
		}
	}
}

func (l *loader) exists(file string) bool {
	_, err := fs.Stat(l.fsys, file)
	return err == nil
}

// manifest describes the rule set; its digest is a hash of every file in it.
func (l *loader) manifest(all []*Rule) *Manifest {
	m := &Manifest{Format: manifestFormat}
	names := make([]string, 0, len(l.digest))
	for name := range l.digest {
		names = append(names, name)
	}
	slices.Sort(names)
	parts := make([]string, 0, 2*len(names))
	for _, name := range names {
		parts = append(parts, name, l.digest[name])
	}
	m.Digest = hashID(parts...)
	for _, r := range all {
		m.Rules = append(m.Rules, manifestRule(r))
	}
	m.index()
	return m
}

// Rules is all rules, by id.
func (rs *RuleSet) Rules() []*Rule { return rs.rules }

// Rule finds a rule by id, or nil.
func (rs *RuleSet) Rule(id string) *Rule {
	i, ok := slices.BinarySearchFunc(rs.rules, id, func(r *Rule, id string) int { return strings.Compare(r.ID, id) })
	if !ok {
		return nil
	}
	return rs.rules[i]
}

// Warnings is what is suspicious in the rules but refuses nothing.
func (rs *RuleSet) Warnings() Problems { return rs.warnings }

// Digest names this rule set: a hash of its files, lists included.
func (rs *RuleSet) Digest() string { return rs.manifest.Digest }

// Manifest describes the rule set to those who have no rule files.
func (rs *RuleSet) Manifest() *Manifest { return rs.manifest }

// MaxWindow is the longest `within` plus `suppress` of a rule: how far back a hit
// may depend on events, but for the terms of first_seen. It is at least the hour in
// which a rule's errors are told once.
func (rs *RuleSet) MaxWindow() time.Duration {
	most := time.Duration(failureEvery) * time.Millisecond
	for _, r := range rs.rules {
		most = max(most, r.Within()+r.suppress())
	}
	return most
}

// FirstSeen is the rule set with those running rules only that have first_seen, nil if
// there are none: what a replay needs events for that happened long before.
func (rs *RuleSet) FirstSeen() *RuleSet {
	some := *rs
	some.running = nil
	for _, r := range rs.running {
		if r.FirstSeen != nil {
			some.running = append(some.running, r)
		}
	}
	if some.running == nil {
		return nil
	}
	some.index = newIndex(some.running)
	return &some
}

// MaxTerm is the longest `for` plus `learn` of a rule: how far back events decide
// about what is first seen. Zero without such rules.
func (rs *RuleSet) MaxTerm() time.Duration {
	var most time.Duration
	for _, r := range rs.rules {
		if f := r.FirstSeen; f != nil {
			most = max(most, f.For+f.Learn)
		}
	}
	return most
}
