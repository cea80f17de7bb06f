package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/logkey"
)

// While credentials are rotated, there is a time when the brokers have the new
// ones and the files do not, or the other way round.
const (
	refusedMost  = 5 * time.Minute // without a minute of work in between
	refusedPause = 2 * time.Second
	refusedEnd   = time.Minute // work that long means that the credentials are good
)

// runAgain runs the pipeline, and again from the start, as a new process would,
// when brokers that took its credentials refuse them. Those that were never good
// end it at once.
func runAgain(ctx, drain context.Context, o Options) error {
	var good time.Time // when brokers last took the credentials for sure
	for {
		began := time.Now()
		opened, err := runOnce(ctx, drain, o)
		if opened && (good.IsZero() || time.Since(began) > refusedEnd) {
			good = time.Now()
		}
		if !broker.Refused(err) || good.IsZero() || time.Since(good) > refusedMost || drain.Err() != nil || ctx.Err() != nil {
			return err
		}
		o.Log.Warn("brokers refuse the credentials; trying again", slog.Any(logkey.Error, err))
		select {
		case <-time.After(refusedPause):
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
