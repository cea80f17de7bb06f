package envelope

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"

	"github.com/weir-security/weir/schemas/event"
)

// Kind says what a stream consists of.
type Kind uint8

// The kinds of streams.
const (
	// JSON values: NDJSON, printed values, arrays, envelopes.
	JSON Kind = iota
	// Lines of text, each a record without its line end.
	Lines
	// Detect decides by the beginning of the stream: JSON where it opens an object
	// or an array of objects, else Lines. It is for streams whose source is not
	// known yet.
	Detect
)

// Format is what the splitter knows of a source.
type Format struct {
	Kind Kind
	// EnvelopeKeys are the names of top-level members whose array holds the
	// records: "Records" for CloudTrail, "records" for Azure, "items" for Kubernetes.
	EnvelopeKeys []string
	// Transports are the services whose documents may hold the records, beside the
	// envelopes of the source itself. A stream of Lines that begins with such a
	// document is read as JSON.
	Transports Transport
	// Comment is how lines begin that tell about the others and are no records: "#"
	// in the files of CloudFront. They are skipped. Empty for none.
	Comment string
	// Header is how a file begins whose first line names the fields of the others.
	Header Header
}

// DefaultRecordLimit is a quarter of the 16 MiB that weir's topics take: what a
// record becomes (its event, with raw_data and attributes) must fit too.
const DefaultRecordLimit = 4 << 20

// keptHead is how much of a record above the limit is kept.
const keptHead = 64 << 10

// Limits bound what the splitter holds in memory.
type Limits struct {
	// Record is the greatest length of a record in bytes; 0 is DefaultRecordLimit.
	Record int
}

// Position is where to go on with a stream: read it again from Start, which is a
// fresh start between two top-level values, and leave out the pieces before Next.
// They differ inside an array or envelope. Both are offsets in the decompressed
// stream.
type Position struct {
	Start int64 `json:"start"`
	Next  int64 `json:"next"`
	// Form is what the beginning of the stream told it to consist of, where that was
	// the question.
	Form Form `json:"form,omitempty"`
}

// Form is what a stream was found to consist of.
type Form uint8

// The forms of streams.
const (
	Unknown Form = iota
	OfJSON
	OfLines
)

// Options are the parameters of a Splitter. The zero value reads JSON without
// envelope keys from the beginning to the end.
type Options struct {
	Format Format
	Limits Limits
	// From is where the reader stands (From.Start) and which pieces an earlier
	// reading has had (those before From.Next).
	From Position
	// Growing streams may get longer: at io.EOF what is incomplete waits, and Next
	// may be called again. Finish ends the wait.
	Growing bool

	nested bool // the stream came out of base64
}

// Piece is a record, or with a Reason a part of the stream that is none.
type Piece struct {
	// Offset is where the piece starts in the decompressed stream.
	Offset int64
	// Value is the piece's original bytes; above the limit their first 64 KiB. Of a
	// piece that a transport brought it is the record itself. It is valid until the
	// next call of Next and must not be changed.
	Value []byte
	// Decoded tells that Value is not what stands at Offset: a transport brought it
	// as a text.
	Decoded bool
	// Envelope is what the document of a transport says of the record, as a JSON
	// object; empty if there is none. {"cloudwatch":{"owner":..,"logGroup":..,..}}
	Envelope string
	// Size is the length of the whole piece in bytes.
	Size int64
	// Reason is empty for a record.
	Reason event.Reason
	// Detail is for a person: what is wrong and what to do.
	Detail string
	// SHA256 is the hex digest of a whole piece whose Value is only its beginning,
	// else empty.
	SHA256 string
}

// In is the piece's value for longer than the next call of Next: its place in
// stream, which was read from its beginning and is whole in memory, or a copy of
// what is not there.
func (p *Piece) In(stream []byte) []byte {
	if p.Decoded {
		return bytes.Clone(p.Value)
	}
	end := p.Offset + int64(len(p.Value))
	return stream[p.Offset:end:end]
}

// DeadLetter is the rejected piece as a dead letter of stage collect. It refers to
// the piece's Value, which the caller copies if it keeps the dead letter.
func (p *Piece) DeadLetter(source string, origin event.Origin) event.DeadLetter {
	origin.Position = p.Offset
	digest := p.SHA256
	if digest == "" {
		sum := sha256.Sum256(p.Value)
		digest = hex.EncodeToString(sum[:])
	}
	return event.DeadLetter{
		Source: source,
		Stage:  event.StageCollect,
		Reason: p.Reason,
		Detail: p.Detail,
		Origin: origin,
		Value:  p.Value,
		Size:   p.Size,
		SHA256: digest,
	}
}
