package jsondoc

import "strconv"

// Use marks the value, with all in it, as held by an attribute of the event, so
// that AppendUnused leaves it out. It returns the value, for chaining.
func (v Value) Use() Value {
	if v.doc != nil {
		v.node().marks |= used
	}
	return v
}

// AppendUnused appends the document without what was used, as compact JSON: the
// structure is kept, a container of which everything was used is left out. An
// array's remaining elements keep their order, not their index. It appends
// nothing if nothing is left. Shadowed members always remain.
func (d *Doc) AppendUnused(dst []byte) []byte {
	if len(d.nodes) == 0 {
		return dst
	}
	w := writer{doc: d, onlyUnused: true}
	dst, _ = w.value(dst, 0)
	return dst
}

// AppendJSON appends the value as compact JSON in which every key is once.
func (v Value) AppendJSON(dst []byte) []byte {
	if v.doc == nil {
		return dst
	}
	w := writer{doc: v.doc}
	dst, _ = w.value(dst, v.index)
	return dst
}

// JSON is the value as compact JSON in which every key is once; it is the source
// text itself, without a copy, where that is so already.
func (v Value) JSON() string {
	if v.doc == nil {
		return ""
	}
	if !v.doc.spaced && v.doc.flags&DuplicateKey == 0 {
		return v.Raw()
	}
	return string(v.AppendJSON(nil))
}

// writer writes values back as JSON.
type writer struct {
	doc        *Doc
	onlyUnused bool
}

// value appends the value at i; wrote is false if it was left out as used.
func (w writer) value(dst []byte, i uint32) (out []byte, wrote bool) {
	n := &w.doc.nodes[i]
	if w.onlyUnused && n.marks&used != 0 {
		return dst, false
	}
	if n.kind != Object && n.kind != Array {
		return append(dst, w.doc.src[n.start:n.end]...), true
	}
	start := len(dst)
	dst = append(dst, w.doc.src[n.start])
	empty := true
	for c := i + 1; c < n.next; c = w.doc.nodes[c].next {
		before := len(dst)
		if !empty {
			dst = append(dst, ',')
		}
		if n.kind == Object {
			dst = w.appendKey(dst, i, c)
		}
		if dst, wrote = w.value(dst, c); wrote {
			empty = false
		} else {
			dst = dst[:before]
		}
	}
	if empty && n.next > i+1 {
		return dst[:start], false
	}
	return append(dst, closer(n.kind)), true
}

// appendKey appends the key of member c of object i and a colon. A shadowed
// member gets the first of key#duplicate1, key#duplicate2, ... that is free.
func (w writer) appendKey(dst []byte, i, c uint32) []byte {
	n := &w.doc.nodes[c]
	dst = append(dst, '"')
	dst = append(dst, w.doc.src[n.keyStart:n.keyEnd]...)
	if n.marks&shadowed != 0 {
		dst = append(dst, "#duplicate"...)
		dst = strconv.AppendInt(dst, int64(w.duplicateNumber(i, c)), 10)
	}
	return append(dst, '"', ':')
}

// duplicateNumber numbers the shadowed members of one key from 1, and steps over
// numbers with which the source itself has a key.
func (w writer) duplicateNumber(i, c uint32) int {
	d := w.doc
	object := Value{d, i}
	key := d.key(c)
	number := 0
	for m := i + 1; m <= c; m = d.nodes[m].next {
		if d.nodes[m].marks&shadowed == 0 || !d.hasKey(m, key) {
			continue
		}
		number++
		for object.Get(key + "#duplicate" + strconv.Itoa(number)).Exists() {
			number++
		}
	}
	return number
}
