//go:build integration

package pipeline

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/test/integration/kafka"
)

// testKafkaCollectors lets processes divide the objects of a collector.
func testKafkaCollectors(t *testing.T, c *kafka.Cluster) {
	brokers := func(t *testing.T) (*world, broker.Options) {
		prefix := strings.NewReplacer("/", ".", "#", ".").Replace(t.Name()) + "."
		return plaintextWorld(t, c, prefix), broker.Options{Seeds: c.Plaintext(), Log: slog.New(slog.DiscardHandler)}
	}
	t.Run("divide", func(t *testing.T) { testDivide(t, brokers) })
	t.Run("stood still", func(t *testing.T) { testStoodStill(t, brokers) })
}
