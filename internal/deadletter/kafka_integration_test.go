//go:build integration

package deadletter_test

import (
	"os"
	"strings"
	"testing"

	"github.com/weir-security/weir/internal/deadletter"
	"github.com/weir-security/weir/test/integration/kafka"
)

// TestKafka is what a replay promises, on Apache Kafka.
func TestKafka(t *testing.T) {
	libs := os.Getenv(kafka.LibsVariable)
	if libs == "" {
		t.Skipf("%s is not set; run make integration-kafka", kafka.LibsVariable)
	}
	c, err := kafka.Start(t.Context(), kafka.Options{Libs: libs, Dir: t.TempDir(), Brokers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	const letters = 2*deadletter.BatchLetters + 100
	log := strings.Join(calls(letters), "\n") + "\n"
	want := undisturbed(t, log) // on the embedded broker
	on := func(t *testing.T, prefix string) *world {
		w := worldOf(t, wrong, log)
		w.on(c.Plaintext(), prefix)
		return w
	}
	t.Run("WhileRunning", func(t *testing.T) { on(t, "running.").healWhileRunning(t, want) })
	t.Run("Killed", func(t *testing.T) {
		on(t, "killed.").healKilled(t, "produced:2", letters, deadletter.BatchLetters, want)
	})
	t.Run("Twice", func(t *testing.T) { on(t, "twice.").replayTwice(t, letters) })
}
