package config

import (
	"fmt"
	"regexp"
	"time"
)

// KafkaAlert produces alerts to a topic, usually of another cluster.
type KafkaAlert struct {
	Brokers    []string
	Topic      string
	TLS        *TLS
	SASL       *SASL
	MaxMessage int64 // bytes of a record; the topic's max.message.bytes
	Timeout    time.Duration
}

func newKafkaAlert() *KafkaAlert {
	return &KafkaAlert{MaxMessage: 1_000_000, Timeout: 30 * time.Second}
}

func (k *KafkaAlert) fields() []field {
	return []field{
		{"brokers", "addresses `host:port` of the cluster to begin with", required{addresses(&k.Brokers)}},
		{"topic", "the topic; weir does not create it", required{topic(&k.Topic)}},
		{"sasl", "authentication to `brokers`, as below `kafka`", optional(&k.SASL, newSASL, (*SASL).fields)},
		{"tls", "encryption to `brokers`; `tls: {}` trusts the system's roots", optional(&k.TLS, newTLS, (*TLS).fields)},
		{"max_message", "bytes of a record; not above the topic's `max.message.bytes`. A larger alert is refused", size(&k.MaxMessage, 1<<10, 16<<20)},
		{"timeout", "longest time for a batch until it is tried again", duration(&k.Timeout, time.Second)},
	}
}

func (k *KafkaAlert) check(r *reader, path string) {
	if k.SASL != nil {
		k.SASL.check(r, path+".sasl")
	}
	if k.TLS != nil {
		k.TLS.check(r, path+".tls")
	}
}

var topicForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

func topic(to *string) value {
	return checked(to, "topic", func(s string) error {
		if !topicForm.MatchString(s) || s == "." || s == ".." {
			return fmt.Errorf("must be 1 to 249 letters, digits, '.', '_' or '-', as Kafka has it, got %q", s)
		}
		return nil
	})
}
