package config

import (
	"fmt"
	"slices"
	"strings"
)

// The kinds of alert destinations. Each has its settings in a field of its own of
// Alert, nil for every other kind; a new kind is a constant, a field, and a case
// in the switch of Alert.settings.
const (
	AlertTerminal = "terminal"
	AlertFile     = "file"
	AlertSyslog   = "syslog"
	AlertWebhook  = "webhook"
	AlertKafka    = "kafka"
	AlertSplunk   = "splunk"
	AlertElastic  = "elastic"
	AlertSentinel = "sentinel"
)

var alertTypes = []string{AlertTerminal, AlertFile, AlertSplunk, AlertElastic, AlertSentinel, AlertSyslog, AlertWebhook, AlertKafka}

// Alert is one destination of alerts.
type Alert struct {
	Name  string
	Type  string
	Route *AlertRoute // nil: every alert

	File     *FileAlert
	Splunk   *SplunkAlert
	Elastic  *ElasticAlert
	Sentinel *SentinelAlert
	Syslog   *SyslogAlert
	Webhook  *WebhookAlert
	Kafka    *KafkaAlert
}

// FileAlert appends alerts to a file as NDJSON.
type FileAlert struct {
	Path string
}

func (a *Alert) fields() []field {
	return append([]field{
		{"name", "name of the destination, and of its consumer group", required{name(&a.Name)}},
		{"type", "kind of the destination", required{oneOf(&a.Type, alertTypes)}},
		{"route", "which alerts it gets: all that is given must hold; without it, every alert", optional(&a.Route, newAlertRoute, (*AlertRoute).fields)},
	}, a.settings()...)
}

// settings are the keys of the kind.
func (a *Alert) settings() []field {
	switch a.Type {
	case AlertFile:
		if a.File == nil {
			a.File = &FileAlert{}
		}
		return []field{{"path", "the file that alerts are appended to as NDJSON", required{path(&a.File.Path)}}}
	case AlertSplunk:
		if a.Splunk == nil {
			a.Splunk = newSplunkAlert()
		}
		return a.Splunk.fields()
	case AlertElastic:
		if a.Elastic == nil {
			a.Elastic = newElasticAlert()
		}
		return a.Elastic.fields()
	case AlertSentinel:
		if a.Sentinel == nil {
			a.Sentinel = newSentinelAlert()
		}
		return a.Sentinel.fields()
	case AlertSyslog:
		if a.Syslog == nil {
			a.Syslog = newSyslogAlert()
		}
		return a.Syslog.fields()
	case AlertWebhook:
		if a.Webhook == nil {
			a.Webhook = newWebhookAlert()
		}
		return a.Webhook.fields()
	case AlertKafka:
		if a.Kafka == nil {
			a.Kafka = newKafkaAlert()
		}
		return a.Kafka.fields()
	}
	return nil
}

// checkAlerts finds what is wrong across the keys of destinations.
func (c *Config) checkAlerts(r *reader) {
	checkNames(r, "alerts", c.Alerts, func(x Alert) string { return x.Name })
	writers := map[string]int{}
	for i := range c.Alerts {
		a, at := &c.Alerts[i], fmt.Sprintf("alerts[%d]", i)
		switch {
		case a.Splunk != nil:
			a.Splunk.check(r, at)
		case a.Elastic != nil:
			a.Elastic.check(r, at)
		case a.Sentinel != nil:
			a.Sentinel.check(r, at)
		case a.Syslog != nil:
			a.Syslog.check(r, at)
		case a.Webhook != nil:
			a.Webhook.check(r, at)
		case a.Kafka != nil:
			a.Kafka.check(r, at)
			if a.Kafka.Topic == c.Kafka.TopicPrefix+"alerts" && slices.ContainsFunc(a.Kafka.Brokers, func(b string) bool { return slices.Contains(c.Kafka.Brokers, b) }) {
				r.problemAt(at+".topic", "is the topic that alerts come from: each would come again and again; name another")
			}
		case a.File != nil && a.File.Path != "":
			if j, twice := writers[a.File.Path]; twice {
				r.problemAt(at+".path", "is the file of alerts[%d] already; two writers would mix their lines", j)
				continue
			}
			writers[a.File.Path] = i
		}
	}
}

// Target is where alerts go, in a few words and without secrets.
func (a *Alert) Target() string {
	switch {
	case a.File != nil:
		return a.File.Path
	case a.Splunk != nil:
		return MaskURL(a.Splunk.URL)
	case a.Elastic != nil:
		return MaskURL(a.Elastic.URL)
	case a.Sentinel != nil:
		return MaskURL(a.Sentinel.Endpoint)
	case a.Syslog != nil:
		return a.Syslog.Transport + "://" + a.Syslog.Address
	case a.Webhook != nil:
		return MaskURL(string(a.Webhook.URL))
	case a.Kafka != nil:
		return a.Kafka.Topic + " at " + strings.Join(a.Kafka.Brokers, ",")
	}
	return "standard output"
}
