package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// outcome gathers what became of the records of one transaction. A transaction
// may be committed only if every produce promise succeeded: after a
// MESSAGE_TOO_LARGE the commit call alone would return nil and the record be lost.
type outcome struct {
	mu       sync.Mutex
	first    error
	tooLarge map[*kgo.Record]bool // inputs whose output Kafka refuses for its size
}

type producer interface {
	Produce(ctx context.Context, r *kgo.Record, promise func(*kgo.Record, error))
}

// produce sends r. input is the record that r came from, if any: it is what must
// be dead-lettered if r is too large.
func (o *outcome) produce(ctx context.Context, p producer, r, input *kgo.Record) {
	p.Produce(ctx, r, func(_ *kgo.Record, err error) {
		if err == nil {
			return
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if errors.Is(err, kerr.MessageTooLarge) && input != nil {
			if o.tooLarge == nil {
				o.tooLarge = map[*kgo.Record]bool{}
			}
			o.tooLarge[input] = true
		}
		if o.first == nil {
			o.first = fmt.Errorf("topic %s: %w", r.Topic, err)
		}
	})
}

// fail notes a failure of something else than a record.
func (o *outcome) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.first == nil {
		o.first = err
	}
}

// err is the first failure. Valid after a flush.
func (o *outcome) err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.first
}

// oversized are the inputs to blame if size was the only trouble.
func (o *outcome) oversized() map[*kgo.Record]bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tooLarge
}
