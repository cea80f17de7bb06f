package config

import (
	"fmt"
	"time"
)

// The kinds of collectors. Each has its settings in a field of its own of
// Collector, nil for every other kind; a new kind is a constant, a field, and a
// case in the switch of Collector.fields.
const (
	CollectorFile      = "file"
	CollectorWebhook   = "webhook"
	CollectorS3        = "s3"
	CollectorAzureBlob = "azureblob"
	CollectorEventHub  = "eventhub"
	CollectorHTTP      = "http"
)

var collectorTypes = []string{CollectorFile, CollectorWebhook, CollectorS3, CollectorAzureBlob, CollectorEventHub, CollectorHTTP}

// Collector is one input.
type Collector struct {
	Name   string
	Type   string
	Source string
	// Backfill marks old data: it feeds stateless rules only and does not move
	// the watermark.
	Backfill bool

	File      *FileCollector
	Webhook   *WebhookCollector
	S3        *S3Collector
	AzureBlob *AzureBlobCollector
	EventHub  *EventHubCollector
	HTTP      *HTTPCollector
}

// Shared reports whether processes with this collector divide its objects among them
// over Kafka.
func (c *Collector) Shared() bool {
	return c.AzureBlob != nil || c.EventHub != nil || c.S3 != nil && c.S3.QueueURL == ""
}

// FileCollector reads a file or every file below a directory.
type FileCollector struct {
	Path string
	// Origin replaces Path in the records' origin, so that the same logs have the
	// same origin wherever they are kept. Empty keeps Path.
	Origin       string
	PollInterval time.Duration
}

func (c *Collector) fields() []field {
	common := []field{
		{"name", "name of the collector, in logs, metrics and the origin of records", required{name(&c.Name)}},
		{"type", "kind of the collector", required{oneOf(&c.Type, collectorTypes)}},
		{"source", "kind of the logs; `weir sources` lists them", required{source(&c.Source)}},
		{"backfill", "old data: feeds stateless rules only, and the watermark does not wait for it", boolean(&c.Backfill)},
	}
	switch c.Type {
	case CollectorFile:
		if c.File == nil {
			c.File = &FileCollector{PollInterval: time.Second}
		}
		f := c.File
		return append(common,
			field{"path", "a file, or a directory whose files are read, plain or gzip", required{path(&f.Path)}},
			field{"origin", "stands for `path` in the origin of records; set it when the logs may move", text(&f.Origin)},
			field{"poll_interval", "how often to look for new data where the system does not tell", duration(&f.PollInterval, 10*time.Millisecond)},
		)
	case CollectorWebhook:
		if c.Webhook == nil {
			c.Webhook = newWebhookCollector()
		}
		return append(common, c.Webhook.fields()...)
	case CollectorS3:
		if c.S3 == nil {
			c.S3 = newS3Collector()
		}
		return append(common, c.S3.fields()...)
	case CollectorAzureBlob:
		if c.AzureBlob == nil {
			c.AzureBlob = newAzureBlobCollector()
		}
		return append(common, c.AzureBlob.fields()...)
	case CollectorEventHub:
		if c.EventHub == nil {
			c.EventHub = newEventHubCollector()
		}
		return append(common, c.EventHub.fields()...)
	case CollectorHTTP:
		if c.HTTP == nil {
			c.HTTP = newHTTPCollector()
		}
		return append(common, c.HTTP.fields()...)
	}
	return common
}

// checkCollectors finds what is wrong across the keys of each collector.
func checkCollectors(r *reader, collectors []Collector) {
	checkWebhooks(r, collectors)
	for i := range collectors {
		path := fmt.Sprintf("collectors[%d]", i)
		if c := collectors[i].S3; c != nil {
			c.check(r, path)
		}
		if c := collectors[i].AzureBlob; c != nil {
			c.check(r, path)
		}
		if c := collectors[i].EventHub; c != nil {
			c.check(r, path)
		}
	}
}
