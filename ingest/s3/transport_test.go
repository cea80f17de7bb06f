package s3

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/ingest/envelope"
)

// CloudTrail by way of CloudWatch Logs and Firehose: objects of documents one after
// the other, in gzip of gzip. Killed in the midst of them, the collector goes on there.
func TestObjectsOfFirehose(t *testing.T) {
	w, d := newWorld(t), newDurable()
	for o := range 5 {
		var docs strings.Builder
		for i := range 40 {
			var elements []string
			for n := range 5 {
				r := fmt.Sprintf(`{"eventVersion":"1.11","eventID":"%d-%d-%d"%s}`, o, i, n, strings.Repeat(" ", 300))
				w.want[r] = 1
				elements = append(elements, fmt.Sprintf(`{"id":"%d%d%d","timestamp":1794994880000,"message":%q}`, o, i, n, r))
			}
			fmt.Fprintf(&docs, `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"trail","logStream":"s","subscriptionFilters":["f"],"logEvents":[%s]}`, strings.Join(elements, ","))
		}
		w.Put(testBucket, fmt.Sprintf("logs/2026/11/18/09/trail-%d", o), zipped(t, zipped(t, []byte(docs.String()))), time.Time{})
	}
	killed := 0
	d.fail = func(n int) error {
		if n%2 == 0 && killed < 8 {
			killed++
			return errKilled
		}
		return nil
	}
	for {
		err := w.list(t, d, func(c *Config) {
			c.Prefix = "logs/"
			c.Format = envelope.Format{EnvelopeKeys: []string{"Records"}, Transports: envelope.Transports}
		})
		if err == nil {
			break
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	}
	w.check(t, d, false)
	if killed == 0 {
		t.Error("never killed")
	}
}

func zipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
