package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weir-security/weir/sinks"
)

func cluster(t *testing.T) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "alerts"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func open(t *testing.T, c *kfake.Cluster, conf Config) *Destination {
	t.Helper()
	conf.Brokers = c.ListenAddrs()
	if conf.Topic == "" {
		conf.Topic = "alerts"
	}
	d, err := New(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func alerts(n int) []sinks.Alert {
	all := make([]sinks.Alert, n)
	for i := range all {
		all[i] = sinks.Alert{ID: fmt.Sprintf("a%04d", i), Value: fmt.Appendf(nil, `{"metadata":{"uid":"a%04d"}}`, i)}
	}
	return all
}

// topic counts what is in the topic, by key.
func topic(t *testing.T, c *kfake.Cluster) map[string]int {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics("alerts"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(t.Context(), "alerts")
	if err != nil {
		t.Fatal(err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	got := map[string]int{}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for left > 0 {
		fetches := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			left--
			got[string(r.Key)]++
			if uid := string(r.Headers[1].Value); uid != string(r.Key) || !strings.Contains(string(r.Value), uid) {
				t.Errorf("record %s has headers %v and value %s", r.Key, r.Headers, r.Value)
			}
		})
	}
	return got
}

func TestDeliver(t *testing.T) {
	c := cluster(t)
	d := open(t, c, Config{MaxMessage: 10_000})
	batch := alerts(500)
	noise := make([]byte, 30_000) // which does not compress away
	for i := range noise {
		noise[i] = byte('a' + rand.IntN(26))
	}
	batch[7].Value = noise
	err := d.Deliver(t.Context(), batch)
	retry, refused := sinks.Outcome(len(batch), err)
	if len(retry) != 0 || len(refused) != 1 || refused[0].Index != 7 || !strings.Contains(refused[0].Err.Error(), "max_message is 10000") {
		t.Fatalf("%v", err)
	}
	got := topic(t, c)
	for i, a := range batch {
		if want := 1; i != 7 && got[a.ID] != want {
			t.Errorf("alert %s is there %d times", a.ID, got[a.ID])
		}
	}
	if len(got) != 499 {
		t.Errorf("%d alerts are there", len(got))
	}
}

// The fault table: whatever a broker answers, everything arrives in the end, and what
// is tried again within one delivery is there once.
func TestFaults(t *testing.T) {
	fail := func(code int16) func(kmsg.Request) (kmsg.Response, error, bool) {
		return func(req kmsg.Request) (kmsg.Response, error, bool) {
			produce := req.(*kmsg.ProduceRequest)
			resp := produce.ResponseKind().(*kmsg.ProduceResponse)
			for _, rt := range produce.Topics {
				st := kmsg.NewProduceResponseTopic()
				st.Topic, st.TopicID = rt.Topic, rt.TopicID
				for _, rp := range rt.Partitions {
					sp := kmsg.NewProduceResponseTopicPartition()
					sp.Partition, sp.ErrorCode = rp.Partition, code
					st.Partitions = append(st.Partitions, sp)
				}
				resp.Topics = append(resp.Topics, st)
			}
			return resp, nil, true
		}
	}
	tests := []struct {
		name   string
		answer func(kmsg.Request) (kmsg.Response, error, bool)
		fails  bool // the delivery, and not only a request in it
	}{
		{"connections break", func(kmsg.Request) (kmsg.Response, error, bool) { return nil, errors.New("broken"), true }, false},
		{"the leader moves", fail(kerr.NotLeaderForPartition.Code), false},
		{"too few replicas", fail(kerr.NotEnoughReplicas.Code), false},
		{"the request times out", fail(kerr.RequestTimedOut.Code), false},
		{"no right to write", fail(kerr.TopicAuthorizationFailed.Code), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := cluster(t)
			var mu sync.Mutex
			requests := 0
			c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				mu.Lock()
				defer mu.Unlock()
				if requests++; requests%2 == 1 {
					return tt.answer(req)
				}
				return nil, nil, false
			})
			d := open(t, c, Config{Timeout: 5 * time.Second})
			left, failed := alerts(40), false
			for tries := 0; len(left) > 0; tries++ {
				if tries > 50 {
					t.Fatalf("%d alerts never arrive", len(left))
				}
				err := d.Deliver(t.Context(), left)
				failed = failed || err != nil
				retry, refused := sinks.Outcome(len(left), err)
				if len(refused) > 0 {
					t.Fatalf("refused: %v", refused[0].Err)
				}
				var again []sinks.Alert
				for _, i := range retry {
					again = append(again, left[i])
				}
				left = again
			}
			got := topic(t, c)
			for _, a := range alerts(40) {
				if got[a.ID] != 1 {
					t.Errorf("alert %s is there %d times", a.ID, got[a.ID])
				}
			}
			if failed != tt.fails {
				t.Errorf("a delivery failed: %v, want %v", failed, tt.fails)
			}
		})
	}
}

func TestAway(t *testing.T) {
	c := cluster(t)
	d := open(t, c, Config{Timeout: time.Second, Topic: "nowhere"})
	err := d.Deliver(t.Context(), alerts(2))
	if retry, refused := sinks.Outcome(2, err); len(retry) != 2 || len(refused) != 0 || !strings.Contains(err.Error(), "create the topic") {
		t.Errorf("without a topic: %v", err)
	}
	d = open(t, c, Config{Timeout: time.Second})
	c.Close()
	if retry, refused := sinks.Outcome(2, d.Deliver(t.Context(), alerts(2))); len(retry) != 2 || len(refused) != 0 {
		t.Errorf("without brokers: to retry %v, refused %v", retry, refused)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if retry, _ := sinks.Outcome(2, d.Deliver(ctx, alerts(2))); len(retry) != 2 {
		t.Error("interrupted, alerts count as delivered")
	}
}

func TestRender(t *testing.T) {
	d := open(t, cluster(t), Config{})
	messages, err := d.Render(alerts(2))
	if err != nil || len(messages) != 2 || messages[1].Header[0] != (sinks.Header{Name: "key", Value: "a0001"}) || string(messages[1].Body) != string(alerts(2)[1].Value) {
		t.Errorf("%v, %v", messages, err)
	}
}

// BenchmarkDeliver produces batches of 500 alerts of 4 kB to a broker in this process.
func BenchmarkDeliver(b *testing.B) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "alerts"))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	d, err := New(Config{Brokers: c.ListenAddrs(), Topic: "alerts"})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	batch := alerts(500)
	for i := range batch {
		batch[i].Value = fmt.Appendf(nil, `{"metadata":{"uid":"a%04d"},"message":%q}`, i, strings.Repeat("evidence ", 450))
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Deliver(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "alerts/s")
}
