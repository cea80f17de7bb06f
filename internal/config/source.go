package config

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/yamlpos"
)

// Source is what the file says of one source.
type Source struct {
	// Formats are custom forms of its records, in the vendor's own syntax.
	Formats []string
	// Mapping is the file that maps its records; empty for the built-in sources.
	Mapping string
}

func (s *Source) fields(name string) []field {
	return []field{
		{"formats", "custom forms of its records in the vendor's own syntax (`log_format` of NGINX), beside those that weir knows; see sources.md", checkedList{&s.Formats, func(r *reader) func(string) error {
			if r.opts.CheckFormat == nil {
				return nil
			}
			return func(format string) error { return r.opts.CheckFormat(name, format) }
		}}},
		{"mapping", "file of a source of your own, whose name the key is; see custom-sources.md", optionalPath(&s.Mapping)},
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

// Mappings are the files of the sources that are no built-in ones, by name.
func (c *Config) Mappings() map[string]string {
	files := map[string]string{}
	for name, s := range c.Sources {
		if s.Mapping != "" {
			files[name] = s.Mapping
		}
	}
	return files
}

// UsedSources are the sources whose logs detect reads, sorted: those of collectors,
// and those that have settings, though they be empty, for logs that others than weir
// put into Kafka.
func (c *Config) UsedSources() []string {
	used := slices.Collect(maps.Keys(c.Sources))
	for _, collector := range c.Collectors {
		used = append(used, collector.Source)
	}
	slices.Sort(used)
	return slices.Compact(used)
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
		if !s.custom(r, m) && !r.knowsSource(m.Key, m.Name) {
			continue
		}
		var settings Source
		r.set(m.Value)
		section(settings.fields(m.Name)).read(r, m.Value)
		(*s.to)[m.Name] = settings
	}
}

// custom tells whether the member is a source with a mapping of its own, and makes it
// known to what is read after it.
func (s sourceSettings) custom(r *reader, m yamlpos.Member) bool {
	if !m.Value.IsMapping() || slices.Contains(r.opts.Sources, m.Name) {
		return false
	}
	for _, key := range m.Value.Mapping().Members() {
		if key.Name == "mapping" && !key.Value.IsEmptyText() {
			r.opts.Sources = append(slices.Clone(r.opts.Sources), m.Name)
			return true
		}
	}
	return false
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
