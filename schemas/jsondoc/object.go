package jsondoc

// fewMembers is up to how many members an object's keys are compared pair by
// pair; more go through a map, so that no object costs quadratic time.
const fewMembers = 16

// markDuplicates marks every member of object i whose key comes again later.
func (d *Doc) markDuplicates(i uint32) {
	end := d.nodes[i].next
	var few [fewMembers]uint32
	count := 0
	for m := i + 1; m < end; m = d.nodes[m].next {
		if count == fewMembers {
			d.markDuplicatesOfMany(i)
			return
		}
		for _, earlier := range few[:count] {
			if d.nodes[earlier].marks&shadowed == 0 && d.sameKey(earlier, m) {
				d.shadow(earlier)
			}
		}
		few[count] = m
		count++
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
		if earlier, ok := d.seen[key]; ok {
			d.shadow(earlier)
		}
		d.seen[key] = m
	}
	clear(d.seen) // it would hold the text
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
