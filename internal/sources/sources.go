// Package sources is the one visible table of the kinds of logs that weir
// knows: what they are called, how they come wrapped, and what maps them.
package sources

import (
	"github.com/weir-security/weir/ingest/envelope"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/azure"
	"github.com/weir-security/weir/normalize/cloudtrail"
	"github.com/weir-security/weir/normalize/gateway"
	"github.com/weir-security/weir/normalize/kubernetes"
)

// Source is one kind of logs.
type Source struct {
	// Name is the source's name in configuration, topics, rules and lake.
	Name string
	// Title is what a person calls it.
	Title string
	// Format says how its log events come wrapped.
	Format envelope.Format
	// NewMapper makes the source's mapper, one for each goroutine.
	NewMapper func() normalize.Mapper
}

var all = []Source{
	{
		Name:      "aws.cloudtrail",
		Title:     "AWS CloudTrail events",
		Format:    envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"Records"}},
		NewMapper: func() normalize.Mapper { return cloudtrail.New() },
	},
	{
		Name:      "azure.activity",
		Title:     "Azure Activity log",
		Format:    envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"records"}},
		NewMapper: func() normalize.Mapper { return azure.New() },
	},
	{
		Name:      "gateway.nginx",
		Title:     "NGINX access log",
		Format:    envelope.Format{Kind: envelope.Lines},
		NewMapper: func() normalize.Mapper { return gateway.NewNginx() },
	},
	{
		Name:      "kubernetes.audit",
		Title:     "Kubernetes audit log",
		Format:    envelope.Format{Kind: envelope.JSON, EnvelopeKeys: []string{"items"}},
		NewMapper: func() normalize.Mapper { return kubernetes.New() },
	},
}

// All returns the sources by name. The slice is the caller's.
func All() []Source { return append([]Source(nil), all...) }

// Names returns the names of all sources, sorted.
func Names() []string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.Name
	}
	return names
}

// Lookup finds a source by name.
func Lookup(name string) (Source, bool) {
	for _, s := range all {
		if s.Name == name {
			return s, true
		}
	}
	return Source{}, false
}

// Detecting is the format of logs of which the source is not known yet: JSON in
// any of the envelopes, or lines.
func Detecting() envelope.Format {
	f := envelope.Format{Kind: envelope.Detect}
	for _, s := range all {
		f.EnvelopeKeys = append(f.EnvelopeKeys, s.Format.EnvelopeKeys...)
	}
	return f
}
