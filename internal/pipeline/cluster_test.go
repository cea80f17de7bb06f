package pipeline

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/sources"
)

// cluster is the part of a Kafka cluster that one world has to itself. A world
// whose directory names one in clusterFile uses it, also in the processes that a
// test starts to kill, and any other world has an embedded broker.
type cluster struct {
	Brokers     []string
	Prefix      string // of topics, groups and the instance
	Replication int16
}

const clusterFile = "cluster.json"

// newClusterWorld makes a world on a cluster.
func newClusterWorld(t *testing.T, c cluster) *world {
	t.Helper()
	dir := fastDir(t)
	writeCluster(t, dir, c)
	return newWorld(dir)
}

func writeCluster(t *testing.T, dir string, c cluster) {
	t.Helper()
	data, err := json.Marshal(c)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, clusterFile), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// wipe takes from the world all that its broker knows. On a cluster that is a
// matter of new names, as of another cluster: the old topics and groups are not
// the world's any more.
func (w *world) wipe(t *testing.T) {
	t.Helper()
	if embedded := w.config.Kafka.Embedded; embedded != nil {
		if err := os.RemoveAll(embedded.Dir); err != nil {
			t.Fatal(err)
		}
		return
	}
	prefix := w.config.Kafka.TopicPrefix + "wiped."
	writeCluster(t, w.dir, cluster{Brokers: w.config.Kafka.Brokers, Prefix: prefix, Replication: w.config.Kafka.ReplicationFactor})
	useCluster(w.dir, w.config)
}

// useCluster gives a world its cluster, if it has one.
func useCluster(dir string, cfg *config.Config) {
	data, err := os.ReadFile(filepath.Join(dir, clusterFile))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var c cluster
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		panic(err) // the test wrote it
	}
	cfg.Kafka.Embedded, cfg.Kafka.Brokers, cfg.Kafka.ReplicationFactor = nil, c.Brokers, c.Replication
	cfg.Kafka.TopicPrefix, cfg.Kafka.GroupPrefix, cfg.Instance = c.Prefix, c.Prefix, c.Prefix+"test"
}

// reach is the way to a world's broker when no pipeline runs on it.
func (w *world) reach(t testing.TB) (broker.Options, func()) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	kafka := w.config.Kafka
	if kafka.Embedded != nil {
		embedded, err := broker.StartEmbedded(kafka.Embedded.Dir, log)
		if err != nil {
			t.Fatal(err)
		}
		return broker.Options{Seeds: embedded.Addrs(), Log: log}, func() { embedded.Close() }
	}
	security, err := broker.Security(kafka.TLS, kafka.SASL)
	if err != nil {
		t.Fatal(err)
	}
	return broker.Options{Seeds: kafka.Brokers, Log: log, Extra: security}, func() {}
}

// sources are those that the world uses.
func (w *world) sources() []sources.Source {
	return sources.Builtin().Some(w.config.UsedSources())
}

// finishTries is how often a weir whose brokers go away is started again.
const finishTries = 5

// finish runs the pipeline to the end of its input. Where brokers go away before they
// took it in it does what an operator's supervisor does: start again, once they
// are back.
func (w *world) finish(t *testing.T, o Options) error {
	t.Helper()
	err := w.run(t.Context(), o)
	for range finishTries {
		if err == nil || w.calm == nil || !broker.Passing(err) {
			return err
		}
		t.Logf("starting again after: %v", err)
		w.calm.RLock() // until all brokers are well
		w.calm.RUnlock()
		err = w.run(t.Context(), o)
	}
	return err
}

// calmAudit is audit while nothing happens to the brokers.
func (w *world) calmAudit(t *testing.T) books {
	t.Helper()
	if w.calm != nil {
		w.calm.RLock()
		defer w.calm.RUnlock()
	}
	return w.audit(t)
}
