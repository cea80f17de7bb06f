package s3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/object"
	"github.com/weir-security/weir/internal/logkey"
)

// queue reads the objects that the messages of an SQS queue tell of. A message is
// deleted when every record of every one of its objects is durable. Processes share
// the queue by its nature: a message is invisible to the others while one has it.
//
// Behind each object that it has read it leaves a cursor until the message is deleted.
// So a message that comes again, to whatever process, costs nothing, and a large
// object goes on where the last reader left it.
type queue struct {
	Config
	in    object.Input
	store *store
	sqs   *sqs.Client
}

var _ ingest.Loader = (*queue)(nil)

// Run implements ingest.Collector.
func (q *queue) Run(ctx context.Context, cursors map[string][]byte, put ingest.Put) error {
	return q.RunLoading(ctx, func(context.Context) (map[string][]byte, error) { return cursors, nil }, put)
}

// RunLoading implements ingest.Loader.
func (q *queue) RunLoading(ctx context.Context, load ingest.Load, put ingest.Put) error {
	r := &queueRun{queue: q, load: load, committer: object.NewCommitter(), free: make(chan *object.Reader, q.Objects)}
	for range q.Objects {
		r.free <- &object.Reader{Input: q.in, From: q.store}
	}
	r.problems.byKey = map[string]problem{}
	if err := r.reload(ctx, time.Now()); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	work, stop := context.WithCancel(groupCtx)
	group.Go(func() error { return r.committer.Run(work, put, r.progress) }) // ends with the messages
	group.Go(func() error {
		defer stop()
		return r.receive(groupCtx)
	})
	err := group.Wait()
	if err != nil && ctx.Err() == nil {
		return err
	}
	if cursors := r.forgotten(); len(cursors) > 0 && err == nil { // else they expire
		return put(context.WithoutCancel(ctx), ingest.Batch{Cursors: cursors, Progress: r.progress()})
	}
	return nil
}

// queueRun is the state of one Run.
type queueRun struct {
	*queue
	load      ingest.Load
	committer *object.Committer
	free      chan *object.Reader // one for each message that may be in hand

	loading sync.Mutex // held while cursors are read again

	mu      sync.Mutex
	known   map[string]object.Cursor // by cursor key: objects read, whose message may not be deleted
	forget  []string                 // cursors that are of no more use
	loaded  time.Time                // when the last reading of cursors began
	clocked time.Time                // when forget was put last

	problems  problems
	found     atomic.Int64
	read      atomic.Int64
	missed    atomic.Int64
	bytesRead atomic.Int64
}

const (
	// receiveMost is SQS's own bound.
	receiveMost = 10
	// longPoll is how long a request waits for a message.
	longPoll = 20 * time.Second
	// pauseMost bounds the wait after errors.
	pauseMost = 30 * time.Second
)

// lastPoll is longPoll with Once: long enough for SQS to ask each of its servers.
var lastPoll = 2 * time.Second

// receive takes messages while there are readers for them.
func (r *queueRun) receive(ctx context.Context) error {
	group, groupCtx := errgroup.WithContext(ctx)
	pause := time.Duration(0)
	for groupCtx.Err() == nil {
		readers := r.take(groupCtx)
		messages, err := r.poll(groupCtx, len(readers))
		for _, spare := range readers[min(len(messages), len(readers)):] {
			r.free <- spare
		}
		if err != nil && groupCtx.Err() == nil {
			r.problems.note(r.QueueURL, err)
			r.Log.Error("the queue cannot be read; it is tried again", slog.String(logkey.Collector, r.Name), slog.Any(logkey.Error, err))
			pause = min(max(2*pause, time.Second), pauseMost)
			r.Report(r.problems.text())
			if r.Once {
				return errors.Join(err, group.Wait())
			}
			wait(groupCtx, pause)
			continue
		}
		pause = 0
		r.problems.clear(r.QueueURL)
		for i, m := range messages {
			reader := readers[i]
			group.Go(func() error { // ends with its message, or with ctx
				defer func() { r.free <- reader }()
				return r.message(groupCtx, reader, m)
			})
		}
		r.Report(r.problems.text())
		if err := r.flush(groupCtx, len(messages) == 0); err != nil {
			return errors.Join(err, group.Wait())
		}
		if r.Once && len(messages) == 0 && len(r.free) == cap(r.free) {
			break
		}
	}
	return group.Wait()
}

// take waits for a reader and takes what others are free, as many as one request can
// give work to.
func (r *queueRun) take(ctx context.Context) []*object.Reader {
	var readers []*object.Reader
	select {
	case first := <-r.free:
		readers = append(readers, first)
	case <-ctx.Done():
		return nil
	}
	for len(readers) < receiveMost {
		select {
		case next := <-r.free:
			readers = append(readers, next)
		default:
			return readers
		}
	}
	return readers
}

func (r *queueRun) poll(ctx context.Context, most int) ([]types.Message, error) {
	if most == 0 {
		return nil, ctx.Err()
	}
	long := longPoll
	if r.Once {
		long = lastPoll
	}
	ctx, cancel := context.WithTimeout(ctx, long+idleAnswer)
	defer cancel()
	out, err := r.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    &r.QueueURL,
		MaxNumberOfMessages:         int32(most),
		WaitTimeSeconds:             int32(long / time.Second),
		VisibilityTimeout:           int32(r.Visibility / time.Second),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
	})
	if err != nil {
		return nil, fmt.Errorf("receive from %s: %w", r.QueueURL, err)
	}
	return out.Messages, nil
}

// idleAnswer is how long SQS may take to answer.
const idleAnswer = 15 * time.Second

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (r *queueRun) progress() ingest.Progress {
	return ingest.Progress{
		FilesFound: r.found.Load(), FilesRead: r.read.Load(), FilesFailed: r.missed.Load(),
		BytesFound: r.bytesRead.Load(), BytesRead: r.bytesRead.Load(),
	}
}

// received is how often a message has been handed out.
func received(m types.Message) int {
	n, _ := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	return n
}

// place is the name of a message in the origin of its dead letter:
// sqs://sqs.eu-central-1.amazonaws.com/111122223333/trail/<message id>.
func (r *queueRun) place(m types.Message) string {
	_, rest, _ := strings.Cut(r.QueueURL, "://")
	return "sqs://" + rest + "/" + aws.ToString(m.MessageId)
}
