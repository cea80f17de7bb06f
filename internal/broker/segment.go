package broker

import (
	"bufio"
	"encoding/binary"
	"errors"
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
	maxTimestamp    int64 // milliseconds
	producer        int64
	epoch           int16
	inTxn           bool // by the index: kfake takes it away when it compacts what is committed
}

const (
	batchHeaderSize = 61
	batchPrefixSize = 12 // first offset and length, which do not count into the length
)

func (b *batchHeader) isControl() bool       { return b.attributes&0x20 != 0 }
func (b *batchHeader) isTransactional() bool { return b.attributes&0x10 != 0 }

// segmentEnd is where to append to a segment.
type segmentEnd struct {
	dir   string
	base  int64
	size  int64 // of whole batches in bytes
	index []byte
}

// scanSegment visits the headers of the whole batches of a segment. What a kill
// left of a torn one at the end does not count. kfake writes the index entry after
// its batch: one that is missing is put there, else kfake would take the batch for
// one outside of any transaction, and show it although it is aborted.
func scanSegment(dir string, base int64, visit func(*batchHeader)) (segmentEnd, error) {
	end := segmentEnd{dir: dir, base: base}
	f, err := os.Open(end.path(".dat"))
	if err != nil {
		return end, err
	}
	defer f.Close()
	index, err := os.ReadFile(end.path(".idx"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return end, err
	}
	whole := true
	in := bufio.NewReaderSize(f, 1<<20)
	raw := make([]byte, 0, 1<<20)
	for {
		raw, err = readBatch(in, raw)
		if err != nil {
			return end, err
		}
		if raw == nil {
			break
		}
		b := parseBatchHeader(raw)
		entry := index[min(len(end.index), len(index)):min(len(end.index)+indexEntrySize, len(index))]
		if !validIndexEntry(entry) {
			entry, whole = indexEntry(b.maxTimestamp, b.isTransactional() && !b.isControl()), false
		}
		b.inTxn = entry[indexEntrySize-1]&1 != 0
		visit(b)
		end.size += int64(len(raw))
		end.index = append(end.index, entry...)
	}
	if !whole {
		return end, writeAt(end.path(".idx"), 0, end.index)
	}
	return end, nil
}

// readBatch reads the next whole batch into buf; nil at the end.
func readBatch(in io.Reader, buf []byte) ([]byte, error) {
	raw := slices.Grow(buf[:0], batchHeaderSize)[:batchPrefixSize]
	if _, err := io.ReadFull(in, raw); err != nil {
		return nil, ignoreEnd(err)
	}
	length := int(int32(binary.BigEndian.Uint32(raw[8:])))
	if length < batchHeaderSize-batchPrefixSize || length > 2*MaxMessageBytes {
		return nil, nil
	}
	raw = slices.Grow(raw, length)[:batchPrefixSize+length]
	if _, err := io.ReadFull(in, raw[batchPrefixSize:]); err != nil {
		return nil, ignoreEnd(err)
	}
	if binary.BigEndian.Uint32(raw[17:]) != crc32.Checksum(raw[21:], castagnoli) {
		return nil, nil
	}
	return raw, nil
}

func parseBatchHeader(raw []byte) *batchHeader {
	return &batchHeader{
		firstOffset:     int64(binary.BigEndian.Uint64(raw)),
		attributes:      int16(binary.BigEndian.Uint16(raw[21:])),
		lastOffsetDelta: int32(binary.BigEndian.Uint32(raw[23:])),
		maxTimestamp:    int64(binary.BigEndian.Uint64(raw[35:])),
		producer:        int64(binary.BigEndian.Uint64(raw[43:])),
		epoch:           int16(binary.BigEndian.Uint16(raw[51:])),
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

// append writes behind the whole batches: the index first, so that an index entry
// without its batch is the worst that a kill can leave.
func (s segmentEnd) append(data, index []byte) error {
	if err := writeAt(s.path(".idx"), int64(len(s.index)), index); err != nil {
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
// timestamp, and whether it is in a transaction.
func indexEntry(timestamp int64, inTxn bool) []byte {
	e := make([]byte, indexEntrySize)
	e[0] = kfakeFormat
	binary.LittleEndian.PutUint64(e[6:], uint64(timestamp))
	if inTxn {
		e[indexEntrySize-1] = 1
	}
	e[1] = byte(crc32.Checksum(e[2:], castagnoli))
	return e
}

func validIndexEntry(e []byte) bool {
	return len(e) == indexEntrySize && e[0] == kfakeFormat && e[1] == byte(crc32.Checksum(e[2:], castagnoli))
}
