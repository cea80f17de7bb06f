package splunk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// acked is a request whose acknowledgement is awaited.
type acked struct {
	id    int64
	items []httpsend.Item
}

// probe asks for an acknowledgement before anything is sent. A token without them would
// take the events, and every alert would come again and again, since none is ever
// acknowledged.
func (d *Destination) probe(ctx context.Context, token string) error {
	if _, err := d.ask(ctx, token, []int64{0}); err != nil {
		return err
	}
	d.acks = true
	return nil
}

var (
	errNoAck   = errors.New("not acknowledged by the indexers in time; they are sent again")
	errNoAckID = errors.New("taken without an acknowledgement to wait for; they are sent again")
)

// await asks until every request is acknowledged or the time is up. What is not
// acknowledged then goes to out, to be sent again.
//
// Splunk forgets an acknowledgement once it has told it: one whose answer is lost never
// comes again.
func (d *Destination) await(ctx context.Context, token string, waiting []acked, out *httpsend.Outcome) {
	open := waiting[:0]
	for _, w := range waiting {
		if w.id < 0 { // the token has changed: ask before the next events
			d.acks = false
			out.Retry(w.items, errNoAckID)
			continue
		}
		open = append(open, w)
	}
	if len(open) == 0 {
		return
	}
	deadline := time.NewTimer(d.conf.AckTimeout)
	defer deadline.Stop()
	last := errNoAck
	for {
		done, err := d.ask(ctx, token, ids(open))
		last = errNoAck
		if err != nil {
			last = fmt.Errorf("%w: %w", errNoAck, err)
		}
		left := open[:0]
		for _, w := range open {
			if !done[w.id] {
				left = append(left, w)
			}
		}
		if open = left; len(open) == 0 {
			return
		}
		if err := d.pause(ctx, deadline.C); err != nil {
			if !errors.Is(err, errNoAck) {
				last = err
			}
			break
		}
	}
	for _, w := range open {
		out.Retry(w.items, last)
	}
	d.channel = newGUID() // the numbers of the old one mean nothing any more
}

// pause waits for the next question.
func (d *Destination) pause(ctx context.Context, deadline <-chan time.Time) error {
	next := time.NewTimer(d.conf.AckInterval)
	defer next.Stop()
	select {
	case <-next.C:
		return nil
	case <-deadline:
		return errNoAck
	case <-ctx.Done():
		return ctx.Err()
	}
}

func ids(waiting []acked) []int64 {
	all := make([]int64, len(waiting))
	for i, w := range waiting {
		all[i] = w.id
	}
	return all
}

// ask tells which of the acknowledgements have come.
func (d *Destination) ask(ctx context.Context, token string, ids []int64) (map[int64]bool, error) {
	body, err := json.Marshal(map[string][]int64{"acks": ids})
	if err != nil {
		return nil, err
	}
	answer, err := d.client.Post(ctx, httpsend.Request{
		URL: d.url + ackPath + "?channel=" + d.channel, Header: d.header(token), Body: body, Secrets: []string{token},
	})
	if err != nil {
		return nil, fmt.Errorf("ask for acknowledgements: %w", err)
	}
	var reply struct {
		Acks map[string]bool `json:"acks"`
	}
	if answer.Status != 200 || json.Unmarshal(answer.Body, &reply) != nil || reply.Acks == nil {
		result, _ := read(answer)
		if result.Err == nil {
			result.Err = answer.Err("not an answer to a question for acknowledgements")
		}
		return nil, fmt.Errorf("ask for acknowledgements: %w", result.Err)
	}
	done := make(map[int64]bool, len(reply.Acks))
	for id, yes := range reply.Acks {
		if n, err := strconv.ParseInt(id, 10, 64); err == nil && yes {
			done[n] = true
		}
	}
	return done, nil
}
