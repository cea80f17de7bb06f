package config

import (
	"fmt"
	"net"
	"time"

	"github.com/weir-security/weir/internal/yamlpos"
)

// check finds what is wrong across keys, once every key has been read.
func (c *Config) check(r *reader) {
	c.Kafka.check(r)
	c.Lake.check(r)
	c.Redact.check(r)
	c.Metrics.check(r)
	checkNames(r, "collectors", c.Collectors, func(x Collector) string { return x.Name })
	checkCollectors(r, c.Collectors)
	c.checkAlerts(r)
}

// CheckWindows refuses a retention of signals that rules outlive: correlation
// rebuilds its state from the topic after a restart. longest is the rules' longest
// window with its suppression. The error is yamlpos.Problems.
func (c *Config) CheckWindows(longest time.Duration) error {
	lateness := c.Lateness.Longest()
	if c.Kafka.Retention.Signals > longest+lateness {
		return nil
	}
	const path = "kafka.retention.signals"
	at := c.places[path]
	return yamlpos.Problems{{
		File: c.File, Line: at.line, Col: at.col, Path: path,
		Message: fmt.Sprintf("must be more than %s, the longest window and suppression of the rules (%s) and the lateness (%s); it is %s",
			formatDuration(longest+lateness), formatDuration(longest), formatDuration(lateness), formatDuration(c.Kafka.Retention.Signals)),
	}}
}

// checkNames records items of a list that have the name of another.
func checkNames[T any](r *reader, list string, items []T, name func(T) string) {
	first := map[string]int{}
	for i, item := range items {
		n := name(item)
		if j, twice := first[n]; twice && n != "" {
			r.problemAt(fmt.Sprintf("%s[%d].name", list, i), "%q is the name of %s[%d] already; names must differ", n, list, j)
			continue
		}
		first[n] = i
	}
}

func (k *Kafka) check(r *reader) {
	brokers := r.given("kafka.brokers")
	embedded := k.Embedded != nil
	switch {
	case !brokers && !embedded:
		r.problemAt("kafka", "give the cluster as brokers: [host:9092], or embedded: {dir: %s} for the broker in weir's own process", defaultBrokerDir)
	case brokers && embedded:
		r.problemAt("kafka.embedded", "brokers and embedded exclude each other; delete one")
	case embedded && k.SASL != nil:
		r.problemAt("kafka.sasl", "is for brokers; the embedded broker serves its own process only: delete it")
	case embedded && k.TLS != nil:
		r.problemAt("kafka.tls", "is for brokers; the embedded broker serves its own process only: delete it")
	}
	if k.SASL != nil {
		k.SASL.check(r, "kafka.sasl")
	}
	if k.TLS != nil {
		k.TLS.check(r, "kafka.tls")
	}
}

// check keeps profiles from the network: they show what is in memory.
func (m *Metrics) check(r *reader) {
	switch {
	case !m.Pprof:
	case m.Listen == "":
		r.problemAt("metrics.pprof", "needs an address: add listen: 127.0.0.1:9464")
	case !loopback(m.Listen):
		r.problemAt("metrics.pprof", "serves on a loopback address only, and listen is %s; give listen: 127.0.0.1:9464, or delete pprof", m.Listen)
	}
}

// loopback reports whether an address can be reached from this machine only. A
// name is none that is certain, but for localhost.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return true // it is reported already
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkSecret wants exactly one of the two keys of a secret.
func (r *reader) checkSecret(path, key string) {
	inline, file := r.given(path+"."+key), r.given(path+"."+key+"_file")
	switch {
	case inline && file:
		r.problemAt(path+"."+key+"_file", "%s and %s_file exclude each other; delete one", key, key)
	case !inline && !file:
		r.problemAt(path, "lacks %s; give %s: ${VARIABLE}, or %s_file with the path of a file that holds it", key, key, key)
	}
}
