package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/sinks/lake/scan"
)

// replaySummary is what a replay did, as --summary json prints it in a line of its own.
type replaySummary struct {
	Lake       *lakeRead        `json:"lake,omitempty"`
	Rules      int              `json:"rules"`
	Alerts     int64            `json:"alerts"`
	Severities map[string]int64 `json:"severities"`
	Rollups    int64            `json:"rollups"`
	// Late signals came behind the time at which their windows were closed.
	Late   int64        `json:"late"`
	Errors []ruleErrors `json:"errors"`
}

// lakeRead is how much of a lake was read, of how much there is.
type lakeRead struct {
	Rows      int64 `json:"rows"`
	Files     int   `json:"files"`
	RowGroups int   `json:"row_groups"`
	Of        int   `json:"of_row_groups"`
}

// ruleErrors are the events on which a rule could not be evaluated, and the last reason.
type ruleErrors struct {
	Rule   string `json:"rule"`
	Events int64  `json:"events"`
	Error  string `json:"error"`
}

// summary says what fired, and which rules could not be evaluated, in the form that
// --summary names. "none" leaves the counts out, never what makes them wrong.
func (r *replayer) summary(stderr io.Writer, form string, health []detections.RuleHealth, lake *scan.Stats) error {
	stats := r.correlator.Stats()
	s := replaySummary{Rules: len(r.rules.Rules()), Alerts: stats.Alerts + stats.Failures, Severities: r.fired, Rollups: stats.Rollups, Late: stats.Late, Errors: []ruleErrors{}}
	if lake != nil {
		s.Lake = &lakeRead{int64(lake.Rows), int(lake.Files), int(lake.GroupsNow), int(lake.Groups)}
	}
	for _, h := range health {
		if h.Errors > 0 {
			s.Errors = append(s.Errors, ruleErrors{h.RuleID, h.Errors, h.LastError})
		}
	}
	if form == "json" {
		return json.NewEncoder(stderr).Encode(s)
	}
	if form == "text" {
		s.print(stderr)
	}
	if s.Late > 0 {
		fmt.Fprintf(stderr, "%s came too late to be counted: a file of the lake has events of another day than its own\n", count(int(s.Late), "signal"))
	}
	for _, e := range s.Errors {
		fmt.Fprintf(stderr, "rule %s could not be evaluated on %s: %s\n", e.Rule, count(int(e.Events), "event"), e.Error)
	}
	return nil
}

func (s *replaySummary) print(stderr io.Writer) {
	if l := s.Lake; l != nil {
		fmt.Fprintf(stderr, "%s of %s read in %s of %s\n", count(int(l.Rows), "row"), count(l.Files, "file"), count(l.RowGroups, "row group"), count(l.Of, "row group"))
	}
	fmt.Fprintf(stderr, "%s", count(int(s.Alerts), "alert"))
	if by := breakdown(s.Severities); by != "" {
		fmt.Fprintf(stderr, " (%s)", by)
	}
	fmt.Fprintf(stderr, " and %s of %s\n", count(int(s.Rollups), "roll-up"), count(s.Rules, "rule"))
}
