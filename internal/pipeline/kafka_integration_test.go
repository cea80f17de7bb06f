//go:build integration

package pipeline

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/test/integration/kafka"
)

// brokers is the size of the cluster: the least with which a broker may be away.
const brokers = 3

// TestKafka is what weir promises, on Apache Kafka.
func TestKafka(t *testing.T) {
	libs := os.Getenv(kafka.LibsVariable)
	if libs == "" {
		t.Skipf("%s is not set; run make integration-kafka", kafka.LibsVariable)
	}
	c, err := kafka.Start(t.Context(), kafka.Options{Libs: libs, Dir: t.TempDir(), Brokers: brokers, Passwords: plainUsers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	want := undisturbed(t) // on the embedded broker
	t.Run("Once", func(t *testing.T) { testKafkaOnce(t, c, want) })
	t.Run("Security", func(t *testing.T) { testKafkaSecurity(t, c, want) })
	t.Run("Refused", func(t *testing.T) { testKafkaRefused(t, c) })
	t.Run("Rights", func(t *testing.T) { testKafkaRights(t, c, want) })
	t.Run("Rotated", func(t *testing.T) { testKafkaRotated(t, c, want) })
	t.Run("BrokerKilled", func(t *testing.T) { testKafkaBrokerKilled(t, c, want) })
	t.Run("Killed", func(t *testing.T) { testKafkaKilled(t, c, want) })
	t.Run("Shared", func(t *testing.T) { testKafkaShared(t, c, want) })
	t.Run("Reloaded", func(t *testing.T) {
		reloadShared(t, plaintextWorld(t, c, "reloaded."), broker.Options{Seeds: c.Plaintext(), Log: slog.New(slog.DiscardHandler)})
	})
	t.Run("Collectors", func(t *testing.T) { testKafkaCollectors(t, c) })
	t.Run("Schedules", func(t *testing.T) { testKafkaSchedules(t, c) })
}

// plaintextWorld is a world on the cluster, whose topics begin with prefix.
func plaintextWorld(t *testing.T, c *kafka.Cluster, prefix string) *world {
	t.Helper()
	return newClusterWorld(t, cluster{Brokers: c.Plaintext(), Prefix: prefix, Replication: brokers})
}

// checkUndisturbed checks that a world ended like one on the embedded broker
// through which nothing went wrong.
func checkUndisturbed(t *testing.T, w *world, want books) {
	t.Helper()
	got := w.audit(t)
	checkBooks(t, got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the books differ (-undisturbed, on the embedded broker +here):\n%s", diff)
	}
}

// testKafkaOnce takes the input through all roles, and then again.
func testKafkaOnce(t *testing.T, c *kafka.Cluster, want books) {
	w := plaintextWorld(t, c, "once.")
	w.writeLogs(t)
	for range 2 {
		if err := w.run(t.Context(), Options{Once: true}); err != nil {
			t.Fatal(err)
		}
		checkUndisturbed(t, w, want)
	}
}

// testKafkaKilled kills the process at each step of each role and lets a new one
// finish.
func testKafkaKilled(t *testing.T, c *kafka.Cluster, want books) {
	for _, fault := range Faults {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := plaintextWorld(t, c, "killed."+strings.ReplaceAll(string(fault), "/", ".")+".")
			w.writeLogs(t)
			kill(t, w, fault, 2)
			if err := w.run(t.Context(), Options{Once: true, Workers: 2, batchRecords: victimBatch}); err != nil {
				t.Fatal(err)
			}
			checkUndisturbed(t, w, want)
		})
	}
}

// testKafkaShared lets several processes share the work, one of which is killed:
// the books of a fixed input, of equal roles and of different ones, and the findings
// of random timelines.
func testKafkaShared(t *testing.T, c *kafka.Cluster, want books) {
	opts := broker.Options{Seeds: c.Plaintext(), Log: slog.New(slog.DiscardHandler)}
	t.Run("books", func(t *testing.T) {
		t.Parallel()
		shareTheWork(t, plaintextWorld(t, c, "shared.books."), opts, want)
	})
	t.Run("layout", func(t *testing.T) {
		t.Parallel()
		layOut(t, plaintextWorld(t, c, "shared.layout."), opts, want)
	})
	for seed := uint64(2001); seed <= 2004; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			correlateShared(t, plaintextWorld(t, c, fmt.Sprintf("shared.%d.", seed)), opts, seed)
		})
	}
}

// testKafkaBrokerKilled kills one broker of three under a pipeline, and lets it
// come back.
func testKafkaBrokerKilled(t *testing.T, c *kafka.Cluster, want books) {
	w := plaintextWorld(t, c, "broker.")
	halfByHalf(t, c, w, want, func() { succeed(t, c.Kill(0)) })
	succeed(t, c.Restart(0))
	succeed(t, c.Ready(t.Context()))
	succeed(t, w.run(t.Context(), Options{Once: true}))
	checkUndisturbed(t, w, want)
}
