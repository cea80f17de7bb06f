package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/logkey"
)

// Brokers go away and come back, and while credentials are rotated there is a time
// when the brokers have the new ones and the files do not, or the other way round.
const (
	awayMost  = 5 * time.Minute // without a minute of work in between
	awayPause = 2 * time.Second
	awayEnd   = time.Minute // work that long means that all was well
)

// runAgain runs the pipeline, and again from the start, as a new process would,
// when brokers that took it in before cannot be reached or refuse it. If they never
// took it in, that ends it at once.
func runAgain(ctx, drain context.Context, o Options) error {
	var good time.Time // when brokers last took it in for sure
	for {
		began := time.Now()
		opened, err := runOnce(ctx, drain, o)
		if opened && (good.IsZero() || time.Since(began) > awayEnd) {
			good = time.Now()
		}
		if !broker.Passing(err) || good.IsZero() || time.Since(good) > awayMost || drain.Err() != nil || ctx.Err() != nil {
			return err
		}
		o.Log.Warn("brokers are away or refuse the credentials; starting over", slog.Any(logkey.Error, err))
		select {
		case <-time.After(awayPause):
		case <-drain.Done():
			return err
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
	return true, errors.Join(err, p.close())
}
