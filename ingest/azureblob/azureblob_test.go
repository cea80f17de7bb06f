package azureblob

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-security/weir/ingest"
	"github.com/weir-security/weir/ingest/azureblob/blobfake"
	"github.com/weir-security/weir/ingest/envelope"
)

const (
	testAccount   = "weirlogs"
	testContainer = "insights-activity-logs"
	testResource  = "resourceId=/SUBSCRIPTIONS/3B2C7A90-58D4-4C0E-9A6E-7E1D5C4B9F02/"
)

// durable is where puts go: what Kafka is to a collector.
type durable struct {
	mu      sync.Mutex
	records map[string]int
	dead    []string
	cursors map[string][]byte
	puts    int
	fail    func(n int) error // of the nth put; what fails is not durable
}

func newDurable() *durable {
	return &durable{records: map[string]int{}, cursors: map[string][]byte{}, fail: func(int) error { return nil }}
}

func (d *durable) put(_ context.Context, b ingest.Batch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.puts++
	if err := d.fail(d.puts); err != nil {
		return err
	}
	for _, r := range b.Records {
		d.records[string(r.Value)]++
		if want := "azblob://" + testAccount + "/" + testContainer + "/"; !strings.HasPrefix(r.Origin.Object, want) {
			return fmt.Errorf("the object is %s", r.Origin.Object)
		}
	}
	for _, l := range b.DeadLetters {
		d.dead = append(d.dead, string(l.Value))
	}
	for _, c := range b.Cursors {
		if c.Value == nil {
			delete(d.cursors, c.Key)
		} else {
			d.cursors[c.Key] = c.Value
		}
	}
	return nil
}

func newServer(t *testing.T) *blobfake.Server {
	t.Helper()
	s := blobfake.New(testAccount)
	t.Cleanup(s.Close)
	s.Put(testContainer, "a-readme.txt", "")
	return s
}

func testConfig(s *blobfake.Server) Config {
	return Config{
		Name: "activity", Source: "azure.activity", Container: testContainer,
		Access: Access{Account: testAccount, Endpoint: s.URL, Secrets: func() (Secrets, error) {
			return Secrets{AccountKey: "d2VpcidzIHRlc3RzIG9uIGxvb3BiYWNr"}, nil
		}},
		Once:   true,
		Format: envelope.Format{EnvelopeKeys: []string{"records"}},
		Log:    slog.New(slog.DiscardHandler),
	}
}

func run(t *testing.T, cfg Config, d *durable) error {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c.Run(t.Context(), maps.Clone(d.cursors), d.put)
}

// blobOf is the name of the blob of an hour before now.
func blobOf(hoursAgo int) string {
	at := time.Now().UTC().Add(-time.Duration(hoursAgo) * time.Hour)
	return testResource + at.Format("y=2006/m=01/d=02/h=15/") + "m=00/PT1H.json"
}

var errKilled = errors.New("killed")

// Blobs of both forms grow in any steps between runs that are killed or meet trouble of
// the store; each record is there once.
func TestGrowingBlobs(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			grow(t, rand.New(rand.NewPCG(seed, 3)))
		})
	}
}

func grow(t *testing.T, rng *rand.Rand) {
	s, d := newServer(t), newDurable()
	s.PageSize = 3
	const blobs, each, steps = 6, 40, 12
	text, at := map[string]string{}, map[string]int{}
	list := map[string][]string{}
	want := map[string]bool{}
	for b := range blobs {
		name := blobOf(b)
		for i := range each {
			r := fmt.Sprintf(`{"time":"2026-11-22T06:%02d:00Z","n":"%d-%d"}`, i, b, i)
			want[r] = true
			text[name] += r + "\r\n"
			list[name] = append(list[name], r)
		}
	}
	names := slices.Sorted(maps.Keys(text))
	var mu sync.Mutex
	step := 0
	advance := func(all bool) {
		for i, name := range names {
			switch appended := i%2 == 0; {
			case appended:
				n := rng.IntN(len(text[name])/steps*2 + 1)
				if all {
					n = len(text[name])
				}
				n = min(n, len(text[name])-at[name])
				if n > 0 {
					s.Append(testContainer, name, text[name][at[name]:at[name]+n])
				}
				at[name] += n
			default:
				n := min(at[name]+rng.IntN(each/steps*2+1), each)
				if all {
					n = each
				}
				s.Put(testContainer, name, `{"records":[`+strings.Join(list[name][:n], ",\n")+`]}`)
				at[name] = n
			}
		}
	}
	s.SetTrouble(func(r blobfake.Request) blobfake.Trouble {
		mu.Lock()
		defer mu.Unlock()
		if step == steps || r.Op != "GetBlob" {
			return blobfake.Trouble{}
		}
		switch rng.IntN(8) {
		case 0:
			return blobfake.Trouble{Cut: 1 + rng.IntN(200)}
		case 1: // it grows between the listing and the reading, or during the reading
			return blobfake.Trouble{Before: func() { s.Append(testContainer, blobOf(9), "{}\n") }}
		}
		return blobfake.Trouble{}
	})
	for step = 0; step <= steps; step++ {
		advance(step == steps)
		fail := d.puts + rng.IntN(6)
		d.fail = func(n int) error {
			if n == fail && step < steps {
				return errKilled
			}
			return nil
		}
		if err := run(t, testConfig(s), d); err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	}
	for range 2 { // a blob that changed while it was read comes in the next pass
		if err := run(t, testConfig(s), d); err != nil {
			t.Fatal(err)
		}
	}
	for r := range want {
		if d.records[r] != 1 {
			t.Errorf("%d times: %s", d.records[r], r)
		}
	}
	if len(d.dead) > 0 {
		t.Errorf("dead letters %q", d.dead)
	}
}

// An answer with an ETag younger than its content must not pass for the content of
// that ETag: what was appended in between would not be read until the blob changes again.
func TestYoungerETag(t *testing.T) {
	s, d := newServer(t), newDurable()
	name := blobOf(1)
	s.Append(testContainer, name, "{\"n\":1}\n")
	appended := false
	s.SetTrouble(func(r blobfake.Request) blobfake.Trouble {
		if r.Op != "GetBlob" || appended || r.Name != name {
			return blobfake.Trouble{}
		}
		appended = true
		return blobfake.Trouble{During: func() { s.Append(testContainer, name, "{\"n\":2}\n") }}
	})
	for range 2 {
		if err := run(t, testConfig(s), d); err != nil {
			t.Fatal(err)
		}
	}
	if d.records[`{"n":1}`] != 1 || d.records[`{"n":2}`] != 1 || len(d.dead) > 0 {
		t.Errorf("records %v, dead letters %q", d.records, d.dead)
	}
}

// Folders of days that are done are not listed again.
func TestOldDaysAreNotListed(t *testing.T) {
	s, d := newServer(t), newDurable()
	for _, hours := range []int{1, 30, 24 * 10, 24 * 40, 24 * 400} {
		s.Append(testContainer, blobOf(hours), fmt.Sprintf("{\"n\":%d}\n", hours))
	}
	for range 2 {
		s.Listed()
		if err := run(t, testConfig(s), d); err != nil {
			t.Fatal(err)
		}
		if len(d.records) != 5 {
			t.Fatalf("records %v", d.records)
		}
	}
	for _, prefix := range s.Listed() {
		day := time.Now().UTC().AddDate(0, 0, -10)
		if strings.Contains(prefix, day.Format("m=01/d=02/")) {
			t.Errorf("listed again: %s", prefix)
		}
	}
}

func TestRefused(t *testing.T) {
	s, d := newServer(t), newDurable()
	s.Append(testContainer, blobOf(1), "{}\n")
	var problems []string
	cfg := testConfig(s)
	cfg.Report = func(p string) { problems = append(problems, p) }
	s.SetTrouble(func(r blobfake.Request) blobfake.Trouble {
		if r.Op == "GetBlob" {
			return blobfake.Trouble{Status: http.StatusForbidden, Code: "AuthorizationPermissionMismatch"}
		}
		return blobfake.Trouble{}
	})
	_ = run(t, cfg, d) // says that none could be read
	if all := strings.Join(problems, "\n"); !strings.Contains(all, "the store refuses: status 403, AuthorizationPermissionMismatch") {
		t.Errorf("reported: %s", all)
	}
	s.SetTrouble(nil)
	if err := run(t, cfg, d); err != nil {
		t.Fatal(err)
	}
	if len(d.records) != 1 || problems[len(problems)-1] != "" {
		t.Errorf("records %v, reported %q", d.records, problems)
	}
	cfg.Container = "no-such-container"
	if err := run(t, cfg, d); err == nil || !strings.Contains(err.Error(), "ContainerNotFound") {
		t.Errorf("the error is %v", err)
	}
}
