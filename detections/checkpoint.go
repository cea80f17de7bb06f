package detections

import (
	"encoding/json"
	"fmt"
)

// Checkpoint is what a Correlator's successor needs besides the log: where to
// begin, and the watermark there. It is committed, as metadata, with the offset
// of the signals partition. The zero Checkpoint is that of a new partition.
type Checkpoint struct {
	// From is where reading begins: the last heartbeats of all raw partitions at
	// Needed are there or later.
	From int64 `json:"from"`
	// Needed is the least offset that any retained window or open bucket needs.
	Needed int64 `json:"needed"`
	// Watermark is the watermark at Needed, in milliseconds.
	Watermark int64 `json:"watermark"`
}

// checkpointVersion is the version of the metadata's encoding.
const checkpointVersion = 1

type checkpointText struct {
	V int `json:"v"`
	Checkpoint
}

// String is the commit metadata, below 100 bytes.
func (c Checkpoint) String() string {
	text, err := json.Marshal(checkpointText{checkpointVersion, c})
	if err != nil {
		panic(fmt.Sprintf("encode checkpoint: %v", err)) // integers only
	}
	return string(text)
}

// ParseCheckpoint reads commit metadata; empty metadata is the zero Checkpoint.
func ParseCheckpoint(metadata string) (Checkpoint, error) {
	if metadata == "" {
		return Checkpoint{}, nil
	}
	var t checkpointText
	if err := json.Unmarshal([]byte(metadata), &t); err != nil {
		return Checkpoint{}, fmt.Errorf("parse checkpoint %q: %w", metadata, err)
	}
	if t.V != checkpointVersion {
		return Checkpoint{}, fmt.Errorf("parse checkpoint: version %d, this program reads %d", t.V, checkpointVersion)
	}
	return t.Checkpoint, nil
}
