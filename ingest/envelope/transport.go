package envelope

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
)

// Transport is a set of services that put whole records of any source, as texts,
// into documents of their own.
type Transport uint8

const (
	// CloudWatch is a subscription of CloudWatch Logs:
	//
	//	{"messageType": "DATA_MESSAGE", "owner": .., "logGroup": .., "logStream": .., "subscriptionFilters": [..],
	//	 "logEvents": [{"id": .., "timestamp": .., "message": "<the record>"}, ..]}
	//
	// also gzipped and in base64, as Lambda gets it: {"awslogs": {"data": ".."}}. A
	// CONTROL_MESSAGE, which only tries the destination, holds no record.
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
	CloudWatch Transport = 1 << iota
	// Firehose is what Data Firehose and Kinesis hand over: {"records": [{"data": ".."}]}
	// to an HTTP endpoint or a transformation, {"Records": [{"kinesis": {"data": ".."}}]}
	// to Lambda. The data is base64 of anything that a stream could be, gzipped or not.
	// https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
	Firehose
	// FlowTuples is no service: each record of Azure's flow logs holds many flows, and
	// becomes one record a flow (expandTuples).
	FlowTuples
)

// Transports are all that may bring records of any source.
const Transports = CloudWatch | Firehose

// Names are the transports of the set, as words.
func (t Transport) Names() []string {
	var names []string
	for i, name := range [...]string{"cloudwatch", "firehose", "flow_tuples"} {
		if t&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// The limits of what a document may hold in base64.
const (
	// maxInflated is how many bytes may come out of one text of base64. CloudWatch
	// Logs makes documents of up to 1 MiB compressed.
	maxInflated = 256 << 20
	// maxContext is how many bytes Piece.Envelope may have. The names that it holds
	// have at most 512 characters each.
	maxContext = 2 << 10
)

// carriage unwraps what transports bring. It lies in a Splitter.
type carriage struct {
	on     Transport
	nested bool   // the stream came out of base64: no more of that
	key    string // of the envelope that the splitter is in
	doc    jsondoc.Doc

	control bool   // the document only tries the destination
	context []byte // beginning of Piece.Envelope for records of the document
	text    []byte // the record, decoded

	data  []byte    // decoded base64
	inner *Splitter // of data; its memory is kept
	open  bool      // inner has more
	plain *Decompressor
	left  inflated
	from  Piece    // that holds data
	count int64    // of inner pieces
	top   int64    // where to begin again while inner has more
	after Position // of the splitter behind the piece that holds data
}

// envelopeKeys are the member names whose arrays are unwrapped.
func (c *carriage) envelopeKeys(dst, own []string) []string {
	dst = append(dst[:0], own...)
	if c.on&CloudWatch != 0 {
		dst = append(dst, "logEvents")
	}
	if c.on&Firehose != 0 && !c.nested {
		dst = append(dst, "records", "Records")
	}
	return dst
}

// enter notes which envelope was opened. head is the document up to its array,
// nil if it was too long to be kept.
func (c *carriage) enter(key string, head []byte) {
	if c.on == 0 {
		return
	}
	c.key, c.control, c.context = key, false, c.context[:0]
	if c.key != "logEvents" || head == nil {
		return
	}
	whole := append(bytes.Clone(head), ']', '}')
	if c.doc.Parse(whole) != nil {
		return
	}
	root := c.doc.Root()
	kind, _ := root.Get("messageType").Str()
	c.control = kind == "CONTROL_MESSAGE"
	c.context = append(c.context, `{"cloudwatch":{`...)
	for _, name := range [...]string{"owner", "logGroup", "logStream"} {
		c.context = appendMember(c.context, name, root.Get(name))
	}
}

// appendMember appends a scalar that says something.
func appendMember(dst []byte, name string, v jsondoc.Value) []byte {
	if v.Text() == "" {
		return dst
	}
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(strconv.AppendQuote(dst, name), ':')
	return append(dst, v.Raw()...)
}

// outcome of unwrapping a piece.
type outcome uint8

const (
	isRecord outcome = iota // the piece, perhaps another one than before
	isNothing
	isOpen // its pieces follow
)

// unwrap looks into a complete value of the stream.
func (s *Splitter) unwrap(p Piece) (Piece, outcome) {
	c := &s.carried
	switch {
	case p.Reason != "" || len(p.Value) == 0 || p.Value[0] != '{':
	case s.envelope && c.key == "logEvents":
		return c.message(p)
	case c.nested:
	case s.envelope && (c.key == "records" || c.key == "Records") && c.on&Firehose != 0 && holdsData(p.Value):
		text, ok := c.firehose(p.Value)
		return s.expand(p, text, ok)
	case c.on&CloudWatch != 0 && string(firstKey(p.Value)) == "awslogs":
		text, ok := c.lambda(p.Value)
		return s.expand(p, text, ok)
	case c.on&FlowTuples != 0 && holdsTuples(p.Value):
		return s.expandTuples(p)
	}
	return p, isRecord
}

// message takes the record out of an element of logEvents.
func (c *carriage) message(p Piece) (Piece, outcome) {
	if c.control {
		return p, isNothing
	}
	if err := c.doc.Parse(p.Value); err != nil {
		p.Reason, p.Detail = event.ReasonSyntax, "an element of logEvents that cannot be read: "+err.Error()
		return p, isRecord
	}
	message, ok := c.doc.Root().Get("message").Str()
	if !ok {
		p.Reason, p.Detail = event.ReasonSyntax, "an element of logEvents without a text as its message"
		return p, isRecord
	}
	c.text = append(c.text[:0], message...)
	c.text = bytes.TrimRight(c.text, "\r\n")
	if id, _ := c.doc.Root().Get("id").Str(); len(bytes.TrimSpace(c.text)) == 0 || id == "" && bytes.HasPrefix(c.text, []byte("CWL CONTROL MESSAGE")) {
		return p, isNothing
	}
	root := c.doc.Root()
	if len(c.context) == 0 { // the head was not kept
		c.context = append(c.context, `{"cloudwatch":{`...)
	}
	context := appendMember(c.context, "id", root.Get("id"))
	context = appendMember(context, "timestamp", root.Get("timestamp"))
	if len(context) <= maxContext {
		p.Envelope = string(append(context, "}}"...))
	}
	p.Value, p.Decoded = c.text, true
	return p, isRecord
}

// firstKey is the name of an object's first member, if it is short and has no
// escape.
func firstKey(object []byte) []byte {
	i := 1
	for i < len(object) && isSpace(object[i]) {
		i++
	}
	if i == len(object) || object[i] != '"' {
		return nil
	}
	name := object[i+1 : min(len(object), i+34)]
	if end := bytes.IndexByte(name, '"'); end >= 0 {
		return name[:end]
	}
	return nil
}

// holdsData tells whether an element may be a record of Firehose or Kinesis, at
// little cost for all others.
func holdsData(object []byte) bool {
	switch string(firstKey(object)) {
	case "data", "recordId", "approximateArrivalTimestamp", "kinesisRecordMetadata", "kinesis":
		return true
	case "awsRegion", "eventID", "eventName": // sorted, or from another kind of client
		return bytes.Contains(object, []byte(`"kinesis"`))
	}
	return false
}

// lambda is the base64 of {"awslogs": {"data": ".."}}.
func (c *carriage) lambda(value []byte) (text string, ok bool) {
	if c.doc.Parse(value) != nil || c.doc.Root().Len() != 1 {
		return "", false
	}
	return c.doc.Root().Path("awslogs", "data").Str()
}

// firehose is the base64 of a record of Firehose or Kinesis.
func (c *carriage) firehose(value []byte) (text string, ok bool) {
	if c.doc.Parse(value) != nil {
		return "", false
	}
	root := c.doc.Root()
	if data := root.Path("kinesis", "data"); data.Exists() {
		return data.Str()
	}
	for name := range root.Members {
		switch name {
		case "data", "recordId", "approximateArrivalTimestamp", "kinesisRecordMetadata":
		default:
			return "", false // a record that has a member called data
		}
	}
	return root.Get("data").Str()
}

// firstKeys are the names with which documents of transports begin.
var firstKeys = [...]string{
	"messageType", "owner", "logGroup", "logStream", "logEvents", "subscriptionFilters",
	"awslogs", "records", "Records", "invocationId", "deliveryStreamArn",
}

// detectTransport decides whether a stream of lines begins with a document of a
// transport. last tells that no more bytes come.
func (s *Splitter) detectTransport(last bool) error {
	const enough = 512
	text := bytes.TrimLeft(s.buf[s.pos:s.end], " \t\r\n")
	if s.offset() == 0 {
		text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte(byteOrderMark)), " \t\r\n")
	}
	key := ""
	switch last = last || s.end-s.pos >= readSize; {
	case len(text) == 0 && !last, len(text) > 0 && len(text) < len(byteOrderMark) && text[0] == byteOrderMark[0] && !last:
		return errNeedMore
	case len(text) == 0 || text[0] != '{':
	default:
		key = string(firstKey(text))
		if key == "" && len(text) < enough && !last {
			return errNeedMore
		}
	}
	if key == "requestId" { // of a request of Firehose, but also of access logs
		line, _, whole := bytes.Cut(text[:min(len(text), enough)], []byte("\n"))
		if !whole && len(line) < enough && !last {
			return errNeedMore
		}
		if bytes.Contains(line, []byte(`"records"`)) {
			key = "records"
		}
	}
	s.at, s.form = inLines, OfLines
	if slices.Contains(firstKeys[:], key) {
		s.at, s.form = atTop, OfJSON
	}
	return errNoPiece
}

var errInflated = errors.New("more than 256 MiB come out of it")

// inflated gives up a stream that becomes too long.
type inflated struct {
	r    io.Reader
	left int64
}

func (l *inflated) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errInflated
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}
