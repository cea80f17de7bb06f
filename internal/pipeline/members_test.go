package pipeline

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
)

// A commit for a partition that went to another process would take that back.
func TestDeliverCommitsOnlyItsOwn(t *testing.T) {
	d := &deliverRole{gone: map[partition]bool{{"alerts", 1}: true}}
	records := []*kgo.Record{{Topic: "alerts", Partition: 0}, {Topic: "alerts", Partition: 1}, {Topic: "alerts", Partition: 2}}
	mine := d.mine(records)
	if len(mine) != 2 || mine[0].Partition != 0 || mine[1].Partition != 2 {
		t.Errorf("commits %v, want partitions 0 and 2", mine)
	}
	if records[1].Partition != 1 {
		t.Error("the polled records have changed")
	}
}

func TestRefusedCommitIsGivenUp(t *testing.T) {
	for _, err := range []error{kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.RebalanceInProgress} {
		if got := explainCommit(err); !errors.Is(got, errGivenUp) || !errors.Is(got, err) {
			t.Errorf("%v is %v, want it given up", err, got)
		}
	}
	if got := explainCommit(kerr.FencedInstanceID); errors.Is(got, errGivenUp) {
		t.Errorf("%v is given up: a twin would take turns with this process for ever", got)
	}
}

// An alert that Kafka does not take must not be tried for ever, nor lost.
func TestAlertTooLargeIsADeadLetter(t *testing.T) {
	c := newCorrelate(&shared{names: broker.Names{Prefix: "weir."}, opts: broker.Options{MaxMessage: 64 << 10}})
	small := &kgo.Record{Topic: "weir.alerts", Key: []byte("id"), Value: []byte("{}")}
	if got := c.fitting(small, false); got != small {
		t.Errorf("a small alert goes to %s", got.Topic)
	}
	large := &kgo.Record{Topic: "weir.alerts", Key: []byte("id"), Value: []byte(strings.Repeat("a", 80<<10))}
	for name, got := range map[string]*kgo.Record{"large": c.fitting(large, false), "refused": c.fitting(small, true)} {
		if got.Topic != "weir.dlq" || len(got.Value) > c.limit() {
			t.Errorf("the %s alert goes to %s with %d bytes", name, got.Topic, len(got.Value))
		}
	}
}
