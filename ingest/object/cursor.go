package object

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/envelope"
)

// cursorVersion is raised when an older weir could not use a cursor.
const cursorVersion = 1

// Cursor is how far one object has been read, as it is kept in weir.cursors.
type Cursor struct {
	Version int    `json:"v"`
	ETag    string `json:"etag,omitempty"`
	// Position is in the decompressed object; Compressed says that there is a
	// difference.
	envelope.Position
	Compressed bool `json:"compressed,omitempty"`
	// At is Entry.At, or when the cursor was written, in Unix seconds.
	At int64 `json:"at,omitempty"`
	// Created is Entry.Created in Unix seconds, and Mark the digest of what stands
	// before the position, of a growing object that may be written anew.
	Created int64  `json:"created,omitempty"`
	Mark    string `json:"mark,omitempty"`
	// Done says that nothing is left of the object with this ETag, but for something
	// incomplete if it is Pending. An object that is not Done is in progress, or could
	// not be read.
	Done    bool `json:"done,omitempty"`
	Pending bool `json:"pending,omitempty"`
}

// Encode is total: a cursor has nothing that JSON cannot hold.
func (c Cursor) Encode() []byte {
	c.Version = cursorVersion
	return encode(c)
}

// DecodeCursor reads a cursor. One that cannot be read is an error: to go on without
// it would double what it stands for.
func DecodeCursor(key string, value []byte) (Cursor, error) {
	var c Cursor
	if err := json.Unmarshal(value, &c); err != nil {
		return c, fmt.Errorf("read the cursor %s: %w", key, err)
	}
	return c, checkVersion(key, c.Version)
}

func checkVersion(key string, version int) error {
	if version != cursorVersion {
		return fmt.Errorf("read the cursor %s: its version is %d, this weir knows %d: run the newer weir, or delete the cursor to read the object again", key, version, cursorVersion)
	}
	return nil
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // of a type that has nothing to fail on
	}
	return b
}

// The keys of a listing's cursors: one for each slot, and one for each object that the
// slot's does not cover.
const (
	slotPrefix   = "slot/"
	objectPrefix = "object/"
)

// mark is how far a slot is.
type mark struct {
	Version int `json:"v"`
	// Until: what was At at this time or before is done, in Unix seconds.
	Until int64 `json:"until"`
	// While a listing is under way, what is At at Bound or before is done up to the key
	// After.
	Bound int64  `json:"bound,omitempty"`
	After string `json:"after,omitempty"`
}

func slotKey(slot int) string { return fmt.Sprintf("%s%02d", slotPrefix, slot) }

func (m mark) cursor(slot int) ingest.Cursor {
	m.Version = cursorVersion
	return ingest.Cursor{Key: slotKey(slot), Value: encode(m)}
}

// decodeState reads what earlier runs, and other processes, left of these slots.
func decodeState(stored map[string][]byte, mine map[int]bool) (map[int]*slotState, map[string]Cursor, error) {
	slots, objects := map[int]*slotState{}, map[string]Cursor{}
	for slot := range mine {
		s := new(slotState)
		if value, ok := stored[slotKey(slot)]; ok {
			if err := json.Unmarshal(value, &s.mark); err != nil {
				return nil, nil, fmt.Errorf("read the cursor %s: %w", slotKey(slot), err)
			}
			if err := checkVersion(slotKey(slot), s.mark.Version); err != nil {
				return nil, nil, err
			}
			s.saved, s.resume = s.mark.Until, s.mark.After
		}
		slots[slot] = s
	}
	for key, value := range stored {
		name, isObject := strings.CutPrefix(key, objectPrefix)
		if !isObject || !mine[ingest.Slot(name)] {
			continue
		}
		c, err := DecodeCursor(key, value)
		if err != nil {
			return nil, nil, err
		}
		objects[name] = c
	}
	return slots, objects, nil
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
