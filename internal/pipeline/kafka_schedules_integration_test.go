//go:build integration

package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-security/weir/test/integration/kafka"
)

// How many schedules there are on Apache Kafka, and for how long new ones begin.
const (
	envKafkaSchedules = "WEIR_KAFKA_SCHEDULES"
	envKafkaWithin    = "WEIR_KAFKA_WITHIN"

	kafkaSchedules    = 200
	kafkaSchedulesFor = 10 * time.Minute
	leastSchedules    = 100 // with fewer the test fails, unless fewer were asked for
	worldsAtOnce      = 6   // each waits much
)

// kafkaPlan is how many schedules to run, and until when new ones begin.
func kafkaPlan(t *testing.T) (most uint64, limit time.Duration) {
	t.Helper()
	most, limit = kafkaSchedules, kafkaSchedulesFor
	var err error
	if text := os.Getenv(envKafkaSchedules); text != "" {
		if most, err = strconv.ParseUint(text, 10, 32); err != nil {
			t.Fatalf("%s: %v", envKafkaSchedules, err)
		}
	}
	if text := os.Getenv(envKafkaWithin); text != "" {
		if limit, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", envKafkaWithin, err)
		}
	}
	return most, limit
}

// testKafkaSchedules takes worlds through the schedules of the first seeds, several
// at once, while brokers are killed, stand still and come back.
func testKafkaSchedules(t *testing.T, c *kafka.Cluster) {
	want := scheduleBooks(t)
	if seed := chosenSeed(t); seed != 0 {
		followOnKafka(t, c, new(sync.RWMutex), seed, want)
		return
	}
	most, limit := kafkaPlan(t)
	began := time.Now()
	end := began.Add(limit)
	var next, done atomic.Uint64
	var calm sync.RWMutex
	ctx, cancel := context.WithCancel(t.Context())
	weather := make(chan struct{})
	go func() { // ends with cancel
		defer close(weather)
		if err := bringWeather(ctx, t, c, &calm); err != nil {
			t.Errorf("weather: %v", err)
		}
	}()
	t.Run("all", func(t *testing.T) {
		for range worldsAtOnce {
			t.Run("worker", func(t *testing.T) {
				t.Parallel()
				for time.Now().Before(end) && !t.Failed() {
					n := next.Add(1)
					if n > most {
						return
					}
					followOnKafka(t, c, &calm, n, want)
					done.Add(1)
				}
			})
		}
	})
	cancel()
	<-weather
	t.Logf("%d schedules in %s", done.Load(), time.Since(began).Round(time.Second))
	if least := min(most, leastSchedules); done.Load() < least && !t.Failed() {
		t.Errorf("only %d of %d schedules ran within %s: this machine is too slow or too busy for them, or something waits", done.Load(), least, limit)
	}
}

// followOnKafka takes a world on the cluster through the schedule of a seed and
// takes its topics away.
func followOnKafka(t *testing.T, c *kafka.Cluster, calm *sync.RWMutex, seed uint64, want books) {
	t.Helper()
	began := time.Now()
	prefix := fmt.Sprintf("schedule.%d.", seed)
	w := newClusterWorld(t, cluster{Brokers: c.Plaintext(), Prefix: prefix, Replication: brokers})
	defer os.RemoveAll(w.dir)
	w.calm = calm
	s := newSchedule(seed)
	w.follow(t, seed, s, want)
	t.Logf("seed %d: %d visits in %s", seed, len(s.Visits), time.Since(began).Round(time.Millisecond))
	dropTopics(t, c, prefix)
}

// dropTopics takes topics away, so that the brokers do not carry those of hundreds
// of worlds.
func dropTopics(t *testing.T, c *kafka.Cluster, prefix string) {
	t.Helper()
	adm := administer(t, c)
	waitFor(t, "topics to be gone", func(ctx context.Context) error {
		topics, err := adm.ListTopics(ctx)
		if err != nil {
			return err
		}
		var names []string
		for _, name := range topics.Names() {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			return nil
		}
		_, err = adm.DeleteTopics(ctx, names...)
		return err
	})
}

// What happens to a cluster. One broker at a time is away: two of three are enough
// for all that weir writes.
const (
	weatherPause = 20 * time.Second // between the end of one and the next
	weatherAway  = 8 * time.Second  // at most, of a broker
)

// bringWeather lets things happen to the cluster until ctx is done, but not while
// somebody holds calm.
func bringWeather(ctx context.Context, t *testing.T, c *kafka.Cluster, calm *sync.RWMutex) error {
	rnd := rand.New(rand.NewPCG(1, 0))
	for {
		select {
		case <-time.After(weatherPause):
		case <-ctx.Done():
			return nil
		}
		calm.Lock()
		err := weather(t, c, rnd)
		calm.Unlock()
		if err != nil {
			return err
		}
	}
}

func weather(t *testing.T, c *kafka.Cluster, rnd *rand.Rand) error {
	i, away := rnd.IntN(brokers), time.Duration(rnd.Int64N(int64(weatherAway)))
	kind := []string{"killed", "killed", "stopped", "still"}[rnd.IntN(4)]
	began := time.Now()
	var err error
	switch kind {
	case "killed", "stopped":
		if err = c.Kill(i); kind == "stopped" {
			err = c.Stop(i)
		}
		time.Sleep(away) // what is tested
		if err == nil {
			err = c.Restart(i)
		}
	case "still":
		err = c.Pause(i)
		time.Sleep(away)
		if err == nil {
			err = c.Resume(i)
		}
	}
	if err == nil {
		err = c.Ready(context.WithoutCancel(t.Context()))
	}
	if err == nil {
		err = c.PreferredLeaders(context.WithoutCancel(t.Context())) // they move a second time
	}
	if err != nil {
		return fmt.Errorf("broker %d %s: %w", i, kind, err)
	}
	t.Logf("weather: broker %d %s for %s, all well after %s", i, kind, away.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	return nil
}
