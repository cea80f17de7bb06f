package config

import (
	"errors"
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/yamlpos"
)

// Source is what the file says of one source.
type Source struct {
	// Formats are custom forms of its records, in the vendor's own syntax.
	Formats []string
}

func (s *Source) fields(name string) []field {
	return []field{
		{"formats", "custom forms of its records in the vendor's own syntax (`log_format` of NGINX), beside those that weir knows; see sources.md", formatList{name, &s.Formats}},
	}
}

// Formats are the custom formats of all sources, by name.
func (c *Config) Formats() map[string][]string {
	formats := map[string][]string{}
	for name, s := range c.Sources {
		if len(s.Formats) > 0 {
			formats[name] = s.Formats
		}
	}
	return formats
}

// settingsBySource is a mapping of sources to sections.
func settingsBySource(to *map[string]Source) value { return sourceSettings{to} }

type sourceSettings struct{ to *map[string]Source }

func (sourceSettings) form() string { return "mapping of source to section" }

// whole is the keys for the documentation.
func (sourceSettings) whole(*reader) section {
	keys := (&Source{}).fields("")
	for i := range keys {
		keys[i].key = "<source>." + keys[i].key
	}
	return keys
}

func (s sourceSettings) read(r *reader, n yamlpos.Node) {
	*s.to = map[string]Source{}
	for _, m := range n.Mapping().Members() {
		if !r.knowsSource(m.Key, m.Name) {
			continue
		}
		var settings Source
		r.set(m.Value)
		section(settings.fields(m.Name)).read(r, m.Value)
		(*s.to)[m.Name] = settings
	}
}

func (s sourceSettings) write() *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range slices.Sorted(maps.Keys(*s.to)) {
		settings := (*s.to)[name]
		m.Content = append(m.Content, scalarNode("!!str", name), section(settings.fields(name)).write())
	}
	if len(m.Content) == 0 {
		m.Style = yaml.FlowStyle
	}
	return m
}

// formatList is a list of texts in which ${NAME} is the vendor's syntax and no
// variable of the environment.
type formatList struct {
	source string
	to     *[]string
}

func (formatList) form() string { return "list" }

func (l formatList) read(r *reader, n yamlpos.Node) {
	*l.to = nil
	for _, item := range n.List() {
		var text string
		if !r.sound(func() { text = item.Text() }) {
			continue
		}
		if err := r.checkFormat(l.source, text); err != nil {
			item.Problemf("%v", err)
			continue
		}
		*l.to = append(*l.to, text)
	}
}

func (r *reader) checkFormat(source, format string) error {
	switch {
	case format == "":
		return errors.New("want a format, got nothing")
	case r.opts.CheckFormat == nil:
		return nil
	}
	return r.opts.CheckFormat(source, format)
}

func (l formatList) write() *yaml.Node {
	s := &yaml.Node{Kind: yaml.SequenceNode}
	for _, text := range *l.to {
		s.Content = append(s.Content, scalarNode("!!str", text))
	}
	if len(s.Content) == 0 {
		s.Style = yaml.FlowStyle
	}
	return s
}
