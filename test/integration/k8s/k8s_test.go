//go:build integration_k8s

// Package k8s holds weir's webhook collector against a real kube-apiserver: what
// the API server writes into its own audit file is in weir's lake, each event
// once, although weir is killed while it comes.
package k8s

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-security/weir/test/integration/process"
)

const (
	teams  = 2 // that work at the same time
	kills  = 4 // of weir
	losses = 3 // of its answers
)

func TestAuditOfAnAPIServerArrives(t *testing.T) {
	weir, apiserver, etcd := process.Executable(t, "WEIR"), process.Executable(t, "KUBE_APISERVER"), process.Executable(t, "ETCD")
	policy, err := filepath.Abs("audit-policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 6*time.Minute, fmt.Errorf("the test's time is over"))
	defer cancel()
	seed := seed(t)
	s := newServers(t, workDir(t))
	began := time.Now()
	s.startEtcd(ctx, t, etcd)
	s.startWeir(ctx, t, weir)
	network := startProxy(t, s.proxy, s.hook)
	c := s.startAPIServer(ctx, t, apiserver, policy)
	t.Logf("servers are up after %v", time.Since(began).Round(time.Second))

	stopTeams := startTeams(ctx, t, c, seed)
	must(t, attack(ctx, c))
	must(t, oddities(ctx, c, rand.New(rand.NewPCG(seed, 1))))
	trouble := time.Now()
	killAtWill(ctx, t, s, weir, rand.New(rand.NewPCG(seed, 2)))
	loseAnswers(ctx, t, network)
	if lasted := time.Since(trouble); lasted > patience {
		t.Fatalf("kills and losses took %v: an API server may drop batches after %v; is this machine busy?", lasted, patience)
	}
	stopTeams()
	t.Logf("%d requests answered after %v", c.requests.Load(), time.Since(began).Round(time.Second))

	// Its end makes the API server write and send what it still holds.
	s.apiserv.Stop(t, patience+time.Minute)
	assertNothingDropped(t, s.apiserv.Log)
	audit := filepath.Join(s.dir, "audit.log")
	want := auditFile(t, audit)
	wantAlerts := alerts(parseEvents(t, output(t, weir, "replay", "--config", s.config, audit)))
	process.WaitFor(ctx, t, "the lake to hold the audit file and its alerts", func() error {
		return errors.Join(s.weir.Running(), compareLake(t, s.dir, want, uids(wantAlerts)))
	})
	t.Logf("all in the lake after %v", time.Since(began).Round(time.Second))

	// What would come twice has had its time, and comes with the drain at the latest.
	s.weir.Stop(t, time.Minute)
	if err := compareLake(t, s.dir, want, uids(wantAlerts)); err != nil {
		t.Errorf("after the end of weir: %v", err)
	}
	normalized := uids(parseEvents(t, output(t, weir, "normalize", "--config", s.config, audit)))
	if d := difference(lakeRows(t, filepath.Join(s.dir, "lake"), "events", "metadata.uid"), normalized); d != "" {
		t.Errorf("the lake's metadata.uid against weir normalize of the audit file: %s", d)
	}
	assertAttackAlerts(t, s.dir, wantAlerts)
	assertBalance(t, s.dir, want.total())
}

// compareLake holds events and alerts in the lake against what they should be.
func compareLake(t *testing.T, dir string, events, alertUIDs counts) error {
	t.Helper()
	lake := filepath.Join(dir, "lake")
	if d := difference(lakeEvents(t, lake), events); d != "" {
		return fmt.Errorf("the lake against the audit file: %s", d)
	}
	found := lakeRows(t, lake, "findings", "metadata.uid")
	maps.DeleteFunc(found, func(uid string, _ int) bool { return alertUIDs[uid] == 0 }) // roll-ups
	if d := difference(found, alertUIDs); d != "" {
		return fmt.Errorf("the lake's alerts against those of weir replay: %s", d)
	}
	return nil
}

// startTeams lets teams work, each in a namespace after the other, and returns
// what ends their work. The end of the test ends it, too.
func startTeams(ctx context.Context, t *testing.T, c *cluster, seed uint64) (stop func()) {
	t.Helper()
	stopped := make(chan struct{})
	var working sync.WaitGroup
	for team := range teams {
		working.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(100+team)))
			for i := 0; ; i++ {
				select {
				case <-stopped:
					return
				default:
				}
				err := everyday(ctx, c, fmt.Sprintf("team-%d-%d", team, i), random)
				if err != nil && ctx.Err() == nil {
					t.Errorf("team %d: %v", team, err)
				}
				if err != nil {
					return
				}
			}
		})
	}
	stop = sync.OnceFunc(func() {
		close(stopped)
		working.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// killAtWill kills weir and starts it again, several times, at random moments. Once
// it stays away for so long that batches fail more than once.
func killAtWill(ctx context.Context, t *testing.T, s *servers, weir string, random *rand.Rand) {
	t.Helper()
	upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	for i := range kills {
		time.Sleep(time.Second + upTo(3*time.Second))
		must(t, s.weir.Running())
		s.weir.Kill()
		killed := time.Now()
		away := upTo(3 * time.Second)
		if i == kills/2 {
			away = initialBackoff + upTo(6*time.Second)
		}
		time.Sleep(away)
		s.startWeir(ctx, t, weir)
		t.Logf("kill %d of weir: %v until it listened again", i+1, time.Since(killed).Round(100*time.Millisecond))
	}
}

// loseAnswers makes the API server send again what weir has taken.
func loseAnswers(ctx context.Context, t *testing.T, network *proxy) {
	t.Helper()
	for range losses {
		select {
		case network.losses <- struct{}{}: // after the one before was had
		case <-ctx.Done():
			t.Fatalf("wait for a batch whose answer is to be lost: %v", context.Cause(ctx))
		}
		time.Sleep(time.Second)
	}
	time.Sleep(2 * time.Second)
}

// assertNothingDropped ends the test if the API server has given events up: then the
// comparison would tell nothing about weir. It logs each such batch.
func assertNothingDropped(t *testing.T, log string) {
	t.Helper()
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, "Error in audit plugin") {
			t.Errorf("the API server dropped audit events: %.300s", line)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// assertAttackAlerts fails if a rule that the attack is about has not fired, or if
// other alerts were delivered than a replay of the audit file gives.
func assertAttackAlerts(t *testing.T, dir string, want []ocsfEvent) {
	t.Helper()
	rules := map[string]int{}
	for _, a := range want {
		rules[a.Info.Analytic.UID]++
	}
	t.Logf("alerts by rule: %v", rules)
	for _, rule := range attackAlerts {
		if rules[rule] == 0 {
			t.Errorf("no alert of %s", rule)
		}
	}
	delivered, err := os.ReadFile(filepath.Join(dir, "alerts.ndjson"))
	must(t, err)
	if d := difference(uids(alerts(parseEvents(t, delivered))), uids(want)); d != "" {
		t.Errorf("the delivered alerts against those of weir replay: %s", d)
	}
}

// assertBalance fails if weir took something for no event, or if nothing came
// twice: then the test would say nothing about duplicates.
func assertBalance(t *testing.T, dir string, events int) {
	t.Helper()
	data := filepath.Join(dir, "broker")
	raw, dead := topicRecords(t, data, "weir.raw.kubernetes.audit"), topicRecords(t, data, "weir.dlq")
	t.Logf("%d records taken: %d events, %d dead letters, %d duplicates", raw, events, dead, raw-events-dead)
	if dead != 0 {
		t.Errorf("%d dead letters, want none", dead)
	}
	if raw <= events {
		t.Error("the API server has sent nothing twice, although answers were lost")
	}
}

// seed is WEIR_SEED, or a new one, which is logged so that a failure can be
// repeated.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64()
	if text := os.Getenv("WEIR_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("WEIR_SEED: %v", err)
		}
	}
	t.Logf("WEIR_SEED=%d", n)
	return n
}

// workDir is a directory that stays after a failure, for its logs.
func workDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "weir-k8s-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs and data are kept in %s", dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
