package config

import (
	"fmt"
	"strings"
)

// expand replaces ${NAME} by the environment variable NAME, and ${NAME:-default}
// by it or, when it is not set or empty, by the text after ":-". $${ stands for a
// literal ${. Anything else is kept: a lone $ means nothing.
//
// It runs on the text of a scalar that the YAML parser has delivered already, so
// that no value can add a key or change the file's structure.
func expand(s string, env func(string) (string, bool)) (string, error) {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1])
			b.WriteString("${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		expression, rest, closed := strings.Cut(s[i+2:], "}")
		if !closed {
			return "", fmt.Errorf("${ without }; write $${ for a literal ${")
		}
		value, err := lookup(expression, env)
		if err != nil {
			return "", err
		}
		b.WriteString(value)
		s = rest
	}
}

// lookup returns the value of what stands between ${ and }.
func lookup(expression string, env func(string) (string, bool)) (string, error) {
	name, fallback, hasFallback := strings.Cut(expression, ":-")
	if !validName(name) {
		return "", fmt.Errorf("${%s} is not ${NAME} or ${NAME:-default}, NAME being letters, digits and _; write $${ for a literal ${", expression)
	}
	if strings.Contains(fallback, "${") {
		return "", fmt.Errorf("the default of ${%s:-...} holds another ${, which is not supported", name)
	}
	value, set := env(name)
	switch {
	case set && (value != "" || !hasFallback):
		return value, nil
	case hasFallback:
		return fallback, nil
	}
	return "", fmt.Errorf("environment variable %s is not set; set it, or give a default with ${%s:-value}", name, name)
}

// validName tells whether s can be the name of an environment variable.
func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '_'
		digit := '0' <= c && c <= '9'
		if !letter && (!digit || i == 0) {
			return false
		}
	}
	return s != ""
}

// escape is the text that expand turns into s.
func escape(s string) string { return strings.ReplaceAll(s, "${", "$${") }
