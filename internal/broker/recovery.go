package broker

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// recovery ends, after a kill, the transactions that the embedded broker had open:
// with commit markers where the commit was decided, else with abort markers. It
// works on kfake's files before kfake reads them. Left alone, kfake would take
// every transaction without a marker for aborted (also the half of one whose
// other half has its marker) and write no marker for that, so that a consumer goes
// on to skip what the same producer commits next. It would also append to logs
// behind what the kill tore, where it does not find it again.
//
// The form of the files is that of the kfake in go.mod (persist.go there, format
// version 1): segments of record batches as Kafka sends them, beside each an index
// of 15 bytes for each batch, and groups.log and pids.log of framed JSON.
// TestRecovery* hold this against the real kfake, and fail if an update of it
// changes the form.
//
// A second kill in the middle of it does no harm: what is left to do is found
// again, until the producers' epochs are raised, which comes last.
type recovery struct {
	dir       string // kfake's data directory
	decisions *decisions
	producers map[int64]producerState
	open      map[int64]int16 // the epochs of the producers whose transactions are ended here
}

// kfakeFormat is the format version that is written into entries.
const kfakeFormat = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (r *recovery) run() error {
	partitions := filepath.Join(r.dir, "partitions")
	entries, err := os.ReadDir(partitions)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a new broker
	}
	if err != nil {
		return fmt.Errorf("recover embedded broker: %w", err)
	}
	r.open = map[int64]int16{}
	if err := r.readProducers(); err != nil {
		return fmt.Errorf("recover producers of the embedded broker: %w", err)
	}
	for _, e := range entries {
		if err := r.partition(filepath.Join(partitions, e.Name())); err != nil {
			return fmt.Errorf("recover partition %s of the embedded broker: %w", e.Name(), err)
		}
	}
	if err := r.groups(); err != nil {
		return fmt.Errorf("recover groups of the embedded broker: %w", err)
	}
	if err := r.fence(); err != nil {
		return fmt.Errorf("recover producers of the embedded broker: %w", err)
	}
	return nil
}

// openTxn is a transaction that a partition has records of, but no marker.
type openTxn struct {
	producer int64
	epoch    int16
}

// partition appends the missing markers to the log of one partition.
func (r *recovery) partition(dir string) error {
	segments, err := segmentBases(dir)
	if err != nil || len(segments) == 0 {
		return err
	}
	open := map[int64]openTxn{}
	var next int64 // offset
	var last segmentEnd
	for _, base := range segments {
		if last, err = scanSegment(dir, base, func(b *batchHeader) {
			next = b.firstOffset + int64(b.lastOffsetDelta) + 1
			switch {
			case b.isControl():
				delete(open, b.producer)
			case b.inTxn:
				open[b.producer] = openTxn{b.producer, b.epoch}
			}
		}); err != nil {
			return err
		}
	}
	if len(open) == 0 {
		return nil
	}
	var data, index []byte
	for _, txn := range open {
		r.open[txn.producer] = max(r.open[txn.producer], txn.epoch)
		marker, now := txnMarker(next, txn, r.decided(txn.producer, txn.epoch))
		data = append(data, marker...)
		index = append(index, indexEntry(now, false)...) // a marker is not itself in a transaction
		next++
	}
	return last.append(data, index)
}

// producerState is what pids.log says last of a producer.
type producerState struct {
	epoch int16
	ended bool // the transaction of that epoch has all its markers and offsets
}

// producerEntry is what recovery needs of an entry of pids.log. kfake writes one
// whenever it has ended a transaction, and whenever it raises an epoch.
type producerEntry struct {
	Type   string `json:"type"`
	PID    int64  `json:"pid"`
	Epoch  int16  `json:"epoch"`
	Commit *bool  `json:"commit,omitempty"`
}

func (r *recovery) producersLog() string { return filepath.Join(r.dir, "pids.log") }

func (r *recovery) readProducers() error {
	r.producers = map[int64]producerState{}
	return repairLog(r.producersLog(), func(data []byte) {
		var e producerEntry
		if json.Unmarshal(data, &e) == nil {
			r.producers[e.PID] = producerState{epoch: e.Epoch, ended: e.Type == "endtx"}
		}
	})
}

// decided says whether the transaction of that epoch was to be committed, and the
// kill came before that was done. A decision of an earlier epoch is history: kfake
// has either done it, or refused it, because the transaction had timed out.
func (r *recovery) decided(producer int64, epoch int16) bool {
	one, ok := r.decisions.latest[producer]
	now, known := r.producers[producer]
	return ok && one.Epoch == epoch && known && now.epoch == epoch && !now.ended
}

// fence raises the epochs of the producers whose transactions were ended here: a
// client that outlived the broker must not go on in the middle of one. One whose
// commit was decided is told so when it asks again.
func (r *recovery) fence() error {
	for id, one := range r.decisions.latest {
		if r.decided(id, one.Epoch) { // it may have had offsets only
			r.open[id] = one.Epoch
		}
	}
	var entries []byte
	for id, epoch := range r.open {
		if r.producers[id].epoch > epoch {
			continue
		}
		commit := r.decided(id, epoch)
		data, err := json.Marshal(producerEntry{Type: "endtx", PID: id, Epoch: epoch + 1, Commit: &commit})
		if err != nil {
			return err
		}
		entries = appendFrame(entries, data)
	}
	return appendLog(r.producersLog(), entries)
}

// groupEntry is what recovery needs of an entry of groups.log.
type groupEntry struct {
	Type       string  `json:"type"`
	Group      string  `json:"g"`
	Topic      string  `json:"t,omitempty"`
	Partition  int32   `json:"p,omitempty"`
	Offset     int64   `json:"o,omitempty"`
	Epoch      int32   `json:"e,omitempty"`
	Metadata   *string `json:"m,omitempty"`
	LastCommit *int64  `json:"lc,omitempty"`
}

// groups commits the offsets of decided transactions that are not there yet.
func (r *recovery) groups() error {
	path := filepath.Join(r.dir, "groups.log")
	type key struct {
		group, topic string
		partition    int32
	}
	committed := map[key]int64{}
	err := repairLog(path, func(data []byte) {
		var e groupEntry
		if json.Unmarshal(data, &e) == nil && e.Type == "commit" {
			committed[key{e.Group, e.Topic, e.Partition}] = e.Offset
		}
	})
	if err != nil {
		return err
	}
	var missing []byte
	now := time.Now().UnixMilli()
	for id, one := range r.decisions.latest {
		if !r.decided(id, one.Epoch) {
			continue
		}
		for _, o := range one.Offsets {
			if at, ok := committed[key{o.Group, o.Topic, o.Partition}]; ok && at >= o.Offset {
				continue
			}
			data, err := json.Marshal(groupEntry{Type: "commit", Group: o.Group, Topic: o.Topic, Partition: o.Partition,
				Offset: o.Offset, Epoch: o.LeaderEpoch, Metadata: o.Metadata, LastCommit: &now})
			if err != nil {
				return err
			}
			missing = appendFrame(missing, data)
		}
	}
	return appendLog(path, missing)
}

// frameHeaderSize is length, checksum and format of an entry of a log of kfake.
const frameHeaderSize = 4 + 4 + 2

// eachFrame visits the whole entries of a log and returns their size.
func eachFrame(raw []byte, visit func(data []byte)) (size int) {
	for size+frameHeaderSize <= len(raw) {
		length := int(binary.LittleEndian.Uint32(raw[size:]))
		end := size + 8 + length
		if length < 2 || end > len(raw) || crc32.Checksum(raw[size+8:end], castagnoli) != binary.LittleEndian.Uint32(raw[size+4:]) {
			break
		}
		visit(raw[size+frameHeaderSize : end])
		size = end
	}
	return size
}

func appendFrame(dst, data []byte) []byte {
	content := append(binary.LittleEndian.AppendUint16(nil, kfakeFormat), data...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(content)))
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(content, castagnoli))
	return append(dst, content...)
}

// repairLog visits the whole entries of a log and cuts off what a kill left of a
// torn one: kfake would append behind that, and not read on behind it again.
func repairLog(path string, visit func(data []byte)) error {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if whole := eachFrame(raw, visit); whole < len(raw) {
		return writeAt(path, int64(whole), nil)
	}
	return nil
}

// appendLog appends whole entries to a repaired log.
func appendLog(path string, entries []byte) error {
	if len(entries) == 0 {
		return nil
	}
	var size int64
	info, err := os.Stat(path)
	switch {
	case err == nil:
		size = info.Size()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return writeAt(path, size, entries)
}
