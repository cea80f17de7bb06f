package pipeline

import (
	"fmt"
	"io"

	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/ndjson"
	"github.com/weir-security/weir/sinks/terminal"
)

// opened is a destination with how the deliver role is to use it.
type opened struct {
	sinks.Destination
	name  string
	route sinks.Route
	most  int // alerts in one call of Deliver
}

// bulk is how many alerts a destination gets at once that takes many.
const bulk = 500

// DestinationOptions are what destinations need beside their configuration.
type DestinationOptions struct {
	Terminal io.Writer
	Color    bool
}

// OpenDestination makes the destination of a configuration. It is the one place
// where a type of destination meets its package.
func OpenDestination(cfg *config.Config, a *config.Alert, o DestinationOptions) (sinks.Destination, error) {
	made, err := openDestination(cfg, a, o)
	if err != nil {
		return nil, err
	}
	return made.Destination, nil
}

func openDestination(cfg *config.Config, a *config.Alert, o DestinationOptions) (made opened, err error) {
	made = opened{name: a.Name, route: RouteOf(a), most: bulk}
	switch a.Type {
	case config.AlertTerminal:
		made.Destination = terminal.New(o.Terminal, terminal.Options{Color: o.Color})
	case config.AlertFile:
		made.Destination, err = ndjson.Open(a.File.Path)
	default:
		err = fmt.Errorf("unknown type %q", a.Type)
	}
	if err != nil {
		return opened{}, fmt.Errorf("alerts %s: %w", a.Name, err)
	}
	return made, nil
}

// RouteOf is the route of a destination; that of one without is for every alert.
func RouteOf(a *config.Alert) sinks.Route {
	if a.Route == nil {
		return sinks.Route{}
	}
	return sinks.Route{
		MinSeverity: sinks.SeverityID(a.Route.MinSeverity), Sources: a.Route.Sources,
		Rules: a.Route.Rules, Tags: a.Route.Tags, NoRollups: !a.Route.Rollups,
	}
}

// deliverers makes the runners of the deliver role, one for each destination.
func (p *pipeline) deliverers() ([]runner, error) {
	var all []runner
	for i := range p.Config.Alerts {
		made, err := openDestination(p.Config, &p.Config.Alerts[i], DestinationOptions{Terminal: p.Terminal, Color: p.Color})
		if err != nil {
			return nil, err
		}
		p.closers = append(p.closers, made.Close)
		r := &deliverRole{shared: &p.shared, opened: made}
		all = append(all, runner{RoleDeliver, r.run})
	}
	return all, nil
}
