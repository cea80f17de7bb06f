package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weir-security/weir/internal/yamlpos"
)

// The collectors in the documentation are configurations, but for files that are not
// here.
func TestDocsCollectors(t *testing.T) {
	pages, err := filepath.Glob("../../docs/collect-*.md")
	if err != nil || len(pages) < 2 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	opts := testOptions
	opts.Env = func(string) (string, bool) { return "secret", true }
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		shown := 0
		for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
			block, _, _ = strings.Cut(block, "```")
			if strings.HasPrefix(block, "  - name:") { // it goes on with the list
				block = "collectors:\n" + block
			}
			if !strings.HasPrefix(block, "collectors:") {
				continue
			}
			shown++
			_, err := Parse(filepath.Base(page), []byte("kafka: {embedded: {}}\n"+block), opts)
			var problems yamlpos.Problems
			errors.As(err, &problems)
			for _, p := range problems {
				if !strings.Contains(p.Message, "no such file") {
					t.Errorf("%v", p)
				}
			}
		}
		if shown == 0 {
			t.Errorf("%s shows no collector", page)
		}
	}
}

func TestS3Collector(t *testing.T) {
	const text = `kafka: {embedded: {}}
collectors:
  - name: history
    type: s3
    source: aws.cloudtrail
    bucket: trail-logs
    from: 2026-11-02
    to: 2026-11-03T12:00:00+01:00
    access_key_id: AKIAEXAMPLE
    secret_access_key: ${SECRET}
  - name: queue
    type: s3
    source: aws.cloudtrail
    queue_url: https://sqs.eu-central-1.amazonaws.com/111122223333/trail
    exclude: []
`
	opts := testOptions
	opts.Env = func(string) (string, bool) { return "very secret", true }
	c, err := Parse("weir.yaml", []byte(text), opts)
	if err != nil {
		t.Fatal(err)
	}
	history, queue := c.Collectors[0], c.Collectors[1]
	if !history.Shared() || queue.Shared() {
		t.Errorf("shared: %t, %t", history.Shared(), queue.Shared())
	}
	s := history.S3
	if !s.From.Equal(time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)) || !s.To.Equal(time.Date(2026, 11, 3, 11, 0, 0, 0, time.UTC)) {
		t.Errorf("from %s to %s", s.From, s.To)
	}
	if len(s.Exclude) != 1 || len(queue.S3.Exclude) != 0 {
		t.Errorf("excluded: %q, %q", s.Exclude, queue.S3.Exclude)
	}
}
