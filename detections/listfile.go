package detections

import (
	"errors"
	"io/fs"
	"net/netip"
	"path"
	"regexp"
	"strings"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/internal/yamlpos"
)

// listName is what a list may be called: rules write lists.NAME.
var listName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// lists loads lists/*.yaml: sets of texts, networks or globs.
func (l *loader) lists() []*expr.List {
	entries, err := fs.ReadDir(l.fsys, listsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.extra = append(l.extra, Problem{File: l.fileName(listsDir), Message: err.Error()})
	}
	var all []*expr.List
	for _, entry := range entries {
		file := path.Join(listsDir, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), "."):
			continue
		case strings.EqualFold(path.Ext(file), ".yml"), strings.EqualFold(path.Ext(file), ".yaml") && path.Ext(file) != ".yaml":
			l.extra = append(l.extra, Problem{File: l.fileName(file), Message: "list files end in .yaml; rename it"})
			continue
		case !strings.HasSuffix(file, ".yaml"):
			continue
		}
		name := strings.TrimSuffix(path.Base(file), ".yaml")
		doc := l.parse(file)
		if doc == nil {
			continue
		}
		if !listName.MatchString(name) {
			doc.Report(1, 1, "", "a list is called by lower-case letters, digits and _, not %q", name)
			continue
		}
		if list := readList(doc, name); list != nil {
			all = append(all, list)
		}
	}
	return all
}

func readList(doc *yamlpos.Document, name string) *expr.List {
	m := doc.Root().Mapping()
	kind := m.Require("type").OneOf("strings", "cidrs", "globs")
	m.Get("description").Str()
	fold := m.Get("ignore_case").Bool()
	values := m.Require("values").List()
	m.Done()
	texts, networks := listValues(kind == "cidrs", kind == "globs", values)
	switch kind {
	case "strings":
		return expr.NewStrings(name, texts, fold)
	case "cidrs":
		if m.Key("ignore_case").Exists() {
			m.Key("ignore_case").Problemf("ignore_case is for strings and globs")
		}
		return expr.NewCIDRs(name, networks)
	case "globs":
		return expr.NewGlobs(name, texts, fold)
	}
	return expr.NewStrings(name, nil, false) // reported; rules may name it
}

// listValues reads the values of a list.
func listValues(cidrs, globs bool, values []yamlpos.Node) (texts []string, networks []netip.Prefix) {
	seen := map[string]bool{}
	for _, v := range values {
		text := v.Text()
		switch {
		case text != "" && seen[text]:
			v.Warnf("%q is in the list twice", text)
		case v.IsEmptyText() && cidrs:
			v.Problemf("%q is neither a network nor an address", text)
		case v.IsEmptyText() || globs && text != "" && strings.Trim(text, "*") == "":
			v.Warnf("an absent attribute is in the list, too, by %q", text)
		}
		seen[text] = true
		texts = append(texts, text)
		if !cidrs || text == "" {
			continue
		}
		network, err := expr.ParseCIDR(text)
		if err != nil {
			v.Problemf("%v", err)
			continue
		}
		networks = append(networks, network)
	}
	return texts, networks
}

// listOf is a list of another's name and kind with values of its own.
func listOf(of *expr.List, values []yamlpos.Node) *expr.List {
	texts, networks := listValues(of.Kind == expr.CIDRs, of.Kind == expr.Globs, values)
	switch of.Kind {
	case expr.CIDRs:
		return expr.NewCIDRs(of.Name, networks)
	case expr.Globs:
		return expr.NewGlobs(of.Name, texts, of.Fold)
	}
	return expr.NewStrings(of.Name, texts, of.Fold)
}
