package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/internal/yamlpos"
	"github.com/weir-security/weir/normalize/mapping"
)

// openMapping loads a mapping; the error may be yamlpos.Problems.
func openMapping(file string) (*mapping.Mapping, error) {
	language, err := detections.RawLanguage()
	if err != nil {
		return nil, err
	}
	return mapping.Load(file, mapping.Options{Language: language, Builtin: sources.Builtin().Names()})
}

// loadMappings loads the mappings of a configuration, by name, and those of further
// files.
func loadMappings(cfg *config.Config, files []string) ([]*mapping.Mapping, error) {
	named := cfg.Mappings()
	var all []*mapping.Mapping
	var problems yamlpos.Problems
	load := func(name, file string) error {
		m, err := openMapping(file)
		var found yamlpos.Problems
		switch {
		case errors.As(err, &found):
			problems = append(problems, found...)
		case err != nil:
			return exitcode.Wrap(exitcode.Usage, err, "give the path of a mapping")
		case name != "" && m.Source != name:
			return exitcode.Wrap(exitcode.Usage, fmt.Errorf("%s: sources.%s: %s is the mapping of %s", cfg.File, name, file, m.Source), "the key is the name that the file has in `source`")
		default:
			all = append(all, m)
		}
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if err := load(name, named[name]); err != nil {
			return nil, err
		}
	}
	for _, file := range files {
		if err := load("", file); err != nil {
			return nil, err
		}
	}
	if len(problems) > 0 {
		return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("read mappings:\n%s", problems.Text()), "weir check FILE says when all is well")
	}
	return all, nil
}

// customSources are the names of the configuration's sources that have a mapping.
func customSources(cfg *config.Config) []string { return slices.Sorted(maps.Keys(cfg.Mappings())) }

// customSources are those of the configuration and of --mapping.
func (f *inputFlags) customSources(cfg *config.Config) ([]string, error) {
	mappings, err := loadMappings(cfg, f.mappings)
	var names []string
	for _, m := range mappings {
		names = append(names, m.Source)
	}
	return names, err
}

const mappingPathHelp = `

A mapping of a source (docs/custom-sources.md) is given by its file, or by a directory that is not one of rules.`

// splitTrees tells the mappings among arguments from rules; without arguments there are
// only rules.
func splitTrees(args []string) (mappings []string, trees []*ruleTree, err error) {
	mappings, rest, err := splitMappings(args)
	if err != nil {
		return nil, nil, err
	}
	if len(mappings) == 0 || len(rest) > 0 {
		trees, err = ruleTrees(rest)
	}
	return mappings, trees, err
}

// whole is what was checked, for a message.
func whole(rules, mappings int) string {
	switch {
	case mappings == 0:
		return "rules"
	case rules == 0:
		return "mappings"
	}
	return "rules and mappings"
}

// splitMappings takes the mappings out of the arguments of check and test: files, and
// the files of directories that are no directories of rules. What remains is rules'.
func splitMappings(args []string) (mappings, rules []string, err error) {
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err != nil: // for the rules to say
			rules = append(rules, arg)
			continue
		case !info.IsDir():
			if isMapping(arg) {
				mappings = append(mappings, arg)
			} else {
				rules = append(rules, arg)
			}
			continue
		}
		if _, err := detections.FindRoot(arg); err == nil {
			rules = append(rules, arg)
			continue
		}
		found, err := mappingsBelow(arg)
		if err != nil {
			return nil, nil, exitcode.Wrap(exitcode.IO, fmt.Errorf("open mappings: %w", err), "check the path")
		}
		if len(found) == 0 {
			rules = append(rules, arg)
		}
		mappings = append(mappings, found...)
	}
	return mappings, rules, nil
}

func mappingsBelow(dir string) (found []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && isMapping(path) {
			found = append(found, path)
		}
		return err
	})
	return found, err
}

// isMapping tells mappings from rules by their keys; one that cannot be parsed is a
// mapping if it has the line of `source:`.
func isMapping(file string) bool {
	if ext := filepath.Ext(file); ext != ".yaml" && ext != ".yml" {
		return false
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	return mapping.IsMapping(data) || bytes.HasPrefix(data, []byte("source:")) || bytes.Contains(data, []byte("\nsource:"))
}

// checkMappings adds what is wrong with mappings.
func (r *checked) checkMappings(files []string) error {
	for _, file := range files {
		m, err := openMapping(file)
		var problems yamlpos.Problems
		switch {
		case errors.As(err, &problems):
		case err != nil:
			return exitcode.Wrap(exitcode.IO, err, "check the path")
		default:
			r.Mappings++
			r.knows(m)
			problems = m.Warnings
		}
		for _, p := range problems {
			if !p.Warning {
				r.errors++
			}
			r.Problems = append(r.Problems, problemOf(p))
		}
	}
	return nil
}

// mappings runs the tests of mappings.
func (o *testOptions) mappings(files []string) ([]testResult, error) {
	if len(files) > 0 && (o.update || o.permute > 0 || o.watch) {
		return nil, exitcode.Wrap(exitcode.Usage, errors.New("--update, --permute and --watch are for the tests of rules"), "give mappings without them")
	}
	results := []testResult{}
	for _, file := range files {
		m, err := openMapping(file)
		var problems yamlpos.Problems
		if errors.As(err, &problems) {
			return nil, exitcode.Wrap(exitcode.Rule, fmt.Errorf("read mapping:\n%s", problems.Text()), "correct it; weir check "+file+" says when all is well")
		}
		if err != nil {
			return nil, exitcode.Wrap(exitcode.IO, err, "check the path")
		}
		for i := range m.Tests {
			t := &m.Tests[i]
			if !o.wanted.MatchString(m.Source + "/" + t.Name) {
				continue
			}
			began := time.Now()
			failures := m.Run(t)
			results = append(results, testResult{Rule: m.Source, Test: t.Name, File: file, Line: t.Line, Column: t.Col,
				Passed: len(failures) == 0, Failures: failures, took: time.Since(began), mapping: true})
		}
	}
	return results, nil
}

// subjects says of what tests are: 2 rules, 1 mapping.
func subjects(results []testResult) string {
	rules, mappings := map[string]bool{}, map[string]bool{}
	for _, r := range results {
		if r.mapping {
			mappings[r.Rule] = true
		} else {
			rules[r.Rule] = true
		}
	}
	var parts []string
	if len(rules) > 0 || len(mappings) == 0 {
		parts = append(parts, count(len(rules), "rule"))
	}
	if len(mappings) > 0 {
		parts = append(parts, count(len(mappings), "mapping"))
	}
	return strings.Join(parts, " and ")
}
