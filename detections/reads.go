package detections

import (
	"slices"

	"github.com/weir-security/weir/detections/internal/expr"
	"github.com/weir-security/weir/schemas/ocsf"
)

// Reads is what the rules need of the events of one class, for who stores events
// by column: an engine gives the same signals for an event that has only these.
type Reads struct {
	// Attributes are the paths, as "actor.user.uid". Of a path to an object or a list
	// everything below is meant. Nil for all of the event.
	Attributes []string
	// Conditions are, for each condition of a rule, equalities that it cannot hold
	// without. An event that misses one of each condition matches no rule.
	Conditions [][]Equality
}

// Equality demands one of some values of an attribute: texts or numbers.
type Equality struct {
	Path    string
	Texts   []string
	Numbers []int64
}

// Reads tells by class what the running rules need. A class that is not in it
// matches nothing.
func (rs *RuleSet) Reads() map[ocsf.ClassUID]Reads {
	all := map[ocsf.ClassUID]Reads{}
	for _, r := range rs.running {
		for i, c := range r.Conditions {
			reads := all[c.Class]
			if reads.Conditions == nil {
				reads.Attributes = slices.Clone(signalReads)
			}
			reads.Attributes = append(reads.Attributes, r.reads(i)...)
			var equalities []Equality
			for _, a := range c.program.Atoms {
				equalities = append(equalities, Equality{Path: a.Path, Texts: a.Texts, Numbers: a.Numbers})
			}
			reads.Conditions = append(reads.Conditions, equalities)
			all[c.Class] = reads
		}
	}
	for class, reads := range all {
		slices.Sort(reads.Attributes)
		reads.Attributes = slices.Compact(reads.Attributes)
		if slices.Contains(reads.Attributes, "*") {
			reads.Attributes = nil
		}
		all[class] = reads
	}
	return all
}

// reads are what one condition of the rule, and the signal of it, look at.
func (r *Rule) reads(condition int) []string {
	c := &r.Conditions[condition]
	paths := slices.Clone(c.program.Reads)
	for _, e := range slices.Concat(c.group, c.context, []*expr.Expr{c.value, c.severity}) {
		if e != nil {
			paths = append(paths, e.Reads...)
		}
	}
	if c.title != nil {
		for _, p := range c.title.parts {
			if p.expr != nil {
				paths = append(paths, p.expr.Reads...)
			}
		}
	}
	return paths
}

// signalReads is what Evaluate itself takes from an event into a signal: its
// class, time and origin, and evidenceOf.
var signalReads = []string{
	"class_uid", "category_uid", "activity_id", "type_uid", "time", "severity_id",
	"metadata.uid", "metadata.log_provider",
	"actor.user.name", "actor.user.uid", "actor.user.type", "actor.user.type_id",
	"user.name", "user.uid", "user.type", "user.type_id",
	"api.operation", "api.service.name",
	"src_endpoint.ip", "src_endpoint.hostname", "src_endpoint.svc_name", "src_endpoint.port",
	"dst_endpoint.ip", "dst_endpoint.hostname", "dst_endpoint.svc_name", "dst_endpoint.port",
	"http_request.http_method", "http_request.url.path", "http_response.code",
	"resources.uid", "resources.name", "resources.type", "resources.namespace",
	"status", "status_id", "cloud.account.uid", "cloud.region",
}
