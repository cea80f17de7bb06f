package telemetry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// silence is how long a role may go without a sign of work before it is no longer
// ready. It gives one every second while it waits for input; a transaction may
// take as long as its timeout, 10 s, and another try after it.
const silence = 30 * time.Second

// Health knows which roles of the process are ready. New makes it.
type Health struct {
	now   func() time.Time // nil: time.Now
	mu    sync.Mutex
	roles []string
	parts map[string]*Part  // by role and name
	notes map[string]string // by role
	kafka sign              // of the brokers, to anybody in this process
}

// Part is one unit of work of a role: the role itself, or for deliver one
// destination. It is ready when it has joined and keeps giving signs of work, and
// nothing of it has stopped.
type Part struct {
	health     *Health
	role, name string
	sign       sign
	ended      bool
	stopped    map[string]string // why, by what has stopped
	note       string
}

// sign is the last good news of something that should give them all the time.
type sign struct {
	at   time.Time // zero: none yet
	last error     // the bad news since then
}

// RoleHealth is one role as /readyz shows it.
type RoleHealth struct {
	Role  string `json:"role"`
	Ready bool   `json:"ready"`
	// Reasons say why not.
	Reasons []string `json:"reasons,omitempty"`
	// Notes are what an operator should know although the role is ready: it does
	// what it can, and a restart would not help.
	Notes []string `json:"notes,omitempty"`
}

// Expect names the roles that the process runs. None of them is ready before it
// says so itself.
func (h *Health) Expect(roles ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.roles = roles
}

// Part adds a part of a role; name may be empty.
func (h *Health) Part(role, name string) *Part {
	p := &Part{health: h, role: role, name: name, stopped: map[string]string{}}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.parts[role+"/"+name] = p
	return p
}

// Note is what an operator should know of a role although it is ready; empty takes it
// back.
func (h *Health) Note(role, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.notes == nil {
		h.notes = map[string]string{}
	}
	h.notes[role] = text
}

// Kafka notes whether the brokers answered when they were last asked.
func (h *Health) Kafka(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kafka.give(err, h.clock())
}

func (s *sign) give(err error, now time.Time) {
	s.last = err
	if err == nil {
		s.at = now
	}
}

// Works is a sign of work: the part has its inputs, and its last transaction, or
// its last look for input, went well.
func (p *Part) Works() {
	p.health.mu.Lock()
	defer p.health.mu.Unlock()
	p.sign.give(nil, p.health.clock())
	p.note = ""
}

// Waits is a sign of work of a part that gets on with nothing for a reason that
// is not its own, such as a destination that is away. The next sign is due when
// it has waited.
func (p *Part) Waits(note string, wait time.Duration) {
	p.health.mu.Lock()
	defer p.health.mu.Unlock()
	p.sign.give(nil, p.health.clock().Add(wait))
	p.note = note
}

// Stop says that a part of the input is not worked on any more, and why.
func (p *Part) Stop(what string, why error) {
	p.health.mu.Lock()
	defer p.health.mu.Unlock()
	p.stopped[what] = why.Error()
}

// Resume takes a Stop back: it is somebody else's input now.
func (p *Part) Resume(what string) {
	p.health.mu.Lock()
	defer p.health.mu.Unlock()
	delete(p.stopped, what)
}

// End says that the part has ended, for whatever reason.
func (p *Part) End() {
	p.health.mu.Lock()
	defer p.health.mu.Unlock()
	p.ended = true
}

// Roles is the health of every role of this process, in the order of Expect.
func (h *Health) Roles() []RoleHealth {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]RoleHealth, len(h.roles))
	for i, role := range h.roles {
		all[i] = h.of(role)
	}
	return all
}

func (h *Health) of(role string) RoleHealth {
	r := RoleHealth{Role: role}
	var parts []*Part
	for _, p := range h.parts {
		if p.role == role {
			parts = append(parts, p)
		}
	}
	slices.SortFunc(parts, func(a, b *Part) int { return cmp.Compare(a.name, b.name) })
	if len(parts) == 0 {
		r.Reasons = append(r.Reasons, "starting")
	}
	if !h.kafka.at.IsZero() && h.clock().Sub(h.kafka.at) > silence {
		r.Reasons = append(r.Reasons, fmt.Sprintf("no answer from Kafka for %s: %v", h.since(h.kafka.at), h.kafka.last))
	}
	if note := h.notes[role]; note != "" {
		r.Notes = append(r.Notes, note)
	}
	for _, p := range parts {
		for _, reason := range p.reasons() {
			r.Reasons = append(r.Reasons, p.prefix()+reason)
		}
		if p.note != "" {
			r.Notes = append(r.Notes, p.prefix()+p.note)
		}
	}
	r.Ready = len(r.Reasons) == 0
	return r
}

func (p *Part) prefix() string {
	if p.name == "" {
		return ""
	}
	return p.name + ": "
}

// reasons say why the part is not ready.
func (p *Part) reasons() []string {
	var reasons []string
	switch {
	case p.ended:
		reasons = append(reasons, "ended")
	case p.sign.at.IsZero():
		reasons = append(reasons, "has not joined its consumer group or opened its inputs yet")
	case p.health.clock().Sub(p.sign.at) > silence:
		reasons = append(reasons, fmt.Sprintf("no sign of work for %s", p.health.since(p.sign.at)))
	}
	for _, what := range slices.Sorted(maps.Keys(p.stopped)) {
		reasons = append(reasons, what+" has stopped: "+p.stopped[what])
	}
	return reasons
}

func (h *Health) clock() time.Time {
	if h.now != nil {
		return h.now()
	}
	return time.Now()
}

func (h *Health) since(t time.Time) time.Duration { return h.clock().Sub(t).Round(time.Second) }

// readyCollector shows Health as a metric at the time of the scrape.
type readyCollector struct{ health *Health }

var readyDesc = prometheus.NewDesc("weir_ready", "1 if the role is ready, as /readyz has it, else 0.", []string{"role"}, nil)

func (readyCollector) Describe(ch chan<- *prometheus.Desc) { ch <- readyDesc }

func (c readyCollector) Collect(ch chan<- prometheus.Metric) {
	for _, r := range c.health.Roles() {
		v := 0.0
		if r.Ready {
			v = 1
		}
		ch <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, v, r.Role)
	}
}
