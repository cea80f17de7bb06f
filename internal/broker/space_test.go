//go:build linux || darwin

package broker

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// envCannotWrite starts a test again, as the process that is to fail.
const envCannotWrite = "WEIR_TEST_CANNOT_WRITE"

// TestDiskFullFails makes every write behind a size fail, wherever that is in the
// broker's files. The broker must acknowledge nothing that it could not write, end,
// and at the next start have what it acknowledged.
func TestDiskFullFails(t *testing.T) {
	if dir := os.Getenv(envCannotWrite); dir != "" {
		commitUntilFailed(t, dir)
		return
	}
	for _, limit := range []int{2000, 5000, 9000, 9100, 9300, 20000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDiskFullFails$", "-test.v")
			cmd.Env = append(os.Environ(), envCannotWrite+"="+dir, fmt.Sprintf("%s=%d", envStep, limit))
			out, err := cmd.CombinedOutput()
			var acknowledged int
			_, rest, found := strings.Cut(string(out), "acknowledged ")
			if _, scanErr := fmt.Sscan(rest, &acknowledged); err != nil || !found || scanErr != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			open(t, dir, func(opts Options) {
				got := read(t, opts)
				// The last one may have been decided when the broker could not answer.
				if want := after(acknowledged); !cmp.Equal(want, got) && !cmp.Equal(after(acknowledged+1), got) {
					t.Errorf("after %d acknowledged transactions (-want +got):\n%s", acknowledged, cmp.Diff(want, got))
				}
			})
		})
	}
}

// commitUntilFailed is the process that fails.
func commitUntilFailed(t *testing.T, dir string) {
	embedded, err := StartEmbedded(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	opts := Options{Seeds: embedded.Addrs(), Log: slog.New(slog.DiscardHandler)}
	cl, err := opts.New(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := EnsureTopics(ctx, kadm.NewClient(cl), 1, testTopics()); err != nil {
		t.Fatal(err)
	}
	var limit uint64
	if _, err := fmt.Sscan(os.Getenv(envStep), &limit); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(ctx)
	go func() { <-embedded.Failed(); stop() }()
	n := 0
	for transact(stopped, opts, n+1) == nil {
		n++
	}
	select {
	case <-embedded.Failed():
	case <-ctx.Done():
		t.Fatalf("%d transactions, and the broker has not failed", n)
	}
	if err := embedded.Failure(); !strings.Contains(err.Error(), "free space") {
		t.Errorf("the broker's failure does not say what to do: %v", err)
	}
	if err := embedded.Close(); err != nil {
		t.Error(err)
	}
	fmt.Printf("acknowledged %d\n", n)
}

// TestSpace lets a disk be full for some time. Producers are told to try again, and
// find their records taken when it is not any more.
func TestSpace(t *testing.T) {
	free := uint64(100 << 20)
	var log strings.Builder
	s := space{dir: "data", log: slog.New(slog.NewTextHandler(&log, nil)), available: func(string) (uint64, uint64, bool) { return free, 1 << 30, true }}
	req := kmsg.NewPtrProduceRequest()
	req.Version = 9
	req.Topics = []kmsg.ProduceRequestTopic{{Topic: "raw", Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 3, Records: make([]byte, 1<<20)}}}}
	if !s.suffices(req) || s.full() != nil {
		t.Error("there is enough, but it does not suffice")
	}
	free = 1<<30/20 + 1<<19 // the reserve, and half of what is to be written
	for range 2 {
		if s.suffices(req) || s.full() == nil {
			t.Error("there is too little, and it suffices")
		}
	}
	if n := strings.Count(log.String(), "free space for data"); n != 1 {
		t.Errorf("it is logged %d times:\n%s", n, &log)
	}
	resp := refuseProduce(req).(*kmsg.ProduceResponse)
	got := resp.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(got.ErrorCode); resp.Topics[0].Topic != "raw" || got.Partition != 3 || !kerr.IsRetriable(err) {
		t.Errorf("the answer is %+v", resp.Topics[0])
	}
	free = 1 << 29
	if !s.suffices(req) || s.full() != nil {
		t.Error("there is space again, but it does not suffice")
	}
}

// TestLastRecord looks for the last record before markers and an aborted transaction.
func TestLastRecord(t *testing.T) {
	open(t, t.TempDir(), func(opts Options) {
		cl, err := opts.New(t.Context(), kgo.TransactionalID(testProducer))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		if err := EnsureTopics(t.Context(), kadm.NewClient(cl), 1, testTopics()); err != nil {
			t.Fatal(err)
		}
		for _, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
			if err := cl.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Value: []byte("x")}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			if err := cl.EndTransaction(t.Context(), commit); err != nil {
				t.Fatal(err)
			}
		}
		ends, err := committedRanges(t.Context(), kadm.NewClient(cl), "in")
		if err != nil {
			t.Fatal(err)
		}
		if want := (Ends{0: {From: 0, To: 8}}); !cmp.Equal(want, ends) {
			t.Fatalf("the topic has %v, want %v", ends, want)
		}
		for from, want := range map[int64]int64{0: 3, 2: 3, 3: 3, 4: 4, 7: 7} {
			if got, err := opts.LastRecord(t.Context(), "in", 0, Range{From: from, To: 8}); err != nil || got != want {
				t.Errorf("from %d on the last record ends at %d, %v; want %d", from, got, err, want)
			}
		}
	})
}

// TestLeaderless finds what keeps EnsureTopics waiting.
func TestLeaderless(t *testing.T) {
	whole := func(leaders ...int32) kadm.TopicDetail {
		d := kadm.TopicDetail{Partitions: kadm.PartitionDetails{}}
		for id, leader := range leaders {
			d.Partitions[int32(id)] = kadm.PartitionDetail{Partition: int32(id), Leader: leader}
		}
		return d
	}
	for want, topics := range map[string]kadm.TopicDetails{
		"":    {"a": whole(1, 2), "b": whole(1)},
		"b":   {"a": whole(1, 2)},
		"a":   {"a": whole(), "b": whole(1)},
		"a/1": {"a": whole(1, -1), "b": whole(1)},
	} {
		if got := leaderless(topics, []string{"a", "b"}); got != want {
			t.Errorf("%q is without a leader, want %q", got, want)
		}
	}
}
