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

	"github.com/gofrs/flock"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/weir-security/weir/internal/logkey"
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
	reached   func(Step)
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
	return StartEmbeddedAt(dir, log, func(Step) {})
}

// StartEmbeddedAt is StartEmbedded for tests: reached is called at each step.
func StartEmbeddedAt(dir string, log *slog.Logger, reached func(Step)) (*Embedded, error) {
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
	e := &Embedded{lock: lock, clean: filepath.Join(dir, "clean"), reached: reached}
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
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), 5) // 6 names topics by id, decisions need names
	e.cluster, err = kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.DataDir(data),
		// An acknowledgement must mean "on disk": the lake's files are synced, and a
		// broker that forgot acknowledged offsets after a power cut would give their
		// numbers, which name those files, to other records.
		kfake.SyncWrites(),
		kfake.MaxVersions(versions),
		kfake.WithLogger(embeddedLogger{log}),
		kfake.BrokerConfigs(map[string]string{
			"message.max.bytes":      strconv.Itoa(MaxMessageBytes),
			"log.cleaner.backoff.ms": "60000", // the default hour lets compacted topics grow
		}),
	)
	if err != nil {
		return err
	}
	e.cluster.ControlKey(int16(kmsg.TxnOffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		e.decisions.offsets(req.(*kmsg.TxnOffsetCommitRequest))
		return nil, nil, false
	})
	e.cluster.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		end := req.(*kmsg.EndTxnRequest)
		if end.Commit {
			e.reached(StepUndecided)
		}
		if err := e.decisions.end(end); err != nil {
			log.Error("embedded broker cannot commit", slog.Any(logkey.Error, err))
			return nil, err, true // closes the connection: the client does not know the outcome and asks again
		}
		if end.Commit {
			e.reached(StepDecided)
		}
		return nil, nil, false
	})
	return nil
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

// Close stops the broker, with its state on disk, and gives the directory up.
func (e *Embedded) Close() error {
	e.cluster.Close()
	return errors.Join(e.decisions.close(), replaceFile(e.clean, nil), e.lock.Unlock())
}

// embeddedLogger passes kfake's warnings on; its information is of no use to
// someone who runs weir.
type embeddedLogger struct{ log *slog.Logger }

func (l embeddedLogger) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError: // its warnings tell of slow requests
		l.log.Warn("embedded broker", slog.String(logkey.Detail, fmt.Sprintf(format, args...)))
	default:
		l.log.Debug("embedded broker", slog.String(logkey.Detail, fmt.Sprintf(format, args...)))
	}
}
