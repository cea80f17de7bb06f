package broker

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// recovery ends, after a kill, the transactions that the embedded broker had open:
// with commit markers where the commit was decided, else with abort markers. It
// works on kfake's files before kfake reads them. Left alone, kfake would take
// every transaction without a marker for aborted (also the half of one whose
// other half has its marker) and write no marker for that, so that a consumer goes
// on to skip what the same producer commits next.
//
// The form of the files is that of the kfake in go.mod (persist.go there, format
// version 1): segments of record batches as Kafka sends them, beside each an index
// of 15 bytes for each batch, and groups.log of framed JSON. TestRecovery* hold
// this against the real kfake, and fail if an update of it changes the form.
type recovery struct {
	dir       string // kfake's data directory
	decisions *decisions
}

// kfakeFormat is the format version that is written into entries.
const kfakeFormat = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (r recovery) run() error {
	partitions := filepath.Join(r.dir, "partitions")
	entries, err := os.ReadDir(partitions)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a new broker
	}
	if err != nil {
		return fmt.Errorf("recover embedded broker: %w", err)
	}
	for _, e := range entries {
		if err := r.partition(filepath.Join(partitions, e.Name())); err != nil {
			return fmt.Errorf("recover partition %s of the embedded broker: %w", e.Name(), err)
		}
	}
	if err := r.groups(); err != nil {
		return fmt.Errorf("recover groups of the embedded broker: %w", err)
	}
	return nil
}

// openTxn is a transaction that a partition has records of, but no marker.
type openTxn struct {
	producer int64
	epoch    int16
}

// partition appends the missing markers to the log of one partition.
func (r recovery) partition(dir string) error {
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
			case b.isTransactional():
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
		marker, now := txnMarker(next, txn, r.decisions.committed(txn.producer, txn.epoch))
		data = append(data, marker...)
		index = append(index, indexEntry(now)...)
		next++
	}
	return last.append(data, index)
}

// segmentBases lists the base offsets of a partition's segments in order.
func segmentBases(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var bases []int64
	for _, e := range entries {
		name, isData := strings.CutSuffix(e.Name(), ".dat")
		if base, err := strconv.ParseInt(name, 10, 64); isData && err == nil {
			bases = append(bases, base)
		}
	}
	slices.Sort(bases)
	return bases, nil
}

// batchHeader is the beginning of a record batch of Kafka's message format 2.
type batchHeader struct {
	firstOffset     int64
	attributes      int16
	lastOffsetDelta int32
	producer        int64
	epoch           int16
}

const (
	batchHeaderSize = 61
	batchPrefixSize = 12 // first offset and length, which do not count into the length
)

func (b *batchHeader) isControl() bool       { return b.attributes&0x20 != 0 }
func (b *batchHeader) isTransactional() bool { return b.attributes&0x10 != 0 }

// segmentEnd is where to append to a segment.
type segmentEnd struct {
	dir     string
	base    int64
	size    int64 // of whole batches in bytes
	batches int64
}

// scanSegment visits the headers of the whole batches of a segment. What a kill
// left of a torn one at the end does not count.
func scanSegment(dir string, base int64, visit func(*batchHeader)) (segmentEnd, error) {
	end := segmentEnd{dir: dir, base: base}
	f, err := os.Open(end.path(".dat"))
	if err != nil {
		return end, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	raw := make([]byte, 0, 1<<20)
	for {
		raw = slices.Grow(raw[:0], batchPrefixSize)[:batchPrefixSize]
		if _, err := io.ReadFull(in, raw); err != nil {
			return end, ignoreEnd(err)
		}
		length := int(int32(binary.BigEndian.Uint32(raw[8:])))
		if length < batchHeaderSize-batchPrefixSize || length > 2*MaxMessageBytes {
			return end, nil
		}
		raw = slices.Grow(raw, length)[:batchPrefixSize+length]
		if _, err := io.ReadFull(in, raw[batchPrefixSize:]); err != nil {
			return end, ignoreEnd(err)
		}
		if binary.BigEndian.Uint32(raw[17:]) != crc32.Checksum(raw[21:], castagnoli) {
			return end, nil
		}
		visit(&batchHeader{
			firstOffset:     int64(binary.BigEndian.Uint64(raw)),
			attributes:      int16(binary.BigEndian.Uint16(raw[21:])),
			lastOffsetDelta: int32(binary.BigEndian.Uint32(raw[23:])),
			producer:        int64(binary.BigEndian.Uint64(raw[43:])),
			epoch:           int16(binary.BigEndian.Uint16(raw[51:])),
		})
		end.size += int64(len(raw))
		end.batches++
	}
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

func (s segmentEnd) path(ext string) string {
	return filepath.Join(s.dir, strconv.FormatInt(s.base, 10)+ext)
}

// append writes behind the whole batches: the index first, as kfake does, so that
// an index entry without its batch is the worst that a kill can leave.
func (s segmentEnd) append(data, index []byte) error {
	if err := writeAt(s.path(".idx"), s.batches*indexEntrySize, index); err != nil {
		return err
	}
	return writeAt(s.path(".dat"), s.size, data)
}

func writeAt(path string, size int64, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	if err == nil {
		_, err = f.WriteAt(data, size)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// txnMarker is the control batch that ends a transaction.
func txnMarker(offset int64, txn openTxn, commit bool) (batch []byte, timestamp int64) {
	key := kmsg.ControlRecordKey{Type: kmsg.ControlRecordKeyTypeAbort}
	if commit {
		key.Type = kmsg.ControlRecordKeyTypeCommit
	}
	marker := kmsg.EndTxnMarker{}
	record := kmsg.Record{Key: key.AppendTo(nil), Value: marker.AppendTo(nil)}
	record.Length = int32(len(record.AppendTo(nil)) - 1) // the length itself is one byte of it
	timestamp = time.Now().UnixMilli()
	b := kmsg.RecordBatch{
		FirstOffset: offset, PartitionLeaderEpoch: -1, Magic: 2, Attributes: 0x30,
		FirstTimestamp: timestamp, MaxTimestamp: timestamp,
		ProducerID: txn.producer, ProducerEpoch: txn.epoch, FirstSequence: -1,
		NumRecords: 1, Records: record.AppendTo(nil),
	}
	raw := b.AppendTo(nil)
	b.Length = int32(len(raw) - batchPrefixSize)
	b.CRC = int32(crc32.Checksum(raw[21:], castagnoli))
	return b.AppendTo(nil), timestamp
}

const indexEntrySize = 15

// indexEntry is kfake's index entry of a batch: format, checksum, leader epoch 0,
// timestamp, and no flag: a marker is not itself in a transaction.
func indexEntry(timestamp int64) []byte {
	e := make([]byte, indexEntrySize)
	e[0] = kfakeFormat
	binary.LittleEndian.PutUint64(e[6:], uint64(timestamp))
	e[1] = byte(crc32.Checksum(e[2:], castagnoli))
	return e
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
func (r recovery) groups() error {
	path := filepath.Join(r.dir, "groups.log")
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	type key struct {
		group, topic string
		partition    int32
	}
	committed := map[key]int64{}
	whole := eachFrame(raw, func(data []byte) {
		var e groupEntry
		if json.Unmarshal(data, &e) == nil && e.Type == "commit" {
			committed[key{e.Group, e.Topic, e.Partition}] = e.Offset
		}
	})
	var missing []byte
	now := time.Now().UnixMilli()
	for _, one := range r.decisions.latest {
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
	if len(missing) == 0 {
		return nil
	}
	return writeAt(path, int64(whole), missing)
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
