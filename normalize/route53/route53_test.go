package route53_test

import (
	"strings"
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/normalize/route53"
)

var suite = maptest.Suite{
	Source:    "network.route53",
	New:       func() normalize.Mapper { return route53.New() },
	Converted: func(text string) []string { return []string{strings.ToLower(text)} },
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestCorpus(t *testing.T) { suite.Corpus(t, "dns/*.ndjson") }

func TestMutants(t *testing.T) { suite.Mutate(t, "blocked", "answers") }

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `{"query_name":".","query_timestamp":"2026-11-20T12:00:00Z","rcode":"99"}`)
}

func BenchmarkMap(b *testing.B) { suite.Benchmark(b, "blocked", "answers") }
