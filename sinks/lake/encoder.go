package lake

import (
	"fmt"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// encoder turns rows into files. It owns scratch space and is used by one
// goroutine at a time.
type encoder struct {
	doc     jsondoc.Doc // of heads
	decoder ocsf.Decoder
	event   ocsf.Event
	columns *columnsPool // of all workers
	kept    int          // bytes of decoded text that stay for the next event
}

// newEncoder makes one of several workers, who share columns.
func newEncoder(workers int, columns *columnsPool) *encoder {
	return &encoder{doc: jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}, columns: columns, kept: keptText / workers}
}

// head reads of an event what places it.
func (e *encoder) head(table Table, value []byte) (ocsf.ClassUID, int64, error) {
	if uid, millis, ok := scanHead(value); ok {
		class := ocsf.ClassUID(uid)
		if int64(class) == uid && class.Descriptor() != nil && (table == Events || class == ocsf.ClassDetectionFinding) {
			return class, millis, nil
		}
	}
	return e.parseHead(table, value)
}

// parseHead is head for any text, and says what is wrong with it.
func (e *encoder) parseHead(table Table, value []byte) (ocsf.ClassUID, int64, error) {
	if err := e.doc.Parse(value); err != nil {
		return 0, 0, err
	}
	uid, ok := e.doc.Root().Get("class_uid").Int()
	class := ocsf.ClassUID(uid)
	if !ok || int64(class) != uid || class.Descriptor() == nil {
		return 0, 0, fmt.Errorf("class_uid %s is no class of the selection", e.doc.Root().Get("class_uid").Raw())
	}
	if table == Findings && class != ocsf.ClassDetectionFinding {
		return 0, 0, fmt.Errorf("class %s in the table of findings", class)
	}
	millis, ok := e.doc.Root().Get("time").Int()
	if !ok {
		return 0, 0, fmt.Errorf("time %s is no number of milliseconds", e.doc.Root().Get("time").Raw())
	}
	return class, millis, nil
}

// encode makes the file of a partition. It sets the number of rows in it, and
// those that could not be in it.
func (e *encoder) encode(p *partitionRows, rows []Row, to *written) ([]byte, error) {
	columns, err := e.columns.get(p.class)
	if err != nil {
		return nil, err
	}
	defer e.columns.put(p.class, columns)
	file, err := newParquetFile(p.class, columns, len(p.rows))
	if err != nil {
		return nil, err
	}
	for _, r := range p.rows {
		value := rows[r.index].Value
		if file.full(len(value)) {
			if err := file.flush(); err != nil {
				return nil, err
			}
		}
		if err := e.decode(p.class, value); err != nil {
			to.rejected = append(to.rejected, Rejected{Index: r.index, Err: err})
			continue
		}
		file.append(&e.event, len(value))
		to.Rows++
	}
	if to.Rows == 0 {
		return nil, nil
	}
	return file.finish()
}

// keptText is how much memory for decoded text all workers together keep.
const keptText = 8 << 20

// decode reads an event of the class into e.event, valid until the next call.
func (e *encoder) decode(class ocsf.ClassUID, value []byte) error {
	e.decoder.Reset(e.kept) // of the event before, whose text is in the columns
	if err := e.decoder.DecodeAliased(&e.event, value); err != nil {
		return err
	}
	return fits(class, &e.event)
}

// fits says what of an event no file of its class has a column for: it must not be lost
// in silence.
func fits(class ocsf.ClassUID, ev *ocsf.Event) error {
	if name, ok := class.Foreign(ev); ok {
		return fmt.Errorf("%s is no attribute of the class %s", name, class)
	}
	return nil
}
