package s3

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/ingest/object"
	"github.com/weir-security/weir/ingest/s3/s3fake"
)

// list collects a bucket once, from the cursors that are there.
func (w *world) list(t *testing.T, d *durable, change func(*Config)) error {
	t.Helper()
	cfg := w.config(t)
	cfg.QueueURL, cfg.Bucket = "", testBucket
	if change != nil {
		change(&cfg)
	}
	c, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	cursors, _ := d.load(t.Context())
	return c.Run(t.Context(), cursors, d.put)
}

func TestListing(t *testing.T) {
	w, d := newWorld(t), newDurable()
	w.PageSize = 7
	for i := range 100 {
		w.object(t, fmt.Sprintf("AWSLogs/%d/CloudTrail/eu-west-1/2026/11/%02d/%d+ %%.json.gz", i%3, 1+i%20, i), 3)
	}
	w.object(t, "other/x.json", 0)
	killed := 0
	d.fail = func(n int) error {
		if n%5 == 4 && killed < 12 {
			killed++
			return errKilled
		}
		return nil
	}
	for {
		err := w.list(t, d, func(c *Config) { c.Prefix = "AWSLogs/" })
		if err == nil {
			break
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	}
	w.check(t, d, false)
	if killed < 5 {
		t.Errorf("killed %d times", killed)
	}
}

// The dates in keys choose what is read.
func TestListingOfDays(t *testing.T) {
	w, d := newWorld(t), newDurable()
	for day := 1; day <= 9; day++ {
		w.object(t, fmt.Sprintf("AWSLogs/1/CloudTrail/eu-west-1/2026/11/%02d/x.json", day), 2)
	}
	for r := range w.want {
		if !strings.Contains(r, "/11/04/") && !strings.Contains(r, "/11/05/") {
			delete(w.want, r)
		}
	}
	err := w.list(t, d, func(c *Config) {
		c.Filter.From = time.Date(2026, 11, 4, 0, 0, 0, 0, time.UTC)
		c.Filter.To = time.Date(2026, 11, 6, 0, 0, 0, 0, time.UTC)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.check(t, d, false)
}

// A walk passes over the days before its date, in each account and region.
func TestWalkJumps(t *testing.T) {
	w := newWorld(t)
	w.PageSize = 10
	var want []string
	for _, root := range []string{"AWSLogs/1/CloudTrail/eu/", "AWSLogs/1/CloudTrail/us/", "AWSLogs/2/CloudTrail/eu/"} {
		for day := range 200 {
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, day)
			key := root + at.Format("2006/01/02/") + "x"
			w.Put(testBucket, key, nil, time.Time{})
			if day >= 195 {
				want = append(want, key)
			}
		}
	}
	want = append(want, "unrelated")
	lists := 0
	w.SetTrouble(func(r s3fake.Request) s3fake.Trouble {
		if r.Op == "ListObjectsV2" {
			lists++
		}
		return s3fake.Trouble{}
	})
	cfg := w.config(t)
	clients, err := cfg.Access.open(t.Context(), "trail", "")
	if err != nil {
		t.Fatal(err)
	}
	s := &store{client: clients.s3, bucket: testBucket}
	var got []string
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 195)
	if err := s.Walk(t.Context(), "", since, func(e object.Entry) error { got = append(got, e.Key); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if lists > 10 {
		t.Errorf("%d requests for %d keys", lists, len(want))
	}
}

func TestListingRefused(t *testing.T) {
	w, d := newWorld(t), newDurable()
	w.SetTrouble(func(r s3fake.Request) s3fake.Trouble {
		return s3fake.Trouble{Status: http.StatusForbidden, Code: "AccessDenied"}
	})
	if err := w.list(t, d, nil); !errors.Is(err, object.ErrRefused) || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("the error is %v", err)
	}
}
