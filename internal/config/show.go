package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"

	"go.yaml.in/yaml/v4"
)

// YAML is the whole configuration in the form of the file, defaults filled in
// and secrets masked. A comment beside each value says where it comes from: the
// line of the file, or "default". Relative paths stand as the process uses them,
// from its working directory: loading the text from a file there gives the same
// configuration again, secrets aside.
func (c *Config) YAML() ([]byte, error) {
	root := section(c.fields()).write()
	c.annotate(root, "")
	return yaml.Dump(root)
}

// annotate gives every value below n the comment that says where it is from, and
// escapes what would be expanded when the text is loaded.
func (c *Config) annotate(n *yaml.Node, path string) {
	switch {
	case n.Kind == yaml.MappingNode && len(n.Content) > 0:
		for i := 0; i < len(n.Content); i += 2 {
			below := n.Content[i].Value
			if path != "" {
				below = path + "." + below
			}
			c.annotate(n.Content[i+1], below)
		}
	case n.Kind == yaml.SequenceNode && n.Style&yaml.FlowStyle == 0:
		for i, item := range n.Content {
			c.annotate(item, fmt.Sprintf("%s[%d]", path, i))
		}
	default:
		n.LineComment = "# default"
		if at, given := c.places[path]; given {
			n.LineComment = fmt.Sprintf("# %s:%d", filepath.Base(c.File), at.line)
		}
		n.Value = escape(n.Value)
		for _, item := range n.Content {
			item.Value = escape(item.Value)
		}
	}
}

// JSON is YAML without the comments, as indented JSON with its keys in the same
// order.
func (c *Config) JSON() ([]byte, error) {
	var compact, indented bytes.Buffer
	if err := writeJSON(&compact, section(c.fields()).write()); err != nil {
		return nil, err
	}
	if err := json.Indent(&indented, compact.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

func writeJSON(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, n.Content[i]); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := writeJSON(b, n.Content[i+1]); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	default:
		if n.Tag == "!!int" || n.Tag == "!!bool" {
			b.WriteString(n.Value)
			return nil
		}
		text, err := json.Marshal(n.Value)
		if err != nil {
			return err
		}
		b.Write(text)
	}
	return nil
}
