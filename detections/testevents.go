package detections

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// give feeds an event of a test in, as often as it says.
func (r *testRun) give(source string, e *TestEvent) error {
	records, object := [][]byte{[]byte(e.Raw)}, "test"
	if e.Input != "" {
		var err error
		if records, object, err = fixture(r.fixtures, r.rule, e.Input); err != nil {
			return err
		}
	}
	if e.Set != nil {
		if err := uselessPatch(records, e.Set); err != nil {
			return err
		}
	}
	if e.Source != "" {
		source = e.Source
	}
	move := int64(0) // what the times are moved by
	for i := range e.Repeat {
		for position, record := range records {
			ev, err := r.event(source, object, position, record, e.Set)
			if err != nil {
				return err
			}
			if !r.started {
				r.start, r.started = ev.Time(), true
			}
			if i == 0 && position == 0 && e.HasAt {
				move = r.start + e.At.Milliseconds() - ev.Time()
			}
			ev.SetTime(ev.Time() + move + int64(i)*e.Every.Milliseconds())
			name := object
			if e.Input == "" {
				name = "the raw record"
			}
			if len(records) > 1 {
				name = fmt.Sprintf("record %d of %s", position+1, object)
			}
			if e.Repeat > 1 {
				name += fmt.Sprintf(", repetition %d", i+1)
			}
			r.add(ev, name)
		}
	}
	return nil
}

// event patches and normalises a record.
func (r *testRun) event(source, object string, position int, record, set []byte) (*ocsf.Event, error) {
	if set != nil {
		var err error
		if record, err = mergePatch(record, set); err != nil {
			return nil, err
		}
	}
	ev := new(ocsf.Event)
	rec := &event.Record{Source: source, Value: record, Origin: event.Origin{Object: "file:" + object, Position: int64(position)}}
	if err := r.normalize(rec, ev); err != nil {
		return nil, fmt.Errorf("normalize record %d of %s: %w%s", position+1, object, err, envelopeAdvice(record))
	}
	return ev, nil
}

// envelopeAdvice is what to do with a record that is a whole log file as the
// source delivers it; fixtures hold the records alone.
func envelopeAdvice(record []byte) string {
	var object map[string]json.RawMessage
	if json.Unmarshal(record, &object) != nil {
		return ""
	}
	for _, key := range []string{"Records", "records", "items"} {
		if bytes.HasPrefix(object[key], []byte("[")) {
			return "; it is a whole log file: give the elements of " + key
		}
	}
	return ""
}

// add keeps an event for the rule. One that was given before is another event: its
// uid gets a number.
func (r *testRun) add(ev *ocsf.Event, name string) {
	uid := ev.Metadata.UID()
	r.uids[uid]++
	if n := r.uids[uid]; n > 1 {
		ev.Metadata.SetUID(fmt.Sprintf("%s#%d", uid, n))
	}
	r.given = append(r.given, givenEvent{ev, name})
}
