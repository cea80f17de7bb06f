package pipeline

import (
	"fmt"

	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/ndjson"
	"github.com/weir-security/weir/sinks/terminal"
)

// deliverers is the one place where a type of destination meets its package.
func (p *pipeline) deliverers() ([]runner, error) {
	var all []runner
	for _, a := range p.Config.Alerts {
		var d sinks.Destination
		switch a.Type {
		case config.AlertTerminal:
			d = terminal.New(p.Terminal, terminal.Options{Color: p.Color})
		case config.AlertFile:
			f, err := ndjson.Open(a.File.Path)
			if err != nil {
				return nil, err
			}
			d = f
		default:
			return nil, fmt.Errorf("alerts %s: unknown type %q", a.Name, a.Type)
		}
		p.closers = append(p.closers, d.Close)
		r := &deliverRole{shared: &p.shared, name: a.Name, destination: d}
		all = append(all, runner{RoleDeliver, r.run})
	}
	return all, nil
}
