package detections

// Block is what makes a hit of events: the key of a rule file, and for a threshold
// what it adds up. It is part of manifests.
type Block string

// The blocks.
const (
	BlockNone      Block = "" // every event that matches is a hit
	BlockCount     Block = "count"
	BlockDistinct  Block = "distinct"
	BlockSum       Block = "sum"
	BlockSequence  Block = "sequence"
	BlockAbsence   Block = "absence"
	BlockFirstSeen Block = "first_seen"
)

// isDecided says that hits are known only when the watermark has passed.
func (b Block) isDecided() bool { return b == BlockAbsence || b == BlockFirstSeen }
