package detections

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// The records of signals as weir writes them: the keys of an object in ascending order,
// so that a jsondoc.Stream reads them in one pass. What a Stream does not take, as of an
// older weir, is for encoding/json, whose answer the other's always is (FuzzParseSignal).

const (
	beginSignal    = `{"signal":{`
	beginHeartbeat = `{"heartbeat":{`
	endEnvelope    = `}}`
)

// AppendJSON appends the record value for the signal.
func (s *Signal) AppendJSON(dst []byte) []byte {
	w := memberWriter{append(dst, beginSignal...)}
	if len(s.Context) > 0 {
		w.key("context", '[')
		for i, value := range s.Context {
			if i > 0 {
				w.text = append(w.text, ',')
			}
			w.text = append(w.text, value...)
		}
		w.text = append(w.text, ']')
	}
	w.str("digest", s.Digest, true)
	w.str("error", s.Error, false)
	if len(s.Evidence) > 0 {
		w.key("evidence", 0)
		w.text = append(w.text, s.Evidence...)
	}
	w.str("group", s.Group, false)
	w.str("identity", s.Identity, true)
	w.str("rule", s.Rule, true)
	w.number("severity", int64(s.Severity), true)
	w.str("source", s.Source, false)
	w.number("step", int64(s.Step), false)
	w.number("sum", s.Sum, false)
	w.number("time", s.Time, true)
	w.str("title", s.Title, false)
	w.str("uid", s.UID, true)
	w.str("value", s.Value, false)
	w.str("version", s.Version, true)
	return append(w.text, endEnvelope...)
}

// AppendJSON appends the record value for the heartbeat.
func (h *Heartbeat) AppendJSON(dst []byte) []byte {
	w := memberWriter{append(dst, beginHeartbeat...)}
	if h.Idle {
		w.key("idle", 0)
		w.text = append(w.text, "true"...)
	}
	w.number("lateness", h.Lateness, true)
	w.number("max_time", h.MaxTime, true)
	w.str("partition", h.Partition, true)
	w.number("partitions", int64(h.Partitions), false)
	w.number("sent", h.Sent, true)
	return append(w.text, endEnvelope...)
}

// memberWriter writes the members of an object.
type memberWriter struct{ text []byte }

// key begins a member, and its value with a bracket if that is not 0.
func (w *memberWriter) key(name string, bracket byte) {
	if w.text[len(w.text)-1] != '{' {
		w.text = append(w.text, ',')
	}
	w.text = append(append(append(w.text, '"'), name...), `":`...)
	if bracket != 0 {
		w.text = append(w.text, bracket)
	}
}

func (w *memberWriter) str(name, value string, always bool) {
	if value == "" && !always {
		return
	}
	w.key(name, 0)
	w.text = ocsf.AppendString(w.text, value)
}

func (w *memberWriter) number(name string, value int64, always bool) {
	if value == 0 && !always {
		return
	}
	w.key(name, 0)
	w.text = strconv.AppendInt(w.text, value, 10)
}

// signalStream reads what AppendJSON writes.
type signalStream struct{ jsondoc.Stream }

// parse reads a record. ok is false if it is not in the form that weir writes.
func (r *signalStream) parse(value []byte) (s *Signal, h *Heartbeat, ok bool) {
	if !r.Reset(jsondoc.Alias(value)) {
		return nil, nil, false
	}
	if empty, ok := r.Open('{'); empty || !ok {
		return nil, nil, false
	}
	switch key, _ := r.Key(); key {
	case "signal":
		s = &Signal{}
		ok = r.members(func(key string) bool { return r.signal(s, key) })
	case "heartbeat":
		h = &Heartbeat{}
		ok = r.members(func(key string) bool { return r.heartbeat(h, key) })
	}
	if !ok {
		return nil, nil, false
	}
	more, ok := r.More('{')
	return s, h, ok && !more && r.Done()
}

// members reads an object.
func (r *signalStream) members(member func(key string) bool) bool {
	empty, ok := r.Open('{')
	last := ""
	for more := !empty; ok && more; {
		var key string
		if key, ok = r.Key(); !ok || key <= last || !member(key) {
			return false
		}
		last = key
		more, ok = r.More('{')
	}
	return ok
}

func (r *signalStream) signal(s *Signal, key string) bool {
	switch key {
	case "context":
		return r.context(s)
	case "digest":
		return r.str(&s.Digest)
	case "error":
		return r.str(&s.Error)
	case "evidence":
		return r.raw((*[]byte)(&s.Evidence))
	case "group":
		return r.str(&s.Group)
	case "identity":
		return r.str(&s.Identity)
	case "rule":
		return r.str(&s.Rule)
	case "severity":
		n, ok := r.Int()
		s.Severity = int32(n)
		return ok && n >= math.MinInt32 && n <= math.MaxInt32
	case "source":
		return r.str(&s.Source)
	case "step":
		return r.int(&s.Step)
	case "sum":
		return r.int64(&s.Sum)
	case "time":
		return r.int64(&s.Time)
	case "title":
		return r.str(&s.Title)
	case "uid":
		return r.str(&s.UID)
	case "value":
		return r.str(&s.Value)
	case "version":
		return r.str(&s.Version)
	}
	return false
}

func (r *signalStream) heartbeat(h *Heartbeat, key string) (ok bool) {
	switch key {
	case "idle":
		h.Idle, ok = r.Bool()
		return ok
	case "lateness":
		return r.int64(&h.Lateness)
	case "max_time":
		return r.int64(&h.MaxTime)
	case "partition":
		return r.str(&h.Partition)
	case "partitions":
		return r.int(&h.Partitions)
	case "sent":
		return r.int64(&h.Sent)
	}
	return false
}

// str reads a string of its own memory: the record's is the caller's.
func (r *signalStream) str(to *string) bool {
	text, ok := r.Str()
	*to = strings.Clone(text)
	return ok
}

func (r *signalStream) raw(to *[]byte) bool {
	text, ok := r.Raw()
	*to = []byte(text)
	return ok
}

func (r *signalStream) int64(to *int64) (ok bool) {
	*to, ok = r.Int()
	return ok
}

func (r *signalStream) int(to *int) bool {
	n, ok := r.Int()
	*to = int(n)
	return ok && int64(*to) == n
}

func (r *signalStream) context(s *Signal) bool {
	empty, ok := r.Open('[')
	s.Context = []json.RawMessage{}
	for more := !empty; ok && more; {
		var value json.RawMessage
		if !r.raw((*[]byte)(&value)) {
			return false
		}
		s.Context = append(s.Context, value)
		more, ok = r.More('[')
	}
	return ok
}
