package pipeline

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
)

// foreignRows is how many rows that are none of weir's are on events in
// TestKilledAtRareSteps: each is a dead letter of store.
const foreignRows = 3

// TestKilledAtRareSteps kills a process at the steps of a start, and at others that
// are met seldom. Its predecessors were killed in the middle of the work, so that there
// are transactions to abort, cursors to rewrite and state to restore.
func TestKilledAtRareSteps(t *testing.T) {
	nth := map[Fault]int64{
		FaultCorrelateRestored: 2, // one partition is restored, the other is not
		FaultStoreLetter:       2, // the first letter is sent, and will be again
	}
	for _, fault := range RareFaults {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newWorld(fastDir(t))
			for i := range 2 {
				w.appendLogs(t, i*faultRecords/4, (i+1)*faultRecords/4, 0)
				predecessor := visit{Kind: kindKill, Fault: FaultCorrelateCommitted, Nth: 2, Batch: faultBatch, FlushRows: 50}
				if ended := runVictim(t, w, predecessor); ended != endKilled {
					t.Fatalf("the predecessor should have been killed, it %s", ended)
				}
			}
			if fault == FaultStoreLetter {
				w.addForeignRows(t)
			}
			w.appendLogs(t, faultRecords/2, faultRecords, 0)
			v := visit{Kind: kindKill, Fault: fault, Nth: max(1, nth[fault]), Batch: faultBatch, TrimCursors: 1}
			if ended := runVictim(t, w, v); ended != endKilled {
				t.Fatalf("the process should have been killed at %s, it %s", fault, ended)
			}
			if fault != FaultStoreLetter {
				w.settle(t)
				return
			}
			w.settleForeign(t)
		})
	}
}

func foreignKey(i int) string { return fmt.Sprintf("foreign-%d", i) }

// addForeignRows writes records to events that are no OCSF events.
func (w *world) addForeignRows(t *testing.T) {
	t.Helper()
	opts, release := w.reach(t)
	defer release()
	cl, err := opts.New(t.Context(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	names := broker.Names{Prefix: w.config.Kafka.TopicPrefix}
	for i := range foreignRows {
		r := &kgo.Record{Topic: names.Events(), Key: []byte(foreignKey(i)), Value: fmt.Appendf(nil, `{"weather":"rain %d"}`, i)}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// settleForeign is settle with foreign rows: each is on the topic once, in no file,
// and a dead letter of the key of its place. The letter of a batch whose store was
// killed may have been sent before, under the same key.
func (w *world) settleForeign(t *testing.T) {
	t.Helper()
	if err := w.run(t.Context(), Options{Once: true, Workers: 2}); err != nil {
		t.Fatal(err)
	}
	got, letters, sent := w.audit(t), map[string]bool{}, 0
	func() {
		opts, release := w.reach(t)
		defer release()
		names := broker.Names{Prefix: w.config.Kafka.TopicPrefix}
		eachCommitted(t, opts, names.DLQ(), func(r *kgo.Record) {
			if broker.Header(r, "stage") == "store" {
				letters[string(r.Key)] = true
				sent++
			}
		})
	}()
	if len(letters) != foreignRows || sent != foreignRows+1 {
		t.Errorf("%d dead letters under %d keys, want %d under %d", sent, len(letters), foreignRows+1, foreignRows)
	}
	got.Dead -= sent
	for i := range foreignRows {
		if got.Events[foreignKey(i)] != 1 {
			t.Errorf("foreign record %d is %d times on events", i, got.Events[foreignKey(i)])
		}
		delete(got.Events, foreignKey(i))
	}
	if diff := cmp.Diff(calmBooks(t), got); diff != "" {
		t.Errorf("the books differ (-undisturbed +disturbed):\n%s", diff)
	}
}
