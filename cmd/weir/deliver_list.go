package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/exitcode"
)

func newDeliverList() *cobra.Command {
	var file, format string
	c := &cobra.Command{
		Use:   "list",
		Short: "List the destinations of alerts and their routes",
		Example: `  weir deliver list --config weir.yaml
  weir deliver list -c weir.yaml --format json | jq '.[].name'`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := loadConfig(c, file)
			if err != nil {
				return err
			}
			return listDestinations(c, cfg, format)
		},
	}
	configFlag(c, &file)
	formatFlag(c, &format, "text", "json")
	return c
}

// listedDestination is a destination as JSON.
type listedDestination struct {
	Name  string       `json:"name"`
	Type  string       `json:"type"`
	To    string       `json:"to"`
	Group string       `json:"group"` // consumer group
	Route *listedRoute `json:"route"` // null: every alert
}

type listedRoute struct {
	MinSeverity string   `json:"min_severity,omitempty"`
	Sources     []string `json:"sources,omitempty"`
	Rules       []string `json:"rules,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	Rollups     bool     `json:"rollups"`
}

func listDestinations(c *cobra.Command, cfg *config.Config, format string) error {
	all := []listedDestination{}
	for i := range cfg.Alerts {
		a := &cfg.Alerts[i]
		l := listedDestination{Name: a.Name, Type: a.Type, To: a.Target(), Group: cfg.Kafka.GroupPrefix + "deliver." + a.Name}
		if r := a.Route; r != nil {
			l.Route = &listedRoute{r.MinSeverity, r.Sources, r.Rules, r.Tags, r.Rollups}
		}
		all = append(all, l)
	}
	if len(all) == 0 {
		return exitcode.Wrap(exitcode.Nothing, errors.New("no destinations are configured: alerts stay in Kafka and in the lake"), "add some below alerts")
	}
	if format == "json" {
		out := json.NewEncoder(c.OutOrStdout())
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		return out.Encode(all)
	}
	t := table.NewWriter()
	t.SetOutputMirror(c.OutOrStdout())
	t.SetStyle(table.StyleLight)
	t.Style().Options.DrawBorder = false
	t.SuppressTrailingSpaces()
	t.AppendHeader(table.Row{"name", "type", "to", "alerts"})
	for _, l := range all {
		t.AppendRow(table.Row{l.Name, l.Type, l.To, l.Route.String()})
	}
	t.Render()
	return nil
}

// String is the route in words.
func (r *listedRoute) String() string {
	if r == nil {
		return "all"
	}
	var parts []string
	if r.MinSeverity != "" {
		parts = append(parts, "at least "+r.MinSeverity)
	}
	for _, list := range []struct {
		name  string
		items []string
	}{{"source", r.Sources}, {"rule", r.Rules}, {"tag", r.Tags}} {
		if len(list.items) > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", list.name, strings.Join(list.items, " or ")))
		}
	}
	if !r.Rollups {
		parts = append(parts, "no roll-ups")
	}
	if len(parts) == 0 {
		return "all"
	}
	return strings.Join(parts, ", ")
}
