package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The variables by which a test starts this test binary as a broker with a client
// to be killed: step:n kills at the nth commit.
const (
	envDir  = "WEIR_TEST_BROKER"
	envStep = "WEIR_TEST_STEP"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envDir); dir != "" {
		if err := runVictim(dir, os.Getenv(envStep)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1) // it should have died
	}
	os.Exit(m.Run())
}

const (
	testGroup    = "readers"
	testProducer = "weir-detect-test"
)

func testTopics() []Topic {
	return []Topic{{Name: "in", Partitions: 1}, {Name: "out", Partitions: 3}}
}

func runVictim(dir, at string) error {
	step, nth, _ := strings.Cut(at, ":")
	left, err := strconv.Atoi(nth)
	if err != nil {
		return err
	}
	embedded, err := StartEmbeddedWith(dir, slog.New(slog.DiscardHandler), EmbeddedOptions{Reached: func(s Step) {
		if s != Step(step) {
			return
		}
		if left--; left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
	}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	opts := Options{Seeds: embedded.Addrs(), Log: slog.New(slog.DiscardHandler)}
	cl, err := opts.New(ctx)
	if err != nil {
		return err
	}
	if err := EnsureTopics(ctx, kadm.NewClient(cl), 1, testTopics()); err != nil {
		return err
	}
	for i := 1; ; i++ {
		if err := transact(ctx, opts, i); err != nil {
			return err
		}
	}
}

// transact commits the nth transaction: a record to each partition of out, and the
// offset n of in.
func transact(ctx context.Context, opts Options, n int) error {
	cl, err := opts.New(ctx, kgo.TransactionalID(testProducer))
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	var records []*kgo.Record
	for p := range int32(3) {
		records = append(records, &kgo.Record{Topic: "out", Partition: p, Value: fmt.Appendf(nil, "txn %d", n)})
	}
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err
	}
	id, epoch, err := cl.ProducerID(ctx)
	if err != nil {
		return err
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch = testProducer, testGroup, id, epoch
	metadata := fmt.Sprintf("metadata %d", n)
	req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: "in", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{
		{Partition: 0, Offset: int64(n), LeaderEpoch: -1, Metadata: &metadata},
	}}}
	if _, err := req.RequestWith(ctx, cl); err != nil {
		return err
	}
	return cl.EndTransaction(ctx, kgo.TryCommit)
}

// killedAt is the directory of a broker that was killed there.
func killedAt(t *testing.T, step Step, nth int) string {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), envDir+"="+dir, fmt.Sprintf("%s=%s:%d", envStep, step, nth))
	out, _ := cmd.CombinedOutput()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the broker should have been killed\n%s", out)
	}
	return dir
}

// ledger is what a broker holds, for a reader of what is committed.
type ledger struct {
	Values   map[int32][]string // of out
	Offset   int64              // of in
	Metadata string
}

// after is the ledger of a broker that has committed the first n transactions.
func after(n int) ledger {
	l := ledger{Values: map[int32][]string{}, Offset: int64(n), Metadata: fmt.Sprintf("metadata %d", n)}
	for p := range int32(3) {
		for i := 1; i <= n; i++ {
			l.Values[p] = append(l.Values[p], fmt.Sprintf("txn %d", i))
		}
	}
	return l
}

// open starts the broker of dir, gives its clients' options to use, and stops it.
func open(t *testing.T, dir string, use func(Options)) {
	t.Helper()
	embedded, err := StartEmbedded(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := embedded.Close(); err != nil {
			t.Error(err)
		}
	}()
	use(Options{Seeds: embedded.Addrs(), Log: slog.New(slog.DiscardHandler)})
}

func read(t *testing.T, opts Options) ledger {
	t.Helper()
	l := ledger{Values: map[int32][]string{}}
	ranges, err := opts.VisibleRanges(t.Context(), "out")
	if err != nil {
		t.Fatal(err)
	}
	if err := opts.ReadRange(t.Context(), "out", ranges["out"], func(r *kgo.Record) {
		l.Values[r.Partition] = append(l.Values[r.Partition], string(r.Value))
	}); err != nil {
		t.Fatal(err)
	}
	cl, err := opts.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	offsets, err := kadm.NewClient(cl).FetchOffsets(t.Context(), testGroup)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := offsets.Lookup("in", 0)
	l.Offset, l.Metadata = o.At, o.Metadata
	return l
}

// checkRecovered checks that a broker holds the first n transactions, that a
// consumer which reads on sees the same producer's next one, and that all of it is
// there after another start.
func checkRecovered(t *testing.T, dir string, n int) {
	t.Helper()
	open(t, dir, func(opts Options) {
		if diff := cmp.Diff(after(n), read(t, opts)); diff != "" {
			t.Errorf("after recovery (-want +got):\n%s", diff)
		}
		if err := transact(t.Context(), opts, n+1); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(after(n+1), read(t, opts)); diff != "" {
			t.Errorf("after the next transaction (-want +got):\n%s", diff)
		}
		if got := poll(t, opts, 3*(n+1)); got != 3*(n+1) {
			t.Errorf("a consumer sees %d records, want %d", got, 3*(n+1))
		}
	})
	open(t, dir, func(opts Options) {
		if diff := cmp.Diff(after(n+1), read(t, opts)); diff != "" {
			t.Errorf("after another start (-want +got):\n%s", diff)
		}
	})
}

// poll counts what a read_committed consumer gets before it has want records, or
// has waited long.
func poll(t *testing.T, opts Options, want int) int {
	t.Helper()
	cl, err := opts.New(t.Context(), kgo.ConsumeTopics("out"), FromStart(), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	n := 0
	for n < want && ctx.Err() == nil {
		n += cl.PollFetches(ctx).NumRecords()
	}
	return n
}

// A kill after the decision, before any marker: everything is committed.
func TestRecoveryCommitsWhatWasDecided(t *testing.T) {
	t.Parallel()
	checkRecovered(t, killedAt(t, StepDecided, 2), 2)
}

// A kill before the decision: everything is aborted.
func TestRecoveryAbortsWhatWasNot(t *testing.T) {
	t.Parallel()
	checkRecovered(t, killedAt(t, StepUndecided, 2), 1)
}

// A kill while the broker writes markers and offsets: at every byte of each of the
// logs that are written then, in the order in which they are.
func TestRecoveryOfHalfACommit(t *testing.T) {
	t.Parallel()
	killed := killedAt(t, StepDecided, 2)
	done := copyOf(t, killed)
	d, err := openDecisions(filepath.Join(done, "decisions.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	if err := (&recovery{dir: filepath.Join(done, "kafka"), decisions: d}).run(); err != nil {
		t.Fatal(err)
	}
	// What recovery has written is what the commit would have: cut it short.
	written := grown(t, killed, done)
	if len(written) < 5 { // the logs of three partitions, groups.log and pids.log
		t.Fatalf("recovery wrote to %v only", written)
	}
	for i, path := range written {
		from, to := size(t, killed, path), size(t, done, path)
		for cut := from; cut < to; cut += 1 + (to-from)/12 {
			dir := copyOf(t, killed)
			for _, earlier := range written[:i] {
				copyFile(t, filepath.Join(done, earlier), filepath.Join(dir, earlier))
			}
			copyFile(t, filepath.Join(done, path), filepath.Join(dir, path))
			truncate(t, filepath.Join(dir, path), cut)
			open(t, dir, func(opts Options) {
				if diff := cmp.Diff(after(2), read(t, opts)); diff != "" {
					t.Errorf("%s cut at %d of %d to %d (-want +got):\n%s", path, cut, from, to, diff)
				}
			})
		}
	}
}

// A kill in the middle of writing the last batch of a partition: the file is torn
// at any byte of it, the index is there or not.
func TestRecoveryOfTornBatch(t *testing.T) {
	t.Parallel()
	killed := killedAt(t, StepUndecided, 2)
	path := filepath.Join("kafka", "partitions", "out-1", "0.dat")
	var ends []int64
	raw, err := os.ReadFile(filepath.Join(killed, path))
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(0); at < int64(len(raw)); {
		at += batchPrefixSize + int64(raw[at+8])<<24 + int64(raw[at+9])<<16 + int64(raw[at+10])<<8 + int64(raw[at+11])
		ends = append(ends, at)
	}
	if len(ends) != 3 { // a record, its marker, a record
		t.Fatalf("%d batches in %s, want 3", len(ends), path)
	}
	for cut := ends[1]; cut <= ends[2]; cut++ {
		dir := copyOf(t, killed)
		truncate(t, filepath.Join(dir, path), cut)
		if cut%2 == 0 || cut == ends[2] { // kfake writes the index last
			truncate(t, filepath.Join(dir, strings.TrimSuffix(path, ".dat")+".idx"), 2*indexEntrySize+cut%indexEntrySize)
		}
		open(t, dir, func(opts Options) {
			if diff := cmp.Diff(after(1), read(t, opts)); diff != "" {
				t.Errorf("cut at %d of %v (-want +got):\n%s", cut, ends, diff)
			}
			if cut != ends[2] && cut%16 != 0 {
				return
			}
			if err := transact(t.Context(), opts, 2); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(after(2), read(t, opts)); diff != "" {
				t.Errorf("cut at %d of %v, then the next transaction (-want +got):\n%s", cut, ends, diff)
			}
		})
	}
}

// What a kill left of a torn entry must not hide the entries behind it: kfake
// appends to what it finds.
func TestRecoveryCutsTornLogs(t *testing.T) {
	t.Parallel()
	killed := killedAt(t, StepUndecided, 3)
	for _, name := range []string{"groups.log", "pids.log"} {
		dir := copyOf(t, killed)
		path := filepath.Join(dir, "kafka", name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(whole, whole[:frameHeaderSize+3]...), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := openDecisions(filepath.Join(dir, "decisions.ndjson"))
		if err != nil {
			t.Fatal(err)
		}
		if err := (&recovery{dir: filepath.Join(dir, "kafka"), decisions: d}).run(); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := eachFrame(raw, func([]byte) {}); n != len(raw) {
			t.Errorf("%s: %d of %d bytes are whole entries", name, n, len(raw))
		}
		checkRecovered(t, dir, 2)
	}
}

// A commit that the broker refused, because the transaction had timed out, was
// decided in the log only: it must not come to life after a kill.
func TestRecoveryIgnoresRefusedDecisions(t *testing.T) {
	t.Parallel()
	killed := killedAt(t, StepUndecided, 2)
	d, err := openDecisions(filepath.Join(killed, "decisions.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(killed, "kafka", "pids.log")
	r := &recovery{dir: filepath.Join(killed, "kafka"), decisions: d}
	if err := r.readProducers(); err != nil {
		t.Fatal(err)
	}
	for id, now := range r.producers {
		if now.ended || now.epoch == 0 {
			continue
		}
		refused := decision{ProducerID: id, Epoch: now.epoch, Offsets: []decidedOffset{{Group: testGroup, Topic: "in", Offset: 99}}}
		d.latest[id] = refused
		entry := appendFrame(nil, fmt.Appendf(nil, `{"type":"timeout","pid":%d,"epoch":%d}`, id, now.epoch+1))
		if err := appendLog(path, entry); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.rewrite(); err != nil {
		t.Fatal(err)
	}
	checkRecovered(t, killed, 1)
}

// A client that outlives the broker in the middle of a transaction may not commit
// the rest of it.
func TestRecoveryFencesSurvivors(t *testing.T) {
	t.Parallel()
	dir := killedAt(t, StepUndecided, 2)
	d, err := openDecisions(filepath.Join(dir, "decisions.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	r := &recovery{dir: filepath.Join(dir, "kafka"), decisions: d}
	if err := r.readProducers(); err != nil {
		t.Fatal(err)
	}
	before := r.producers
	if err := r.run(); err != nil {
		t.Fatal(err)
	}
	if len(r.open) != 1 {
		t.Fatalf("%d producers were in a transaction, want 1", len(r.open))
	}
	if err := r.readProducers(); err != nil {
		t.Fatal(err)
	}
	for id := range r.open {
		if got, was := r.producers[id].epoch, before[id].epoch; got <= was {
			t.Errorf("epoch %d after %d: the old one is not fenced", got, was)
		}
	}
}

// A decision that fills the disk is not taken, and none after it: a torn line ends
// what is read back.
func TestDecisionsStopWhenTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "decisions.ndjson")
	d, err := openDecisions(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.begin(); err != nil {
		t.Fatal(err)
	}
	commit := func(id int64) error {
		return d.end(&kmsg.EndTxnRequest{ProducerID: id, Commit: true})
	}
	if err := commit(1); err != nil {
		t.Fatal(err)
	}
	d.file.Close()
	if commit(2) == nil || commit(3) == nil {
		t.Error("decided without a file")
	}
	again, err := openDecisions(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.latest) != 1 || again.latest[1].ProducerID != 1 {
		t.Errorf("read back %+v, want the first only", again.latest)
	}
}

// A decision with the offsets and metadata of many partitions is longer than a
// line that bufio.Scanner takes.
func TestDecisionsOfAnyLength(t *testing.T) {
	path := filepath.Join(t.TempDir(), "decisions.ndjson")
	d, err := openDecisions(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.begin(); err != nil {
		t.Fatal(err)
	}
	metadata := strings.Repeat("m", 4000)
	var partitions []kmsg.TxnOffsetCommitRequestTopicPartition
	for p := range int32(50) {
		partitions = append(partitions, kmsg.TxnOffsetCommitRequestTopicPartition{Partition: p, Offset: 7, Metadata: &metadata})
	}
	d.offsets(&kmsg.TxnOffsetCommitRequest{ProducerID: 1, Topics: []kmsg.TxnOffsetCommitRequestTopic{{Topic: "in", Partitions: partitions}}})
	if err := d.end(&kmsg.EndTxnRequest{ProducerID: 1, Commit: true}); err != nil {
		t.Fatal(err)
	}
	again, err := openDecisions(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(again.latest[1].Offsets); got != 50 {
		t.Errorf("%d offsets read back, want 50", got)
	}
}

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func size(t *testing.T, dir, path string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, path))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// grown lists the files of kfake that are longer in the second directory, in the
// order in which kfake writes them: partitions, with each index behind its batches,
// then groups, then producers.
func grown(t *testing.T, a, b string) []string {
	t.Helper()
	var paths []string
	err := fs.WalkDir(os.DirFS(b), "kafka", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && size(t, a, path) < size(t, b, path) {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(paths, func(a, b string) int { return strings.Compare(rank(a), rank(b)) })
	return paths
}

func rank(path string) string {
	switch {
	case strings.Contains(path, "partitions"):
		return "0" + strings.Replace(path, ".idx", ".zzz", 1)
	case strings.HasSuffix(path, "groups.log"):
		return "1"
	}
	return "2"
}
