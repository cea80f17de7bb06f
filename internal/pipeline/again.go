package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/logkey"
)

// Brokers go away and come back, and while credentials are rotated there is a time
// when the brokers have the new ones and the files do not, or the other way round.
const (
	awayMost  = 5 * time.Minute // without a minute of work in between
	awayPause = 2 * time.Second
	awayEnd   = time.Minute // work that long means that all was well
	// fencedMost is how often in a row, without a minute of work in between,
	// transactions may be taken away.
	fencedMost = 3
)

// errLowered is in the error of a pipeline that has to be opened anew, because
// topics take smaller batches than when it was.
var errLowered = errors.New("max.message.bytes was lowered")

// errTimedOut is in the error of a pipeline whose transactions Kafka has ended, and
// not because of another process.
var errTimedOut = errors.New("kafka has ended the transactions of this process")

// runAgain runs the pipeline, and again from the start, as a new process would,
// where that is all that is needed: when brokers that took it in before cannot be
// reached or refuse it, when Kafka ended its transactions for having waited too long
// (a broker was away, the process stood still), and when topics take less than
// before. If brokers never took it in, that ends it at once.
func runAgain(ctx, drain context.Context, o Options) error {
	var good time.Time // when brokers last took it in for sure
	fenced := 0
	for {
		began := time.Now()
		opened, err := runOnce(ctx, drain, o)
		worked := opened && time.Since(began) > awayEnd
		if opened && (good.IsZero() || worked) {
			good = time.Now()
		}
		if worked {
			fenced = 0
		}
		if err == nil || drain.Err() != nil || ctx.Err() != nil {
			return err
		}
		switch {
		case errors.Is(err, errLowered): // each time it is less
		case errors.Is(err, errTimedOut) && fenced < fencedMost:
			fenced++
		case broker.Passing(err) && !good.IsZero() && time.Since(good) <= awayMost:
		default:
			return err
		}
		o.Log.Warn("starting over", slog.Any(logkey.Error, err))
		select {
		case <-time.After(awayPause):
		case <-drain.Done(): // nothing is begun that would have to be finished
			return nil
		}
	}
}

// runOnce runs the pipeline until it ends. It tells whether it came to Kafka.
func runOnce(ctx, drain context.Context, o Options) (opened bool, err error) {
	p, err := open(ctx, o)
	if err != nil {
		return false, err
	}
	runners, err := p.roles(ctx)
	if err == nil {
		err = p.supervise(ctx, drain, runners)
	}
	return true, errors.Join(p.judge(ctx, err), p.close())
}

// judgeTimeout bounds the questions to Kafka when a pipeline has failed.
const judgeTimeout = 5 * time.Second

// judge adds to the error of a pipeline what Kafka knows of its cause, and what to do.
func (p *pipeline) judge(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(ctx, judgeTimeout)
	defer cancel()
	switch {
	case errors.Is(err, kerr.FencedInstanceID), isFenced(err) && p.replaced(ctx):
		return fmt.Errorf("%w; another weir runs with instance %q: give each process an instance of its own", err, p.instance)
	case isFenced(err):
		return fmt.Errorf("%w: %w; a broker was away or this process stood still for more than %s, or another weir runs with instance %q",
			errTimedOut, err, p.shared.times.transaction, p.instance)
	case errors.Is(err, kerr.MessageTooLarge) && p.lowered(ctx):
		return fmt.Errorf("%w: %w", errLowered, err)
	}
	return err
}

// isFenced tells whether a transactional producer has lost its place.
func isFenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) ||
		errors.Is(err, kerr.InvalidProducerIDMapping) || errors.Is(err, kerr.InvalidTxnState)
}
