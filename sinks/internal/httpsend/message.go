package httpsend

import (
	"maps"
	"net/http"
	"slices"

	"github.com/weir-security/weir/sinks"
)

// Message is a POST as it is shown: header must hold masks instead of secrets.
func Message(url string, header http.Header, gzip bool, body []byte) sinks.Message {
	header = header.Clone()
	if gzip {
		header.Set("Content-Encoding", "gzip")
	}
	m := sinks.Message{Target: "POST " + url, Body: body}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		m.Header = append(m.Header, sinks.Header{Name: name, Value: header.Get(name)})
	}
	return m
}
