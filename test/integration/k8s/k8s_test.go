//go:build integration_k8s

// Package k8s holds weir's webhook collector against a real kube-apiserver: what
// the API server writes into its own audit file is in weir's lake, each event
// once, although weir is killed while it comes.
package k8s

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	teams  = 2 // that work at the same time
	kills  = 5 // of weir
	losses = 4 // of its answers
)

func TestAuditOfAnAPIServerArrives(t *testing.T) {
	weir, apiserver, etcd := executable(t, "WEIR"), executable(t, "KUBE_APISERVER"), executable(t, "ETCD")
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
	killAtWill(ctx, t, s, weir, rand.New(rand.NewPCG(seed, 2)))
	loseAnswers(ctx, t, network)
	stopTeams()
	t.Logf("%d requests answered after %v", c.requests.Load(), time.Since(began).Round(time.Second))

	// Its end makes the API server write and send what it still holds.
	s.apiserv.stop(t, patience+time.Minute)
	assertNothingDropped(t, s.apiserv.log)
	audit := filepath.Join(s.dir, "audit.log")
	lake := filepath.Join(s.dir, "lake")
	want := auditFile(t, audit)
	waitFor(ctx, t, "the lake to hold the audit file", func() error {
		if d := difference(lakeEvents(t, lake), want); d != "" {
			return fmt.Errorf("%s", d)
		}
		return s.weir.running()
	})
	t.Logf("%d audit events of %d in the lake after %v", want.total(), len(want), time.Since(began).Round(time.Second))
	assertAlerts(ctx, t, s, weir, audit)

	// What would come twice has had time to come, and the drain has, too.
	s.weir.stop(t, time.Minute)
	if d := difference(lakeEvents(t, lake), want); d != "" {
		t.Errorf("the lake against the audit file: %s", d)
	}
	uid := func(o ocsfLine) (string, bool) { return o.Metadata.UID, true }
	if d := difference(lakeRows(t, lake, "events", "metadata.uid"), ocsfIDs(t, uid, weir, "normalize", audit)); d != "" {
		t.Errorf("the lake's metadata.uid against weir normalize of the audit file: %s", d)
	}
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

// killAtWill kills weir and starts it again, several times, at random moments.
func killAtWill(ctx context.Context, t *testing.T, s *servers, weir string, random *rand.Rand) {
	t.Helper()
	upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	for i := range kills {
		time.Sleep(time.Second + upTo(5*time.Second))
		must(t, s.weir.running())
		s.weir.kill()
		killed := time.Now()
		time.Sleep(upTo(3 * time.Second))
		s.startWeir(ctx, t, weir)
		away := time.Since(killed)
		t.Logf("kill %d of weir: %v until it listened again", i+1, away.Round(100*time.Millisecond))
		if away > patience {
			t.Fatalf("weir was away for %v: the API server drops batches after %v", away, patience)
		}
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

// assertNothingDropped fails if the API server has given events up: then the
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
}

// assertAlerts waits for the alerts of the attack and holds all alerts against
// those that a replay of the audit file gives.
func assertAlerts(ctx context.Context, t *testing.T, s *servers, weir, audit string) {
	t.Helper()
	const activityCreate = 1
	rules := map[string]int{}
	created := func(o ocsfLine) (string, bool) {
		rules[o.Finding.Analytic.UID]++
		return o.Metadata.UID, o.ActivityID == activityCreate
	}
	want := ocsfIDs(t, created, weir, "replay", audit)
	t.Logf("alerts of a replay by rule, with roll-ups: %v", rules)
	for _, rule := range attackAlerts {
		if rules[rule] == 0 {
			t.Errorf("no alert of %s: got %v", rule, slices.Sorted(maps.Keys(rules)))
		}
	}
	lake := filepath.Join(s.dir, "lake")
	waitFor(ctx, t, "the alerts of a replay to be in the lake", func() error {
		got := lakeRows(t, lake, "findings", "metadata.uid")
		for id := range want {
			if got[id] != 1 {
				return fmt.Errorf("alert %s is there %d times", id, got[id])
			}
		}
		return s.weir.running()
	})
}

// executable is the path in an environment variable that test/integration/k8s/run
// sets.
func executable(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: run make integration-k8s", variable)
	}
	return path
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
