package eventhub

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/schemas/event"
)

// position is how far a partition has been read.
type position struct {
	// Next is the offset of the next message.
	Next int64 `json:"next"`
	// Last is the offset of the last one that was read, and Digest is of its content: what
	// the partition has there must be that message. Without Digest there was none.
	Last   int64  `json:"last"`
	Digest string `json:"digest,omitempty"`
}

// cursorKey is the key of a partition's cursor.
func (c *Collector) cursorKey(partition int32) string {
	return fmt.Sprintf("%s/%s/%d", c.host, c.cfg.Hub, partition)
}

// position reads the cursor of a partition; one that there is not is the beginning.
func (c *Collector) position(cursors map[string][]byte, partition int32) (p position, known bool, err error) {
	value, known := cursors[c.cursorKey(partition)]
	if !known {
		return p, false, nil
	}
	if err := json.Unmarshal(value, &p); err != nil {
		return p, true, fmt.Errorf("cursor of partition %d: %w", partition, err)
	}
	return p, true, nil
}

// after is the position behind a message.
func after(m *kgo.Record) position {
	return position{Next: m.Offset + 1, Last: m.Offset, Digest: digest(m)}
}

func (p position) encode() []byte {
	value, err := json.Marshal(p)
	if err != nil { // of numbers and a text
		panic(err)
	}
	return value
}

// digest tells a message from others: by its bytes and the time at which the hub took
// it.
func digest(m *kgo.Record) string {
	h := sha256.New()
	_ = binary.Write(h, binary.BigEndian, m.Timestamp.UnixMilli()) // a hash takes everything
	h.Write(m.Value)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// origin is that of the message at an offset.
func (c *Collector) origin(partition int32, offset int64) event.Origin {
	return event.Origin{
		Collector: c.cfg.Name,
		Object:    fmt.Sprintf("eventhub:%s/%s/%d/%d", c.host, c.cfg.Hub, partition, offset),
	}
}

// lost is the dead letter of messages that are gone, at the offset of the first.
func (c *Collector) lost(partition int32, offset int64, format string, args ...any) event.DeadLetter {
	sum := sha256.Sum256(nil)
	return event.DeadLetter{
		Source: c.cfg.Source, Stage: event.StageCollect, Reason: event.ReasonTruncated,
		Detail: fmt.Sprintf(format, args...), Origin: c.origin(partition, offset), SHA256: hex.EncodeToString(sum[:]),
	}
}
