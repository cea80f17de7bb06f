package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// decision is a transaction that the embedded broker was told to commit: enough
// to finish the commit if the process dies in the middle of it.
type decision struct {
	ProducerID int64           `json:"pid"`
	Epoch      int16           `json:"epoch"` // with the id, unique to the transaction
	Offsets    []decidedOffset `json:"offsets,omitempty"`
}

// decidedOffset is an offset that the transaction commits for a group.
type decidedOffset struct {
	Group       string  `json:"group"`
	Topic       string  `json:"topic"`
	Partition   int32   `json:"partition"`
	Offset      int64   `json:"offset"`
	LeaderEpoch int32   `json:"leader_epoch"`
	Metadata    *string `json:"metadata,omitempty"`
}

// decisions is the log of decisions: one JSON object a line, synced before the
// broker begins to write the markers of the commit. kfake writes the markers of a
// transaction one partition after the other, then the offsets, and keeps no record
// of its own that they belong together; a kill in between would leave half of it.
type decisions struct {
	path string
	file *os.File
	size int64
	// broken is set when it is not known what the file holds: then nothing may be
	// decided any more, since a decision behind a torn one is not read.
	broken error

	mu      sync.Mutex
	pending map[int64]decision // by producer: offsets sent for the open transaction
	latest  map[int64]decision // by producer: its last decision
}

// maxDecisions is the size in bytes at which the log is written anew, with only
// the last decision of each producer.
const maxDecisions = 4 << 20

func openDecisions(path string) (*decisions, error) {
	d := &decisions{path: path, pending: map[int64]decision{}, latest: map[int64]decision{}}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read decisions of the embedded broker: %w", err)
	}
	for line := range bytes.Lines(data) {
		var one decision
		if json.Unmarshal(line, &one) != nil {
			break // torn by a kill: it was not decided
		}
		d.latest[one.ProducerID] = one
	}
	return d, nil
}

// begin starts an empty log: what the old one said is done by now.
func (d *decisions) begin() error {
	clear(d.latest)
	return d.rewrite()
}

// rewrite replaces the log by the last decisions.
func (d *decisions) rewrite() error {
	var text []byte
	for _, one := range d.latest {
		line, err := json.Marshal(one)
		if err != nil {
			return fmt.Errorf("encode decision: %w", err)
		}
		text = append(append(text, line...), '\n')
	}
	if err := replaceFile(d.path, text); err != nil {
		return fmt.Errorf("write decisions of the embedded broker: %w", err)
	}
	f, err := os.OpenFile(d.path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open decisions of the embedded broker: %w", err)
	}
	if d.file != nil {
		d.file.Close()
	}
	d.file, d.size = f, int64(len(text))
	return nil
}

// offsets notes what an open transaction wants to commit for a group.
func (d *decisions) offsets(req *kmsg.TxnOffsetCommitRequest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.pending[req.ProducerID]
	if p.Epoch != req.ProducerEpoch {
		p = decision{}
	}
	p.ProducerID, p.Epoch = req.ProducerID, req.ProducerEpoch
	for _, t := range req.Topics {
		for _, o := range t.Partitions {
			p.Offsets = append(p.Offsets, decidedOffset{
				Group: req.Group, Topic: t.Topic, Partition: o.Partition,
				Offset: o.Offset, LeaderEpoch: o.LeaderEpoch, Metadata: o.Metadata,
			})
		}
	}
	d.pending[req.ProducerID] = p
}

// end makes the decision to commit durable, before the broker acts on it.
func (d *decisions) end(req *kmsg.EndTxnRequest) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	one := d.pending[req.ProducerID]
	delete(d.pending, req.ProducerID)
	if !req.Commit {
		return nil
	}
	if one.Epoch != req.ProducerEpoch {
		one.Offsets = nil
	}
	one.ProducerID, one.Epoch = req.ProducerID, req.ProducerEpoch
	if d.broken == nil {
		d.broken = d.append(one)
	}
	return d.broken
}

func (d *decisions) append(one decision) error {
	if d.size > maxDecisions {
		d.latest[one.ProducerID] = one
		return d.rewrite()
	}
	line, err := json.Marshal(one)
	if err != nil {
		return fmt.Errorf("encode decision: %w", err)
	}
	if _, err := d.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write decision of the embedded broker: %w", err)
	}
	d.size += int64(len(line)) + 1
	if err := d.file.Sync(); err != nil {
		return fmt.Errorf("sync decision of the embedded broker: %w", err)
	}
	d.latest[one.ProducerID] = one
	return nil
}

func (d *decisions) close() error {
	if d.file == nil { // the start failed
		return nil
	}
	return d.file.Close()
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, data []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
