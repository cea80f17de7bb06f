package detections

// Limits bound the state of one Correlator. What goes beyond them is counted: for a
// rule with a block it may miss a hit, and else only counts of roll-ups are too low.
// Zero is no limit.
type Limits struct {
	// Group is how many events of one group are kept, and Signals of all groups.
	Group, Signals int
	// Values is how many values of one group first_seen knows, and Terms of all groups.
	Values, Terms int
}

// DefaultLimits are those of one partition in live detection: about 1 GB of signals,
// and 200 MB of terms. A group may have more events than a threshold may ask for.
func DefaultLimits() Limits {
	return Limits{Group: 2 * maxCount, Signals: 1_000_000, Values: 10_000, Terms: 2_000_000}
}

// isFull tells whether another event of a group would go beyond the limits.
func (l Limits) isFull(g *group, signals int) bool {
	return l.Group > 0 && len(g.events) >= l.Group || l.Signals > 0 && signals >= l.Signals
}
