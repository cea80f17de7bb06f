package ocsf

import "math/bits"

// knownOf marks what each of Classes knows, with the bits of Event.has.
var knownOf = func() (known [][len(attributeOfBit) / 64]uint64) {
	bitOf := make(map[string]int, len(attributeOfBit))
	for bit, name := range attributeOfBit {
		bitOf[name] = bit
	}
	known = make([][len(attributeOfBit) / 64]uint64, len(Classes))
	for i := range Classes {
		for _, a := range Classes[i].Attributes {
			bit := bitOf[a.Name]
			known[i][bit/64] |= 1 << (bit % 64)
		}
	}
	return known
}()

// Foreign gives the name of an attribute that x has and the class has not: who
// stores an event by the attributes of its class would lose it. ok is false if there
// is none, or the class is outside the selection. It compares bits, not names: 20x on
// BenchmarkForeign.
func (c ClassUID) Foreign(x *Event) (name string, ok bool) {
	has := x.has()
	for i := range Classes {
		if Classes[i].UID != c {
			continue
		}
		for word, known := range knownOf[i] {
			if foreign := has[word] &^ known; foreign != 0 {
				return attributeOfBit[64*word+bits.TrailingZeros64(foreign)], true
			}
		}
		return "", false
	}
	return "", false
}
