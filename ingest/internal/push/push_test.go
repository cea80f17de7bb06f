package push

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Requests that come while a put is under way become durable together, each in its
// order.
func TestGroupCommit(t *testing.T) {
	const requests, size = 40, 10
	cfg := testConfig()
	q := newQueue(requests)
	server := httptest.NewServer(newHandler(&cfg, lines{}, new(access), q))
	defer server.Close()
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() {
			if got := post(t, server.URL, batchOf(i*size, size)); got != http.StatusOK {
				t.Errorf("answer %d", got)
			}
		})
	}
	for deadline := time.Now().Add(30 * time.Second); len(q.waiting) < requests; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the requests do not arrive")
		}
	}
	k := new(kafka)
	committed := make(chan error, 1)
	go func() { committed <- q.commit(t.Context(), k.put) }() // ends with q.close
	wg.Wait()
	q.close()
	if err := <-committed; err != nil || k.puts != 1 {
		t.Errorf("%d requests took %d puts, error %v", requests, k.puts, err)
	}
	at := map[string]int{}
	for i, v := range k.durable() {
		at[v] = i
	}
	if len(at) != requests*size {
		t.Fatalf("%d events are durable, want %d", len(at), requests*size)
	}
	for i := range requests * size {
		if i%size > 0 && at[line(i)] != at[line(i-1)]+1 {
			t.Errorf("event %d does not follow event %d of its request", i, i-1)
		}
	}
}

// The name of the collector is for the caller to add, once.
func TestAddressInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := testConfig()
	cfg.Listen = taken.Addr().String()
	c, err := New(cfg, lines{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(t.Context(), nil, nil); err == nil || !strings.HasPrefix(err.Error(), "listen tcp "+cfg.Listen+": ") {
		t.Errorf("Run returned %v", err)
	}
}
