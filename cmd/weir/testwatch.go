package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/internal/watch"
)

// An editor writes a file in one go, so that a save is soon told.
const (
	watchSettle = 20 * time.Millisecond
	watchPoll   = time.Second
)

// watchTrees runs the tests, and again those of what changes, until the user ends it.
func (o *testOptions) watchTrees(c *cobra.Command, trees []*ruleTree) error {
	type change struct {
		tree  int
		files []string
	}
	changes := make(chan change)
	ctx, stop := context.WithCancel(c.Context())
	var watchers sync.WaitGroup
	defer watchers.Wait()
	defer stop()
	w := make([]*watchedTree, len(trees))
	for i, tree := range trees {
		if tree.dir == "" {
			return exitcode.Wrap(exitcode.Usage, errors.New("--watch: the built-in rules do not change"), "give a directory of rules")
		}
		from := watch.Look(tree.dir)
		w[i] = &watchedTree{ruleTree: *tree, cache: detections.NewCache()}
		watchers.Go(func() { // ends with ctx
			watch.Tree(ctx, tree.dir, from, watch.Options{Settle: watchSettle, Poll: watchPoll}, func(files []string) {
				select {
				case changes <- change{i, files}:
				case <-ctx.Done():
				}
			})
		})
	}
	for i := range w {
		if err := o.again(c, w[i], nil); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case ch := <-changes:
			if err := o.again(c, w[ch.tree], ch.files); err != nil {
				return err
			}
		}
	}
}

// watchedTree is a rule directory that is loaded again and again.
type watchedTree struct {
	ruleTree
	cache *detections.Cache
	// since are the files that have changed while the rules were refused; everything is
	// set if they were from the beginning.
	since      []string
	everything bool
}

// again runs what a change concerns: of rules their tests, of a fixture or a list the
// tests of the rules that read it, of what is gone all that were asked for.
func (o *testOptions) again(c *cobra.Command, tree *watchedTree, changed []string) error {
	out := c.OutOrStdout()
	rules, err := detections.Load(tree.dir, detections.LoadOptions{Sources: append(sources.Builtin().Names(), o.custom...), Cache: tree.cache})
	var problems detections.Problems
	switch {
	case errors.As(err, &problems):
		tree.since, tree.everything = append(tree.since, changed...), tree.everything || len(changed) == 0
		wrong, _ := problems.Split()
		_, err := fmt.Fprintf(out, "%s\n%s in the rules\n", problems.Text(), count(len(wrong), "error"))
		return err
	case err != nil: // a file was being written, or the directory is away
		_, err := fmt.Fprintf(out, "%v\n", err)
		return err
	}
	part, whole := tree.ruleTree, tree.everything || len(changed) == 0
	if files, known := concerned(rules, append(tree.since, changed...)); known && !whole {
		asked := tree.ruleTree
		if part.parts = slices.DeleteFunc(files, func(f string) bool { return !asked.covers(f) }); len(part.parts) == 0 {
			return nil // rules that nobody asked for
		}
	}
	tree.since, tree.everything = nil, false
	results, err := o.tree(c.ErrOrStderr(), &part, rules)
	if err != nil {
		return err
	}
	if len(changed) > 0 {
		if _, err := fmt.Fprintf(out, "%s changed\n", strings.Join(changed, ", ")); err != nil {
			return err
		}
	}
	if len(results) == 0 {
		_, err := fmt.Fprintln(out, "no tests")
		return err
	}
	if err := printTests(out, results); err != nil {
		return err
	}
	if err := outcomeOf(results); err != nil {
		_, err := fmt.Fprintln(out, err)
		return err
	}
	return nil
}

// concerned are the files of the rules that changed files are or that read them; known
// is false if one of them is neither.
func concerned(rules *detections.RuleSet, changed []string) (files []string, known bool) {
	for _, file := range changed {
		before := len(files)
		for _, r := range rules.Rules() {
			if r.File == file || r.Reads(file) {
				files = append(files, r.File)
			}
		}
		if len(files) == before {
			return nil, false
		}
	}
	return files, true
}
