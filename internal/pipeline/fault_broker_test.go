package pipeline

import (
	"os"
	"testing"
	"time"
)

// envOutage is how long brokers are away in TestBrokerAway, as a duration.
const envOutage = "WEIR_OUTAGE"

// outage is longer than the transactions' timeout.
func outage(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv(envOutage)
	if text == "" {
		return 2 * shortTransaction
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", envOutage, err)
	}
	return d
}

// TestBrokerAway ends the broker under a pipeline that is at work, by kill -9 and in
// order, and starts it again, at once and after a while. The pipeline waits and goes
// on, in the same process.
func TestBrokerAway(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*hostedBroker, *testing.T)
		away time.Duration
	}{
		{"killed", (*hostedBroker).kill, 0},
		{"restarted", (*hostedBroker).close, 0},
		{"killed and away", (*hostedBroker).kill, outage(t)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			slow(t, tt.name == "killed")
			t.Parallel()
			h := hostBroker(t)
			w := h.world(t)
			w.appendLogs(t, 0, faultRecords/2, 0)
			w.config.Lake.Flush.Rows = 200
			g := newGate(FaultDetectFlushed, 3)
			o := faultOptions()
			o.Faults = g.at
			s := w.start(t, o)
			g.wait(t, s)
			tt.end(h, t)
			close(g.open)
			w.appendLogs(t, faultRecords/2, faultRecords, 0)
			time.Sleep(tt.away) // the outage is the test
			h.start(t)
			s.untilStored(t, total(calmBooks(t).Events))
			s.drain(t)
			w.settle(t)
		})
	}
}

// TestMembersComeAndGo lets a second process join the groups while the first is in
// the middle of a batch, and leave them while it is in the middle of another.
func TestMembersComeAndGo(t *testing.T) {
	for _, tt := range []struct {
		fault Fault
		lost  bool // the one in the middle is given up by the group meanwhile
	}{
		{FaultDetectProduced, false}, {FaultDetectOffsets, false}, {FaultCorrelateFlushed, false},
		{FaultStorePromising, true}, {FaultStoreIntent, true}, {FaultStoreEnding, true},
	} {
		t.Run(string(tt.fault), func(t *testing.T) {
			slow(t, tt.fault == FaultStoreIntent)
			t.Parallel()
			h := hostBroker(t)
			w := h.world(t)
			w.appendLogs(t, 0, faultRecords, 0)
			if err := w.collectOnce(t); err != nil {
				t.Fatal(err)
			}
			w.config.Lake.Flush.Rows = 100
			role := roleOf(tt.fault)
			group := w.config.Kafka.GroupPrefix + string(role)
			first, second := newGate(tt.fault, 2), newGate(tt.fault, 4)
			o := faultOptions(RoleDetect, RoleCorrelate, RoleStore)
			o.Faults = func(f Fault) error {
				if err := first.at(f); err != nil {
					return err
				}
				return second.at(f)
			}
			a := w.start(t, o)
			first.wait(t, a)

			other := *w.config
			other.Instance = "other"
			b := (&world{dir: w.dir, config: &other}).start(t, faultOptions(RoleDetect, RoleCorrelate, RoleStore))
			mine, theirs := "weir-"+string(role)+"-"+w.config.Instance, "weir-"+string(role)+"-other"
			if tt.lost {
				owners(t, h.options(), group, faultPatience, theirs)
			} else {
				owners(t, h.options(), group, faultPatience, mine, theirs)
			}
			close(first.open)
			owners(t, h.options(), group, faultPatience, mine, theirs)
			select {
			case <-second.reached: // else the other had the rest
			case <-time.After(time.Second):
			}
			b.drain(t)
			close(second.open)
			owners(t, h.options(), group, faultPatience, mine)
			untilStored(t, w)
			a.drain(t)
			w.settle(t)
		})
	}
}

// roleOf is the role that a fault is of.
func roleOf(f Fault) Role {
	for _, r := range Roles {
		if len(f) > len(r) && string(f[:len(r)]) == string(r) && f[len(r)] == '/' {
			return r
		}
	}
	return ""
}

// ready tells whether every role is.
func (s *running) ready() bool {
	roles := s.stats.Telemetry.Health.Roles()
	for _, r := range roles {
		if !r.Ready {
			return false
		}
	}
	return len(roles) > 0
}
