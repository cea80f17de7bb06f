package lake

import (
	"fmt"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/ocsfarrow"
)

// encoder turns rows into files. It owns scratch space and is used by one
// goroutine at a time.
type encoder struct {
	doc      jsondoc.Doc // of heads
	decoder  ocsf.Decoder
	event    ocsf.Event
	builders map[ocsf.ClassUID]*ocsfarrow.Builder
	large    ocsf.ClassUID // of the one builder that may be large
	kept     int64         // JSON of a file above which its builder is not kept
}

// newEncoder makes one of several workers.
func newEncoder(workers int) *encoder {
	return &encoder{
		doc:      jsondoc.Doc{Wrapped: jsondoc.MaxWrapped},
		builders: map[ocsf.ClassUID]*ocsfarrow.Builder{},
		kept:     keptBuilders / int64(workers),
	}
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
	if p.bytes > e.kept/16 && e.large != p.class {
		delete(e.builders, e.large)
		e.large = p.class
	}
	builder, err := e.builder(p.class)
	if err != nil {
		return nil, err
	}
	file, err := newParquetFile(builder, len(p.rows))
	if err != nil {
		return nil, err
	}
	for _, r := range p.rows {
		value := rows[r.index].Value
		if err := e.decode(p.class, value); err != nil {
			to.rejected = append(to.rejected, Rejected{Index: r.index, Err: err})
			continue
		}
		if err := file.append(&e.event, len(value)); err != nil {
			return nil, err
		}
		to.Rows++
	}
	if p.bytes > e.kept {
		delete(e.builders, p.class)
	}
	if to.Rows == 0 {
		return nil, nil
	}
	return file.finish()
}

// keptBuilders is the JSON of files whose builders all workers together keep for
// the next: a builder needs twice as much. Each worker keeps one large builder, for
// files of a class come one after the other, and small ones of each class.
const keptBuilders = 32 << 20

// builder gives the builder of a class, whose memory is reused.
func (e *encoder) builder(class ocsf.ClassUID) (*ocsfarrow.Builder, error) {
	if b := e.builders[class]; b != nil {
		return b, nil
	}
	b, err := ocsfarrow.NewBuilder(class)
	if err != nil {
		return nil, err
	}
	e.builders[class] = b
	return b, nil
}

// decode reads an event of the class into e.event, valid until the next call.
func (e *encoder) decode(class ocsf.ClassUID, value []byte) error {
	if err := e.decoder.Decode(&e.event, value); err != nil {
		return err
	}
	// The columns of a class hold nothing else: what they would leave out must not
	// be lost in silence.
	known := class.Descriptor()
	for name := range e.decoder.Attributes {
		if known.Attribute(name) == nil {
			return fmt.Errorf("%s is no attribute of the class %s", name, class)
		}
	}
	return nil
}
