package config

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// Secret is a text that must not be shown: every way to print, log or encode it
// gives a mask. string(s) is the text itself.
type Secret string

// mask says no more than that there is a secret.
const mask = "********"

func (s Secret) masked() string {
	if s == "" {
		return ""
	}
	return mask
}

// String returns the mask.
func (s Secret) String() string { return s.masked() }

// GoString returns the mask: for %#v.
func (s Secret) GoString() string { return `config.Secret("` + s.masked() + `")` }

// MarshalYAML returns the mask.
func (s Secret) MarshalYAML() (any, error) { return s.masked(), nil }

// MarshalText returns the mask: for whatever encodes text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.masked()), nil }

// MarshalJSON returns the mask.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.masked() + `"`), nil }

// LogValue returns the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.masked()) }

// secret is the pair of keys of a secret: `key` gives it in the file, usually as
// ${VARIABLE}, and `key_file` names a file that holds it, as mounted secrets do.
// At most one of the two may be given; either way the secret is in value.
func secret(key, doc string, value *Secret, file *string) []field {
	return []field{
		{key, doc + "; better `${VARIABLE}` than the secret itself", &secretText{value, file}},
		{key + "_file", "a file that holds `" + key + "`, without a final newline", &secretFile{key, value, file}},
	}
}

// ReadSecret returns a secret as it is now: that of its file, if it came from one,
// which may have changed since the configuration was loaded.
func ReadSecret(value Secret, file string) (Secret, error) {
	if file == "" {
		return value, nil
	}
	secret, err := readSecret(file)
	if err == nil && secret == "" {
		err = fmt.Errorf("the file %s is empty", file)
	}
	return secret, err
}

// readSecret returns the content of a secret's file without the newline that
// editors and `echo` leave at its end.
func readSecret(file string) (Secret, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	return Secret(strings.TrimSuffix(string(bytes.TrimSuffix(data, []byte("\n"))), "\r")), nil
}
