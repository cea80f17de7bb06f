package detections

import "container/heap"

// schedule is a heap of groups by what is due first.
type schedule []*group

// update puts a group in its place after its due time changed.
func (s *schedule) update(g *group) {
	g.due = g.nextDue()
	if g.index < 0 {
		heap.Push(s, g)
		return
	}
	heap.Fix(s, g.index)
}

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].due < s[j].due }
func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

// Push is called by package heap.
func (s *schedule) Push(x any) {
	g := x.(*group)
	g.index = len(*s)
	*s = append(*s, g)
}

// Pop is called by package heap.
func (s *schedule) Pop() any {
	old := *s
	g := old[len(old)-1]
	*s = old[:len(old)-1]
	g.index = -1
	return g
}
