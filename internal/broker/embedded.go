package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Embedded is a Kafka broker in this process: franz-go's kfake on a data
// directory. It speaks the real protocol on a loopback port, so that weir has
// one code path from a laptop to a cluster. It is for evaluation, tests and small
// single-node sites: one process, no replication.
type Embedded struct {
	cluster   *kfake.Cluster
	lock      *flock.Flock
	decisions *decisions
	clean     string // a file that says that the last broker here ended in order
	options   EmbeddedOptions
	space     space
	failure   failure
}

// EmbeddedOptions are for tests. The zero value is a broker as weir run has it.
type EmbeddedOptions struct {
	// Reached is called at each step; nil for nothing.
	Reached func(Step)
	// Port is where the broker listens on loopback; 0 for any.
	Port int
	// MinSession is the shortest session timeout of a group; 0 for Kafka's, 6 s.
	MinSession time.Duration
}

func (o EmbeddedOptions) reached(s Step) {
	if o.Reached != nil {
		o.Reached(s)
	}
}

// Step is a moment in the commit of a transaction, for tests that kill there.
type Step string

// The steps of the embedded broker: before and after the decision to commit is on
// disk.
const (
	StepUndecided Step = "undecided"
	StepDecided   Step = "decided"
)

// ErrInUse is returned for a data directory that another process holds.
var ErrInUse = errors.New("data directory is in use by another process")

// StartEmbedded starts a broker on dir, which it creates if need be, and holds a
// lock on it until Close or the end of the process. kfake takes no lock itself,
// and two brokers on one directory would overwrite each other.
func StartEmbedded(dir string, log *slog.Logger) (*Embedded, error) {
	return StartEmbeddedWith(dir, log, EmbeddedOptions{})
}

// StartEmbeddedWith is StartEmbedded for tests.
func StartEmbeddedWith(dir string, log *slog.Logger, o EmbeddedOptions) (*Embedded, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, explainStart(dir, err)
	}
	lock := flock.New(filepath.Join(dir, "weir.lock"))
	held, err := lock.TryLock()
	if err != nil {
		return nil, explainStart(dir, fmt.Errorf("lock: %w", err))
	}
	if !held {
		return nil, fmt.Errorf("%w: %s; stop the other weir, or set kafka.embedded.dir to a directory of its own", ErrInUse, dir)
	}
	e := &Embedded{lock: lock, clean: filepath.Join(dir, "clean"), options: o}
	e.space = space{dir: dir, log: log, available: diskSpace}
	e.failure = failure{dir: dir, failed: make(chan struct{})}
	if err := e.start(dir, log); err != nil {
		return nil, errors.Join(explainStart(dir, err), lock.Unlock())
	}
	return e, nil
}

func (e *Embedded) start(dir string, log *slog.Logger) (err error) {
	data := filepath.Join(dir, "kafka")
	if e.decisions, err = openDecisions(filepath.Join(dir, "decisions.ndjson")); err != nil {
		return err
	}
	if err := os.Remove(e.clean); errors.Is(err, fs.ErrNotExist) {
		if err := (&recovery{dir: data, decisions: e.decisions}).run(); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if err := e.decisions.begin(); err != nil {
		return err
	}
	if e.cluster, err = kfake.NewCluster(e.clusterOptions(data, log)...); err != nil {
		return err
	}
	e.control()
	return nil
}

func (e *Embedded) clusterOptions(data string, log *slog.Logger) []kfake.Opt {
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), 5) // 6 names topics by id, decisions need names
	configs := map[string]string{
		"message.max.bytes":      strconv.Itoa(MaxMessageBytes),
		"log.cleaner.backoff.ms": "60000", // the default hour lets compacted topics grow
	}
	if e.options.MinSession > 0 {
		configs["group.min.session.timeout.ms"] = strconv.FormatInt(e.options.MinSession.Milliseconds(), 10)
	}
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.DataDir(data),
		// An acknowledgement must mean "on disk": the lake's files are synced, and a
		// broker that forgot acknowledged offsets after a power cut would give their
		// numbers, which name those files, to other records.
		kfake.SyncWrites(),
		kfake.MaxVersions(versions),
		kfake.WithLogger(embeddedLogger{log, &e.failure}),
		kfake.BrokerConfigs(configs),
	}
	if e.options.Port > 0 {
		opts = append(opts, kfake.Ports(e.options.Port))
	}
	return opts
}

// control puts weir's own handling before kfake's. kfake drops a function that has
// answered a request, unless it says that it is to be kept.
func (e *Embedded) control() {
	e.cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		produce := req.(*kmsg.ProduceRequest)
		if e.space.suffices(produce) {
			return nil, nil, false
		}
		e.cluster.KeepControl()
		return refuseProduce(produce), nil, true
	})
	e.cluster.ControlKey(int16(kmsg.TxnOffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		e.decisions.offsets(req.(*kmsg.TxnOffsetCommitRequest))
		return nil, nil, false
	})
	e.cluster.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		end := req.(*kmsg.EndTxnRequest)
		if end.Commit {
			e.options.reached(StepUndecided)
		}
		if err := e.decisions.end(end); err != nil {
			e.failure.note(err)
			e.cluster.KeepControl()
			return nil, err, true // closes the connection: the client does not know the outcome
		}
		if end.Commit {
			e.options.reached(StepDecided)
		}
		return nil, nil, false
	})
}

// explainStart says what to do about a data directory that cannot be used.
func explainStart(dir string, err error) error {
	try := ""
	switch {
	case errors.Is(err, fs.ErrPermission):
		try = fmt.Sprintf("; make it writable for this user (uid %d)", os.Getuid())
	case errors.Is(err, syscall.EROFS):
		try = "; mount its file system for writing"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		try = "; a file is where a directory must be, move it"
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("start embedded broker on %s: %w; its disk is full, free space", dir, err)
	default:
		return fmt.Errorf("start embedded broker on %s: %w", dir, err)
	}
	return fmt.Errorf("start embedded broker on %s: %w%s, or set kafka.embedded.dir to another directory", dir, err, try)
}

// Addrs are the broker's addresses, all on loopback.
func (e *Embedded) Addrs() []string { return e.cluster.ListenAddrs() }

// Full is the error of a broker that takes no records for want of space, nil if it
// takes them.
func (e *Embedded) Full() error { return e.space.full() }

// Failed is closed when the broker has failed for good. Whoever uses it has to end.
func (e *Embedded) Failed() <-chan struct{} { return e.failure.failed }

// Failure is why the broker has failed, nil if it has not.
func (e *Embedded) Failure() error { return e.failure.reason() }

// Close stops the broker, with its state on disk, and gives the directory up. One
// that has failed is left as it is, as by a kill: the next start recovers it.
func (e *Embedded) Close() error {
	if err := e.Failure(); err != nil {
		return errors.Join(e.decisions.close(), e.lock.Unlock())
	}
	e.cluster.Close()
	if err := e.Failure(); err != nil { // to save what it need not, but the files may be torn
		return errors.Join(err, e.decisions.close(), e.lock.Unlock())
	}
	return errors.Join(e.decisions.close(), replaceFile(e.clean, nil), e.lock.Unlock())
}
