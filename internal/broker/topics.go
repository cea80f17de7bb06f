package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// MaxMessageBytes is max.message.bytes of the topics that weir creates, and the
// limit of its clients: a raw record of a quarter of it (the default limit of a
// record) fits as an event that holds the record twice, as text in JSON.
const MaxMessageBytes = 16 << 20

// Names gives the names of weir's topics under a prefix.
type Names struct{ Prefix string }

// Raw is the topic of the raw records of one source.
func (n Names) Raw(source string) string { return n.Prefix + "raw." + source }

// Events is the topic of OCSF events.
func (n Names) Events() string { return n.Prefix + "events" }

// Signals is the topic of rule matches and heartbeats.
func (n Names) Signals() string { return n.Prefix + "signals" }

// Alerts is the topic of OCSF Detection Findings.
func (n Names) Alerts() string { return n.Prefix + "alerts" }

// DLQ is the topic of dead letters.
func (n Names) DLQ() string { return n.Prefix + "dlq" }

// Cursors is the compacted topic of the collectors' cursors.
func (n Names) Cursors() string { return n.Prefix + "cursors" }

// Claims is the empty topic whose partitions stand for the slots of objects that
// processes divide among them.
func (n Names) Claims() string { return n.Prefix + "claims" }

// Seen is the topic of the keys by which detect knows duplicates.
func (n Names) Seen() string { return n.Prefix + "seen" }

// Rulesets is the compacted topic of rule-set manifests by digest.
func (n Names) Rulesets() string { return n.Prefix + "rulesets" }

// termsTopic is the name of Terms without a prefix.
const termsTopic = "terms"

// Terms is the topic of what first_seen rules have learnt, by the partitions of
// Signals.
func (n Names) Terms() string { return n.Prefix + termsTopic }

// Topic is what weir wants of one of its topics.
type Topic struct {
	Name       string
	Partitions int32
	// Retention of 0 keeps records for ever.
	Retention time.Duration
	Compacted bool
}

// EnsureTopics creates those of topics that do not exist. A topic that exists is
// left as it is: its owner decides. It returns when every partition has a leader.
func EnsureTopics(ctx context.Context, adm *kadm.Client, replication int16, topics []Topic) error {
	existing, err := adm.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	var errs []error
	for _, t := range topics {
		if existing.Has(t.Name) {
			continue
		}
		if err := create(ctx, adm, replication, t); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return waitForLeaders(ctx, adm, topics)
}

// How long a new topic may be without leaders: a controller is quick to choose
// them, brokers may be slow to hear of it. An old one has none when its brokers are
// away, and then clients wait by themselves.
const (
	leaderMost = 30 * time.Second
	leaderStep = 50 * time.Millisecond
)

// waitForLeaders returns when brokers name a leader for every partition of topics.
func waitForLeaders(ctx context.Context, adm *kadm.Client, topics []Topic) error {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	for deadline := time.Now().Add(leaderMost); ; {
		details, err := adm.ListTopics(ctx, names...)
		if err != nil {
			return fmt.Errorf("list topics: %w", err)
		}
		without := leaderless(details, names)
		if without == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: %s has had none for %s; are enough brokers up?", kerr.LeaderNotAvailable, without, leaderMost)
		}
		select {
		case <-time.After(leaderStep):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// leaderless is the first topic, or partition of one, without a leader, or empty.
func leaderless(details kadm.TopicDetails, names []string) string {
	for _, name := range names {
		d, ok := details[name]
		if !ok || d.Err != nil || len(d.Partitions) == 0 {
			return name
		}
		for _, p := range d.Partitions.Sorted() {
			if p.Err != nil || p.Leader < 0 {
				return fmt.Sprintf("%s/%d", name, p.Partition)
			}
		}
	}
	return ""
}

func create(ctx context.Context, adm *kadm.Client, replication int16, t Topic) error {
	resp, err := adm.CreateTopic(ctx, t.Partitions, replication, t.configs(), t.Name)
	if err == nil {
		err = resp.Err
	}
	if err == nil || errors.Is(err, kerr.TopicAlreadyExists) { // another process was first
		return nil
	}
	return fmt.Errorf("create topic %s: %w; create it yourself with %d partitions, or allow this user to", t.Name, err, t.Partitions)
}

func (t Topic) configs() map[string]*string {
	retention := int64(-1)
	if t.Retention > 0 {
		retention = t.Retention.Milliseconds()
	}
	policy := "delete"
	if t.Compacted {
		policy = "compact"
		if t.Retention > 0 {
			policy = "compact,delete"
		}
	}
	return map[string]*string{
		"max.message.bytes": kadm.StringPtr(strconv.Itoa(MaxMessageBytes)),
		"retention.ms":      kadm.StringPtr(strconv.FormatInt(retention, 10)),
		"cleanup.policy":    kadm.StringPtr(policy),
	}
}

// MessageLimit is the least max.message.bytes of topics, at most
// MaxMessageBytes: a topic that weir did not create may take less.
func MessageLimit(ctx context.Context, adm *kadm.Client, topics []string) (int32, error) {
	configs, err := adm.DescribeTopicConfigs(ctx, topics...)
	if err != nil {
		return 0, fmt.Errorf("describe topics: %w", err)
	}
	limit := int64(MaxMessageBytes)
	for _, c := range configs {
		for _, kv := range c.Configs {
			if kv.Key != "max.message.bytes" || kv.Value == nil {
				continue
			}
			if v, err := strconv.ParseInt(*kv.Value, 10, 32); err == nil {
				limit = min(limit, v)
			}
		}
	}
	return int32(limit), nil
}
