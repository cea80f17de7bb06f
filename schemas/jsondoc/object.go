package jsondoc

import (
	"math"
	"strings"
)

// fewMembers is up to how many members an object's keys are compared pair by
// pair; more go through a map, so that no object costs quadratic time.
const fewMembers = 64

// hash is a cheap hash of a key: unequal hashes spare a comparison of texts, equal
// ones prove nothing. 1.6x on BenchmarkMap of normalize/cloudtrail, 1.7x on
// BenchmarkParse, whose objects have some twenty members.
func hash(key string) uint16 {
	n := len(key)
	if n == 0 {
		return 0
	}
	h := uint32(n) | uint32(key[0])<<8 | uint32(key[n/2])<<16 | uint32(key[n-1])<<24
	return uint16(h * 0x9e3779b1 >> 16) // the golden ratio: all of h decides
}

// markDuplicates marks every member of object i whose key comes again later.
func (d *Doc) markDuplicates(i uint32) {
	end := d.nodes[i].next
	var few [fewMembers]uint32
	var hashes [8]uint64 // a bit for each hash, of nine bits, that there was
	count := 0
	for m := i + 1; m < end; m = d.nodes[m].next {
		if count == fewMembers {
			d.markDuplicatesOfMany(i)
			return
		}
		h := d.nodes[m].keyHash % 512
		if bit := uint64(1) << (h % 64); hashes[h/64]&bit == 0 {
			hashes[h/64] |= bit
		} else {
			d.shadowEarlier(few[:count], m)
		}
		few[count] = m
		count++
	}
}

// shadowEarlier shadows the members whose key is that of m.
func (d *Doc) shadowEarlier(earlier []uint32, m uint32) {
	hash := d.nodes[m].keyHash
	for _, e := range earlier {
		if d.nodes[e].keyHash == hash && d.nodes[e].marks&shadowed == 0 && d.sameKey(e, m) {
			d.shadow(e)
		}
	}
}

func (d *Doc) markDuplicatesOfMany(i uint32) {
	if d.seen == nil {
		d.seen = make(map[string]uint32)
	}
	clear(d.seen)
	end := d.nodes[i].next
	for m := i + 1; m < end; m = d.nodes[m].next {
		key := d.key(m)
		if earlier, ok := d.seen[key]; ok && d.nodes[earlier].marks&shadowed == 0 {
			d.shadow(earlier)
		}
		d.seen[key] = m
	}
	clear(d.seen) // it would hold the text
}

// rootIndex is where the members of the document's object are, by the hash of their
// keys: 0 for none. Most keys are asked of that object, and many are not there.
// 1.1x on BenchmarkMapManagement of normalize/cloudtrail.
type rootIndex [rootSlots]uint32

const (
	rootSlots      = 64
	severalMembers = math.MaxUint32 // or one whose hash is another's
)

// indexRoot fills the index once the document is read.
func (d *Doc) indexRoot() {
	d.index = rootIndex{}
	for m := range (Value{doc: d}).children {
		if slot := &d.index[d.nodes[m].keyHash%rootSlots]; *slot == 0 {
			*slot = m
		} else {
			*slot = severalMembers
		}
	}
}

func (d *Doc) shadow(i uint32) {
	d.nodes[i].marks |= shadowed
	d.flags |= DuplicateKey
	d.duplicates++
}

// key is the decoded key of member i.
func (d *Doc) key(i uint32) string {
	n := &d.nodes[i]
	key := d.src[n.keyStart:n.keyEnd]
	if n.marks&keyEscaped != 0 {
		return unescape(key)
	}
	return key
}

// hasKey tells whether the key of member i is key.
func (d *Doc) hasKey(i uint32, key string) bool {
	n := &d.nodes[i]
	if n.marks&keyEscaped != 0 {
		return equalUnescaped(d.src[n.keyStart:n.keyEnd], key)
	}
	return d.src[n.keyStart:n.keyEnd] == key
}

func (d *Doc) sameKey(a, b uint32) bool {
	if d.nodes[b].marks&keyEscaped == 0 {
		n := &d.nodes[b]
		return d.hasKey(a, d.src[n.keyStart:n.keyEnd])
	}
	return d.hasKey(a, d.key(b))
}

// maxRespelt bounds the keys that Respell looks at: known names are short.
const maxRespelt = 64

// Respell gives keys another case: a member whose key is, in lower case, one of
// spelling gets the name that stands there, which must differ in case only. It is
// for records that somebody's export wrote in lower case. Values stay valid; two
// members of one object that get one name are duplicates, as if they had been
// written so. It tells whether there was any such member.
func (d *Doc) Respell(spelling map[string]string) bool {
	var text []byte
	for i := range d.nodes {
		n := &d.nodes[i]
		if n.marks&(member|keyEscaped|shadowed) != member || n.keyEnd-n.keyStart > maxRespelt {
			continue
		}
		key := d.src[n.keyStart:n.keyEnd]
		name, ok := spelling[strings.ToLower(key)]
		if !ok || name == key || len(name) != len(key) {
			continue
		}
		if text == nil {
			text = []byte(d.src)
		}
		copy(text[n.keyStart:], name)
		n.keyHash = hash(name)
	}
	if text == nil {
		return false
	}
	d.src = string(text)
	for i := range d.nodes {
		if d.nodes[i].kind == Object {
			d.markDuplicates(uint32(i))
		}
	}
	d.indexRoot()
	return true
}
