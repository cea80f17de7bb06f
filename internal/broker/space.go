package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weir-security/weir/internal/logkey"
)

// maxReserve is how much of a disk, in bytes, the embedded broker leaves free of
// records, or a twentieth of the disk where that is less. kfake answers the end of
// a transaction and the commit of an offset whether or not it could write them:
// that they can be written has to be seen to before records fill the disk.
const maxReserve = 64 << 20

// spaceLogEvery is how often a full disk is logged.
const spaceLogEvery = time.Minute

// space keeps the embedded broker from filling its disk. A produce request for
// which there is no room is refused with an error upon which clients try again
// until there is.
type space struct {
	dir       string
	log       *slog.Logger
	available func(dir string) (free, total uint64, ok bool)

	mu     sync.Mutex
	lacks  bool
	logged time.Time
}

// suffices reports whether the disk has room for the records of a request.
func (s *space) suffices(req *kmsg.ProduceRequest) bool {
	free, total, ok := s.available(s.dir)
	if !ok {
		return true // then a failing write ends the broker
	}
	need := min(maxReserve, total/20)
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			need += uint64(len(p.Records))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lacks = free < need; s.lacks && time.Since(s.logged) > spaceLogEvery {
		s.logged = time.Now()
		s.log.Error("embedded broker takes no records; they wait until its disk has space", slog.Any(logkey.Error, errFull(s.dir)))
	}
	return !s.lacks
}

func (s *space) full() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.lacks {
		return nil
	}
	return errFull(s.dir)
}

func errFull(dir string) error {
	return fmt.Errorf("the disk of the embedded broker is full: free space for %s, and it goes on", dir)
}

// refuseProduce tells a producer to try again later.
func refuseProduce(req *kmsg.ProduceRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range req.Topics {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			partition := kmsg.NewProduceResponseTopicPartition()
			partition.Partition, partition.ErrorCode = p.Partition, kerr.KafkaStorageError.Code
			topic.Partitions = append(topic.Partitions, partition)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

// failure is the end of an embedded broker that could not write what it is about
// to acknowledge.
type failure struct {
	dir    string
	failed chan struct{}

	mu  sync.Mutex
	err error
}

func (f *failure) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return
	}
	f.err = fmt.Errorf("embedded broker cannot write to %s: %w; if the disk is full, free space, then start again: what it acknowledged is kept", f.dir, err)
	close(f.failed)
}

func (f *failure) reason() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// embeddedLogger passes kfake's errors on; the rest is of no use to someone who
// runs weir. It is also the only place where kfake tells that it could not write
// something, before it answers as if it had: then it is held there for ever, so
// that no such answer goes out, and the process has to end. TestDiskFull* hold the
// texts against the real kfake.
type embeddedLogger struct {
	log     *slog.Logger
	failure *failure
}

func (l embeddedLogger) Logf(level kfake.LogLevel, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	switch {
	case strings.HasPrefix(text, "persist to disk:"), strings.HasPrefix(text, "save session state:"): // at its end
		l.failure.note(errors.New(text))
	case strings.HasPrefix(text, "persist "), strings.HasPrefix(text, "endTx: failed to persist"):
		l.failure.note(errors.New(text))
		select {}
	}
	switch level {
	case kfake.LogLevelError: // its warnings tell of slow requests
		l.log.Warn("embedded broker", slog.String(logkey.Detail, text))
	default:
		l.log.Debug("embedded broker", slog.String(logkey.Detail, text))
	}
}
