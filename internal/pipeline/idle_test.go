package pipeline

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
)

// TestReadToTheEnd asks a broker about partitions that were silent for long.
func TestReadToTheEnd(t *testing.T) {
	embedded, err := broker.StartEmbedded(filepath.Join(fastDir(t), "broker"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { embedded.Close() })
	d, names := silentDetect(t, embedded.Addrs()), broker.Names{}
	if _, err := d.adm.CreateTopics(t.Context(), 5, 1, nil, names.Raw("a")); err != nil {
		t.Fatal(err)
	}
	const empty, done, left, aborted, open = 0, 1, 2, 3, 4
	topic := names.Raw("a")
	records := func(partition int32) {
		t.Helper()
		produceTo(t, d.opts, topic, partition, kgo.TryCommit)
	}
	commit := func(partition int32, next int64) {
		t.Helper()
		var offsets kadm.Offsets
		offsets.AddOffset(topic, partition, next, -1)
		if err := d.adm.CommitAllOffsets(t.Context(), d.group(string(RoleDetect)), offsets); err != nil {
			t.Fatal(err)
		}
	}
	const behind = 3 // two records and the marker
	for _, p := range []int32{done, left, aborted, open} {
		records(p)
		commit(p, behind)
	}
	commit(left, behind-2)
	produceTo(t, d.opts, topic, aborted, kgo.TryAbort)
	closeOpen := produceOpen(t, d.opts, topic, open)

	check := func(when string, want map[int32]bool) {
		t.Helper()
		for id := range int32(5) {
			d.heartbeats.of(partition{topic, id}).lastRead = time.Now().Add(-time.Minute)
		}
		d.looked = time.Time{}
		d.lookForEnds(t.Context())
		for id, want := range want {
			if got := d.heartbeats.of(partition{topic, id}).atEnd; got != want {
				t.Errorf("%s: partition %d is at its end: %t, want %t", when, id, got, want)
			}
		}
	}
	check("at first", map[int32]bool{empty: true, done: true, left: false, aborted: true, open: false})
	commit(left, behind)
	closeOpen()
	records(done)
	records(aborted)
	records(empty)
	check("later", map[int32]bool{empty: false, done: false, left: true, aborted: false, open: false})
	commit(open, 2*behind)
	check("and then", map[int32]bool{open: true})
	embedded.Close()
	check("without a broker", map[int32]bool{empty: false, done: false, left: false, aborted: false, open: false})
}

// silentDetect is a detect role for questions to a broker.
func silentDetect(t *testing.T, seeds []string) *detectRole {
	t.Helper()
	s := &shared{opts: broker.Options{Seeds: seeds, Log: slog.New(slog.DiscardHandler)}}
	cl, err := s.opts.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &detectRole{
		shared: s, adm: kadm.NewClient(cl), session: &session{topics: []string{s.names.Raw("a")}},
		heartbeats: newHeartbeats(nil, config.Lateness{}, 30*time.Second),
	}
}

// produceTo writes two records to a partition in a transaction, and ends it so.
func produceTo(t *testing.T, opts broker.Options, topic string, partition int32, end kgo.TransactionEndTry) {
	t.Helper()
	cl := beginAndProduce(t, opts, topic, partition)
	defer cl.Close()
	if err := cl.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

// produceOpen writes them in a transaction that stays open until it is told to end.
func produceOpen(t *testing.T, opts broker.Options, topic string, partition int32) (commit func()) {
	t.Helper()
	cl := beginAndProduce(t, opts, topic, partition)
	t.Cleanup(cl.Close)
	return func() {
		if err := cl.EndTransaction(context.WithoutCancel(t.Context()), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
}

func beginAndProduce(t *testing.T, opts broker.Options, topic string, partition int32) *kgo.Client {
	t.Helper()
	cl, err := opts.New(t.Context(), kgo.TransactionalID("writer-"+string('0'+partition)))
	if err == nil {
		err = cl.BeginTransaction()
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: partition, Value: []byte("{}")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return cl
}
