package webhook

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weir-security/weir/ingest"
)

var errPut = errors.New("a put that fails")

// TestNothingAnswered200IsLost sends 10,000 events by eight clients, who send again
// what was not answered 200, while puts fail now and then and end the collector.
func TestNothingAnswered200IsLost(t *testing.T) {
	const clients, batches, size = 8, 50, 25
	var puts, failures atomic.Int64
	k := &kafka{before: func(ingest.Batch) error {
		if puts.Add(1)%5 == 3 {
			failures.Add(1)
			return errPut
		}
		return nil
	}}
	s := &restarting{cfg: testConfig(), put: k.put}
	s.run(t)
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for b := range batches {
				body := batchOf((c*batches+b)*size, size)
				for !s.send(body) {
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]int{}
	for _, v := range k.durable() {
		seen[v]++
	}
	for i := range clients * batches * size {
		if seen[auditEvent(i)] == 0 {
			t.Errorf("event %d was answered 200 and is not durable", i)
		}
	}
	if len(seen) != clients*batches*size {
		t.Errorf("%d different events are durable, want %d", len(seen), clients*batches*size)
	}
	if failures.Load() < 10 {
		t.Errorf("only %d of %d puts failed: the test should make more fail", failures.Load(), puts.Load())
	}
	t.Logf("%d puts, %d of them failed", puts.Load(), failures.Load())
}

// restarting is a collector that is started again whenever a put ended it.
type restarting struct {
	cfg Config
	put ingest.Put
	mu  sync.Mutex
	now *running
}

func (s *restarting) run(t *testing.T) {
	s.now = start(t, s.cfg, s.put)
	go func() { // ends with the test, whose cleanup stops what runs
		for {
			err := <-s.now.end
			s.now.end <- err
			if err == nil || !errors.Is(err, errPut) {
				return
			}
			next := start(t, s.cfg, s.put)
			s.mu.Lock()
			s.now = next
			s.mu.Unlock()
		}
	}()
}

// send reports whether a batch was answered 200.
func (s *restarting) send(body string) bool {
	s.mu.Lock()
	url := s.now.url
	s.mu.Unlock()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return false // not listening just now
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}
