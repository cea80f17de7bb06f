// Package deadletter is the topic of what weir could not process: the form of its
// records, the reading of them, and their replay.
//
// The topic is a log like any other, so what happens to a letter is a record too:
// a replay writes, in the transaction of the raw records that it makes, a marker
// for each letter that it took. A letter without a marker is open. One that fails
// again is a new letter, open like the first one was.
package deadletter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/schemas/event"
)

// Place is where a letter stands in the topic. It is written as its offset, with
// partition/ before it in any partition but the first.
type Place struct {
	Partition int32
	Offset    int64
}

func (p Place) String() string {
	if p.Partition == 0 {
		return strconv.FormatInt(p.Offset, 10)
	}
	return fmt.Sprintf("%d/%d", p.Partition, p.Offset)
}

// ParsePlace reads what String writes.
func ParsePlace(s string) (Place, bool) {
	partition, offset, found := strings.Cut(s, "/")
	if !found {
		partition, offset = "0", s
	}
	id, err := strconv.ParseUint(partition, 10, 31)
	at, err2 := strconv.ParseUint(offset, 10, 63)
	return Place{int32(id), int64(at)}, err == nil && err2 == nil
}

// Letter is a dead letter as it stands in the topic.
type Letter struct {
	event.DeadLetter
	Place Place
	Key   string
	// Time is when Kafka took it.
	Time time.Time
	// Replayed says that it went back to a raw topic.
	Replayed bool
}

// Whole reports whether the value is all of the original.
func (l *Letter) Whole() bool { return int64(len(l.Value)) == l.Size }

// Filter chooses letters. An empty field chooses all.
type Filter struct {
	Sources []string
	Stages  []event.Stage
	Reasons []event.Reason
	Since   time.Time
}

// Match reports whether the filter chooses l.
func (f Filter) Match(l *Letter) bool {
	return chosen(f.Sources, l.Source) && chosen(f.Stages, l.Stage) && chosen(f.Reasons, l.Reason) && !l.Time.Before(f.Since)
}

func chosen[T comparable](some []T, x T) bool { return len(some) == 0 || slices.Contains(some, x) }

// Log is the topic of dead letters, up to what was committed when it was opened.
type Log struct {
	// Foreign counts records that are no dead letters of weir.
	Foreign int

	opts     broker.Options
	topic    string
	ends     broker.Ends
	replayed map[Place]bool
}

// ErrNoTopic is returned where there is no topic of dead letters yet.
var ErrNoTopic = errors.New("there is no topic of dead letters yet")

// Open reads the topic once, for what was replayed.
func Open(ctx context.Context, opts broker.Options, topic string) (*Log, error) {
	l := &Log{opts: opts, topic: topic, replayed: map[Place]bool{}}
	ranges, err := opts.VisibleRanges(ctx, topic)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil, fmt.Errorf("%w: %s", ErrNoTopic, topic)
	}
	if err != nil {
		return nil, err
	}
	l.ends = ranges[topic]
	err = l.read(ctx, l.ends, func(r *kgo.Record) error {
		if place, isMarker := replayedPlace(r); isMarker {
			l.replayed[place] = true
		} else if _, err := Decode(r); err != nil {
			l.Foreign++
		}
		return nil
	})
	return l, err
}

// replayedPlace is the letter that a marker is for.
func replayedPlace(r *kgo.Record) (Place, bool) {
	text := broker.Header(r, headerReplayed)
	place, ok := ParsePlace(text)
	return place, ok && text != ""
}

// Each gives visit every letter of the filter, in order within each partition. An
// error of visit ends it. A letter is visit's own.
func (l *Log) Each(ctx context.Context, f Filter, visit func(*Letter) error) error {
	return l.read(ctx, l.ends, func(r *kgo.Record) error {
		if letter, ok := l.letter(r); ok && f.Match(letter) {
			return visit(letter)
		}
		return nil
	})
}

// At returns the letter of a place, or nil if there is none.
func (l *Log) At(ctx context.Context, place Place) (found *Letter, err error) {
	end := l.ends[place.Partition]
	span := broker.Range{From: max(place.Offset, end.From), To: min(place.Offset+1, end.To)}
	err = l.read(ctx, broker.Ends{place.Partition: span}, func(r *kgo.Record) error {
		found, _ = l.letter(r)
		return nil
	})
	return found, err
}

// letter is the letter that a record holds, if it is one.
func (l *Log) letter(r *kgo.Record) (*Letter, bool) {
	if _, isMarker := replayedPlace(r); isMarker {
		return nil, false
	}
	d, err := Decode(r)
	place := Place{r.Partition, r.Offset}
	return &Letter{DeadLetter: d, Place: place, Key: string(r.Key), Time: r.Timestamp, Replayed: l.replayed[place]}, err == nil
}

// read visits the records of ranges, by partition, and stops at an error of visit.
func (l *Log) read(ctx context.Context, ranges broker.Ends, visit func(*kgo.Record) error) error {
	for _, id := range slices.Sorted(maps.Keys(ranges)) {
		reading, stop := context.WithCancel(ctx)
		var failed error
		err := l.opts.ReadRange(reading, l.topic, broker.Ends{id: ranges[id]}, func(r *kgo.Record) {
			if failed != nil {
				return
			}
			if failed = visit(r); failed != nil {
				stop()
			}
		})
		stop()
		// What visit found comes before the cancellation that it caused.
		if err := cmp.Or(failed, err); err != nil {
			return err
		}
	}
	return nil
}
