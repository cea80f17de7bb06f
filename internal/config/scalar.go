package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/weir-security/weir/internal/suggest"
	"github.com/weir-security/weir/internal/yamlpos"
)

// scalar is a value that is one text in the file.
type scalar[T any] struct {
	to     *T
	kind   string
	tag    string
	parse  func(string) (T, error)
	format func(T) string
}

func (s scalar[T]) form() string { return s.kind }

func (s scalar[T]) read(r *reader, n yamlpos.Node) {
	text, ok := r.text(n)
	if !ok {
		return
	}
	v, err := s.parse(text)
	if err != nil {
		n.Problemf("%v", err)
		return
	}
	*s.to = v
}

func (s scalar[T]) write() *yaml.Node { return scalarNode(s.tag, s.format(*s.to)) }

func same(s string) string { return s }

func text(to *string) value {
	return scalar[string]{to, "text", "!!str", func(s string) (string, error) { return s, nil }, same}
}

func checked(to *string, kind string, check func(string) error) value {
	parse := func(s string) (string, error) { return s, check(s) }
	return scalar[string]{to, kind, "!!str", parse, same}
}

// name is a text that is safe in the name of a topic, a group and a transaction.
func name(to *string) value {
	return checked(to, "name", func(s string) error {
		if !nameForm.MatchString(s) {
			return fmt.Errorf("must be 1 to 100 letters, digits, '.', '_' or '-', beginning with a letter or digit, got %q", s)
		}
		return nil
	})
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// prefix is the beginning of names, possibly empty.
func prefix(to *string) value {
	return checked(to, "text", func(s string) error {
		if s != "" && !nameForm.MatchString(s) {
			return fmt.Errorf("must be at most 100 letters, digits, '.', '_' or '-', as Kafka names are, got %q", s)
		}
		return nil
	})
}

func oneOf(to *string, choices []string) value {
	return checked(to, strings.Join(choices, ", "), func(s string) error {
		if !slices.Contains(choices, s) {
			return fmt.Errorf("unknown value %q%s (one of %s)", s, suggest.Hint(s, choices), strings.Join(choices, ", "))
		}
		return nil
	})
}

func boolean(to *bool) value {
	return scalar[bool]{to, "true, false", "!!bool", func(s string) (bool, error) {
		if s != "true" && s != "false" {
			return false, fmt.Errorf("want true or false, got %q", s)
		}
		return s == "true", nil
	}, strconv.FormatBool}
}

func integer[T int | int16 | int32](to *T, least, most T) value {
	return scalar[T]{to, "integer", "!!int", func(s string) (T, error) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return 0, fmt.Errorf("want a whole number, got %q", s)
		}
		if err != nil || n < int64(least) || n > int64(most) {
			return 0, fmt.Errorf("must be from %d to %d, got %s", least, most, s)
		}
		return T(n), nil
	}, func(n T) string { return strconv.FormatInt(int64(n), 10) }}
}

func duration(to *time.Duration, least time.Duration) value {
	return scalar[time.Duration]{to, "duration", "!!str", func(s string) (time.Duration, error) {
		d, err := ParseDuration(s)
		if err == nil && d < least {
			err = fmt.Errorf("must be at least %s, got %q", formatDuration(least), s)
		}
		return d, err
	}, formatDuration}
}

func size(to *int64, least, most int64) value {
	return scalar[int64]{to, "size", "!!str", func(s string) (int64, error) {
		n, err := parseSize(s)
		if err == nil && (n < least || n > most) {
			err = fmt.Errorf("must be from %s to %s, got %q", formatSize(least), formatSize(most), s)
		}
		return n, err
	}, formatSize}
}

// pathText is the path of a file or directory, made usable from the process's
// working directory.
type pathText struct {
	to       *string
	required bool
}

func path(to *string) value         { return pathText{to, true} }
func optionalPath(to *string) value { return pathText{to, false} }

func (pathText) form() string        { return "path" }
func (p pathText) write() *yaml.Node { return scalarNode("!!str", *p.to) }

func (p pathText) read(r *reader, n yamlpos.Node) {
	s, ok := r.text(n)
	switch {
	case !ok:
	case s == "" && p.required:
		n.Problemf("want a path, got nothing")
	case strings.ContainsRune(s, 0):
		n.Problemf("want a path, got %q", s)
	default:
		*p.to = r.join(s)
	}
}

// source is the name of a source, one of those the caller of Load knows.
func source(to *string) value { return sourceText{to} }

type sourceText struct{ to *string }

func (sourceText) form() string        { return "source" }
func (s sourceText) write() *yaml.Node { return scalarNode("!!str", *s.to) }

func (s sourceText) read(r *reader, n yamlpos.Node) {
	text, ok := r.text(n)
	if ok && r.knowsSource(n, text) {
		*s.to = text
	}
}

// durationsBySource is a mapping of sources to durations.
func durationsBySource(to *map[string]time.Duration) value { return sourceDurations{to} }

type sourceDurations struct{ to *map[string]time.Duration }

func (sourceDurations) form() string { return "mapping of source to duration" }

func (s sourceDurations) read(r *reader, n yamlpos.Node) {
	*s.to = map[string]time.Duration{}
	for _, m := range n.Mapping().Members() {
		var d time.Duration
		if r.knowsSource(m.Key, m.Name) {
			r.set(m.Value)
			duration(&d, 0).read(r, m.Value)
			(*s.to)[m.Name] = d
		}
	}
}

func (s sourceDurations) write() *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for _, source := range slices.Sorted(maps.Keys(*s.to)) {
		m.Content = append(m.Content, scalarNode("!!str", source), scalarNode("!!str", formatDuration((*s.to)[source])))
	}
	if len(m.Content) == 0 {
		m.Style = yaml.FlowStyle
	}
	return m
}

// addresses is a list of host:port.
func addresses(to *[]string) value { return addressList{to} }

type addressList struct{ to *[]string }

func (addressList) form() string { return "list of host:port" }

func (a addressList) read(r *reader, n yamlpos.Node) {
	items := n.List()
	if n.IsList() && len(items) == 0 {
		n.Problemf("want a list like [kafka-1:9092, kafka-2:9092], got an empty one")
	}
	for _, item := range items {
		address, ok := r.text(item)
		if !ok {
			continue
		}
		if err := checkAddress(address); err != nil {
			item.Problemf("%v", err)
			continue
		}
		*a.to = append(*a.to, address)
	}
}

// optionalAddress is one host:port to listen at, or empty.
func optionalAddress(to *string) value {
	return checked(to, "host:port", func(s string) error {
		host, port, err := net.SplitHostPort(s)
		if n, bad := strconv.Atoi(port); s != "" && (err != nil || host == "" || bad != nil || n < 0 || n > 65535) {
			return fmt.Errorf("want host:port like 127.0.0.1:9464, or 0.0.0.0:9464 for every interface, got %q", s)
		}
		return nil
	})
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if n, bad := strconv.Atoi(port); err != nil || host == "" || bad != nil || n < 1 || n > 65535 {
		return fmt.Errorf("want host:port like kafka-1:9092, got %q", address)
	}
	return nil
}

func (a addressList) write() *yaml.Node {
	if len(*a.to) == 0 {
		return nil
	}
	s := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, address := range *a.to {
		s.Content = append(s.Content, scalarNode("!!str", address))
	}
	return s
}

// secretText is the key that holds a secret, secretFile the one that names its
// file; see secret.
type secretText struct {
	value *Secret
	file  *string
}

func (secretText) form() string { return "secret" }

func (s *secretText) read(r *reader, n yamlpos.Node) {
	text, ok := r.text(n)
	switch {
	case !ok:
	case text == "":
		n.Problemf("is empty; it must hold the secret")
	default:
		*s.value = Secret(text)
	}
}

func (s *secretText) write() *yaml.Node {
	if *s.file != "" || *s.value == "" {
		return nil
	}
	return scalarNode("!!str", s.value.String())
}

type secretFile struct {
	key   string
	value *Secret
	file  *string
}

func (secretFile) form() string { return "path" }

func (s *secretFile) read(r *reader, n yamlpos.Node) {
	if !r.sound(func() { pathText{s.file, true}.read(r, n) }) {
		return
	}
	secret, err := readSecret(*s.file)
	switch {
	case err != nil:
		n.Problemf("%v", err)
	case secret == "":
		n.Problemf("the file %s is empty; it must hold the %s", *s.file, s.key)
	default:
		*s.value = secret
	}
}

func (s *secretFile) write() *yaml.Node {
	if *s.file == "" {
		return nil
	}
	return scalarNode("!!str", *s.file)
}
