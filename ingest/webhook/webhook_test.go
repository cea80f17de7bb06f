package webhook

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/schemas/event"
)

// An answer of 200 comes after the events are durable, in their order, each with
// its place in the body.
func TestDurableBefore200(t *testing.T) {
	k := new(kafka)
	r := start(t, testConfig(), k.put)
	body := batchOf(0, 5)
	if got := post(t, r.url, body); got.code != http.StatusOK {
		t.Fatalf("answer %+v", got)
	}
	var want []string
	for i := range 5 {
		want = append(want, auditEvent(i))
	}
	if diff := cmp.Diff(want, k.durable()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for i, rec := range k.records {
		origin := event.Origin{Collector: "k8s", Object: "webhook:k8s/anonymous", Position: int64(strings.Index(body, auditEvent(i)))}
		if diff := cmp.Diff(origin, rec.Origin); diff != "" || rec.Source != "kubernetes.audit" {
			t.Errorf("record %d of source %q has the origin (-want +got):\n%s", i, rec.Source, diff)
		}
	}
}

func TestAnswers(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Record, cfg.Limits.Body = 4<<10, 64<<10
	k := new(kafka)
	r := start(t, cfg, k.put)
	huge := strings.Repeat("x", 5<<10)
	for _, c := range []struct {
		name    string
		change  func(*http.Request)
		body    string
		code    int
		message string
		events  int
		letters int
	}{
		{name: "a list", body: batchOf(0, 3), code: 200, events: 3},
		{name: "an empty list", body: listOf(), code: 200},
		{name: "members in another order", body: `{"apiVersion":"audit.k8s.io/v1","items":[{"a":1}],"kind":"EventList"}`, code: 200, events: 1},
		{name: "charset", body: batchOf(0, 1), code: 200, events: 1, change: func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-8") }},
		{name: "gzip", body: gz(batchOf(0, 3)), code: 200, events: 3, change: compressed},
		{name: "a broken event", body: listOf(auditEvent(1), `{"auditID": oops}`, auditEvent(2)), code: 200, events: 2, letters: 1},
		{name: "only broken events", body: listOf(`{"auditID": oops}`), code: 200, letters: 1},
		{name: "a list that is cut off", body: strings.TrimSuffix(listOf(auditEvent(1), auditEvent(2)), "}]}\n"), code: 200, events: 1, letters: 1},
		{name: "a huge event", body: listOf(auditEvent(1), `{"x":"`+huge+`"}`, auditEvent(2)), code: 413, message: "1 of 3 events are above 4096 bytes", events: 2, letters: 1},
		{name: "a huge body", body: batchOf(0, 100), code: 413, message: "the body is above 65536 bytes"},
		{name: "a huge body of unknown length", body: batchOf(0, 100), code: 413, message: "the body is above 65536 bytes", change: chunked},
		{name: "a gzip bomb", body: gz(`{"kind":"EventList","items":[` + strings.Repeat(" ", 8<<20) + `]}`), code: 413, message: "the body is above 65536 bytes", change: compressed},
		{name: "nothing", body: "", code: 400, message: "the body is empty"},
		{name: "no JSON", body: "hello", code: 400, message: "no JSON object"},
		{name: "an array", body: "[" + auditEvent(1) + "]", code: 400, message: "no JSON object"},
		{name: "an event", body: auditEvent(1), code: 400, message: `no array "items"`},
		{name: "no items", body: `{"kind":"EventList","metadata":{}}`, code: 400, message: `no array "items"`},
		{name: "another list", body: `{"kind":"PodList","items":[{"kind":"Pod"}]}`, code: 400, message: `the kind is "PodList"`},
		{name: "a list without a kind", body: `{"items":[]}`, code: 400, message: `the kind is ""`},
		{name: "a list with nothing good in it", body: `{"kind":"EventList","items":[{"a":`, code: 400, message: "no event can be told apart"},
		{name: "a long frame", body: `{"kind":"EventList","metadata":"` + strings.Repeat("x", 63<<10) + `","items":[{}]}`, code: 200, events: 1},
		{name: "no gzip", body: batchOf(0, 1), code: 400, message: "gzip data is cut off or damaged", change: compressed},
		{name: "gzip that is cut off", body: gz(batchOf(0, 3))[:200], code: 400, message: "gzip data is cut off or damaged", change: compressed},
		{name: "another encoding", body: batchOf(0, 1), code: 415, message: `got "br"`, change: func(r *http.Request) { r.Header.Set("Content-Encoding", "br") }},
		{name: "another type", body: batchOf(0, 1), code: 415, message: `got "application/vnd.kubernetes.protobuf"`, change: func(r *http.Request) { r.Header.Set("Content-Type", "application/vnd.kubernetes.protobuf") }},
		{name: "no type", body: batchOf(0, 1), code: 415, change: func(r *http.Request) { r.Header.Del("Content-Type") }},
		{name: "another method", code: 405, message: "got GET", change: func(r *http.Request) { r.Method = http.MethodGet }},
	} {
		t.Run(c.name, func(t *testing.T) {
			k.records, k.letters = nil, nil
			req := request(t, r.url, c.body)
			if c.change != nil {
				c.change(req)
			}
			got := do(t, http.DefaultClient, req)
			if got.code != c.code || !strings.Contains(got.message, c.message) {
				t.Errorf("answer %d %q, want %d %q", got.code, got.message, c.code, c.message)
			}
			if len(k.records) != c.events || len(k.letters) != c.letters {
				t.Errorf("%d events and %d dead letters are durable, want %d and %d", len(k.records), len(k.letters), c.events, c.letters)
			}
			for _, l := range k.letters {
				if l.Stage != event.StageCollect || l.Origin.Object != "webhook:k8s/anonymous" || l.Size == 0 || l.SHA256 == "" || l.Detail == "" {
					t.Errorf("dead letter %+v", l)
				}
			}
		})
	}
}

func compressed(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }

func chunked(r *http.Request) {
	r.ContentLength = -1
	r.Body = io.NopCloser(r.Body)
}

func TestTooManyEvents(t *testing.T) {
	r := start(t, testConfig(), new(kafka).put)
	got := post(t, r.url, `{"kind":"EventList","items":[`+strings.Repeat("{},", maxEvents)+`{}]}`)
	if got.code != http.StatusRequestEntityTooLarge || !strings.Contains(got.message, "more than 20000 events") {
		t.Errorf("answer %+v", got)
	}
}

// A put that hangs holds nobody up: the answer is 503 at the deadline, those who come
// while the queue is full get it at once, and what the put makes durable after all is
// no loss.
func TestPutHangs(t *testing.T) {
	release := make(chan struct{})
	k := &kafka{before: func(ingest.Batch) error { <-release; return nil }}
	cfg := testConfig()
	cfg.Timeout = 300 * time.Millisecond
	cfg.Limits.Requests = 3
	r := start(t, cfg, k.put)
	var wg sync.WaitGroup
	codes := make([]reply, 12)
	for i := range codes {
		wg.Go(func() { codes[i] = post(t, r.url, batchOf(i, 1)) })
	}
	wg.Wait()
	for i, got := range codes {
		if got.code != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "1" {
			t.Errorf("request %d: answer %+v", i, got)
		}
	}
	close(release)
	for deadline := time.Now().Add(10 * time.Second); len(k.durable()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the batch that hung was not put")
		}
	}
	if got := post(t, r.url, batchOf(99, 1)); got.code != http.StatusOK {
		t.Errorf("afterwards: answer %+v", got)
	}
	if k.puts != 2 {
		t.Errorf("%d puts: requests that were given up before their put had begun were put", k.puts)
	}
}

// A put that fails ends Run with its error, and nobody gets a 200.
func TestPutFails(t *testing.T) {
	broken := errors.New("broker away")
	began := make(chan struct{})
	fail := make(chan struct{})
	k := &kafka{before: func(ingest.Batch) error { close(began); <-fail; return broken }}
	r := start(t, testConfig(), k.put)
	var wg sync.WaitGroup
	answers := make([]reply, 4)
	wg.Go(func() { answers[0] = post(t, r.url, batchOf(0, 1)) })
	<-began
	for i := 1; i < len(answers); i++ {
		wg.Go(func() { answers[i] = post(t, r.url, batchOf(i, 1)) })
	}
	time.Sleep(50 * time.Millisecond) // most of them wait in the queue by now; it does not matter if not all
	close(fail)
	wg.Wait()
	for i, got := range answers {
		if got.code != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("request %d: answer %+v", i, got)
		}
	}
	if err := r.wait(t); !errors.Is(err, broken) {
		t.Errorf("Run returned %v", err)
	}
}

// At the end what is in flight is answered, and nobody else is let in.
func TestDrain(t *testing.T) {
	release := make(chan struct{})
	began := make(chan struct{}, 1)
	k := &kafka{before: func(ingest.Batch) error { began <- struct{}{}; <-release; return nil }}
	r := start(t, testConfig(), k.put)
	answered := make(chan reply, 1)
	go func() { answered <- post(t, r.url, batchOf(0, 3)) }()
	<-began
	r.stop()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", r.addr)
		if err != nil {
			break
		}
		_ = conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("a connection is still accepted")
		}
	}
	close(release)
	if got := <-answered; got.code != http.StatusOK {
		t.Errorf("answer %+v", got)
	}
	if err := r.wait(t); err != nil {
		t.Errorf("Run returned %v", err)
	}
	if n := len(k.durable()); n != 3 {
		t.Errorf("%d events are durable", n)
	}
}

// A drain does not wait longer than it may for a client that dawdles.
func TestDrainEnds(t *testing.T) {
	cfg := testConfig()
	cfg.Drain = 100 * time.Millisecond
	r := start(t, cfg, new(kafka).put)
	conn, _ := slowClient(t, r.addr)
	defer conn.Close()
	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("Run returned %v", err)
	}
}

// slowClient sends the beginning of a request and waits until the server reads on.
func slowClient(t *testing.T, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	header := "POST / HTTP/1.1\r\nHost: weir\r\nContent-Type: application/json\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
	if _, err := io.WriteString(conn, header); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		if line, err := in.ReadString('\n'); err != nil || line != want {
			t.Fatalf("read %q, %v", line, err)
		}
	}
	return conn, in
}

// A client that sends its body slowly is answered at the deadline.
func TestSlowBody(t *testing.T) {
	cfg := testConfig()
	cfg.Timeout = 200 * time.Millisecond
	r := start(t, cfg, new(kafka).put)
	conn, in := slowClient(t, r.addr)
	defer conn.Close()
	if _, err := io.WriteString(conn, `{"kind":`); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := decode(t, resp); got.code != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("answer %+v", got)
	}
}
