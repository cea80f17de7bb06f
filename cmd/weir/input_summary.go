package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/normalize/redact"
)

// inputCounts is what one input held.
type inputCounts struct {
	path, object string
	counts       rawlog.Counts
}

// maxFound is for how many inputs the summary says of each what was found in it.
const maxFound = 20

// printCounts prints what was read, and the first rejects unless they are kept
// somewhere. Nothing at all is an error.
func (f *inputFlags) printCounts(stderr io.Writer, counts rawlog.Counts, kept bool) error {
	events, rejects := counts.Total()
	if events+rejects == 0 {
		return exitcode.Wrap(exitcode.Nothing, fmt.Errorf("no records in %s", count(len(f.found), "input")), "give logs that are not empty")
	}
	switch f.summary {
	case "none":
		return nil
	case "json":
		return f.printCountsJSON(stderr, counts)
	}
	if !kept {
		for _, line := range f.shown {
			fmt.Fprintf(stderr, "rejected %s\n", line)
		}
		if more := rejects - int64(len(f.shown)); more > 0 {
			fmt.Fprintf(stderr, "rejected %d more\n", more)
		}
	}
	if f.auto() {
		f.printFound(stderr, counts)
	}
	fmt.Fprintln(stderr, summary(counts, len(f.found)))
	if counts.Redactions != (redact.Counts{}) {
		fmt.Fprintln(stderr, redactions(counts.Redactions))
	}
	return nil
}

// printFound says which sources and dialects the records were told to be.
func (f *inputFlags) printFound(stderr io.Writer, all rawlog.Counts) {
	if len(f.found) > maxFound {
		fmt.Fprintf(stderr, "found: %s\n", foundIn(all))
		return
	}
	for _, in := range f.found {
		if len(in.counts.Events) > 0 {
			fmt.Fprintf(stderr, "found in %s: %s\n", in.path, foundIn(in.counts))
		}
	}
}

// foundIn is "aws.cloudtrail (EventBridge) 12, kubernetes.audit 3".
func foundIn(counts rawlog.Counts) string {
	var parts []string
	for _, k := range counts.Kinds() {
		parts = append(parts, fmt.Sprintf("%v %d", k, counts.Events[k]))
	}
	return strings.Join(parts, ", ")
}

// redactions is "2 credentials redacted, 1 value dropped".
func redactions(c redact.Counts) string {
	var parts []string
	if c.Redacted > 0 {
		parts = append(parts, count(int(c.Redacted), "credential")+" redacted")
	}
	if c.Dropped > 0 {
		parts = append(parts, count(int(c.Dropped), "value")+" dropped")
	}
	if c.Hashed > 0 {
		parts = append(parts, count(int(c.Hashed), "value")+" hashed")
	}
	return strings.Join(parts, ", ")
}

// summary is what was read: events by source, rejects by reason.
func summary(counts rawlog.Counts, inputs int) string {
	events, rejects := counts.Total()
	bySource := map[string]int64{}
	for k, n := range counts.Events {
		bySource[k.Source] += n
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s", count(int(events), "event"))
	if by := breakdown(bySource); by != "" {
		fmt.Fprintf(&b, " (%s)", by)
	}
	fmt.Fprintf(&b, " of %s, %s", count(inputs, "input"), count(int(rejects), "reject"))
	if by := breakdown(counts.Rejects); by != "" {
		fmt.Fprintf(&b, " (%s)", by)
	}
	return b.String()
}

// breakdown is "3 syntax, 1 truncated", by name.
func breakdown[K ~string](counts map[K]int64) string {
	var parts []string
	for name, n := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", n, name))
	}
	slices.SortFunc(parts, func(a, b string) int {
		_, a, _ = strings.Cut(a, " ")
		_, b, _ = strings.Cut(b, " ")
		return strings.Compare(a, b)
	})
	return strings.Join(parts, ", ")
}

// countsJSON is the summary for machines.
type countsJSON struct {
	Object   string           `json:"object,omitempty"`
	Events   int64            `json:"events"`
	Rejects  map[string]int64 `json:"rejects"`
	Bytes    int64            `json:"bytes"`
	Found    []foundJSON      `json:"found"`
	Redacted int64            `json:"redacted,omitempty"`
	Dropped  int64            `json:"dropped,omitempty"`
	Hashed   int64            `json:"hashed,omitempty"`
	Inputs   []countsJSON     `json:"inputs,omitempty"`
}

type foundJSON struct {
	Source  string `json:"source"`
	Dialect string `json:"dialect,omitempty"`
	Events  int64  `json:"events"`
}

func toJSON(object string, c rawlog.Counts) countsJSON {
	out := countsJSON{Object: object, Bytes: c.Bytes, Rejects: map[string]int64{}, Found: []foundJSON{},
		Redacted: c.Redactions.Redacted, Dropped: c.Redactions.Dropped, Hashed: c.Redactions.Hashed}
	out.Events, _ = c.Total()
	for reason, n := range c.Rejects {
		out.Rejects[string(reason)] = n
	}
	for _, k := range c.Kinds() {
		out.Found = append(out.Found, foundJSON{k.Source, k.Dialect, c.Events[k]})
	}
	return out
}

func (f *inputFlags) printCountsJSON(stderr io.Writer, counts rawlog.Counts) error {
	all := toJSON("", counts)
	for _, in := range f.found {
		all.Inputs = append(all.Inputs, toJSON(in.object, in.counts))
	}
	return json.NewEncoder(stderr).Encode(all)
}
