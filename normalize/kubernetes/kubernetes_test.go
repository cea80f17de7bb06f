package kubernetes_test

import (
	"strings"
	"testing"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/normalize/kubernetes"
)

var suite = maptest.Suite{
	Source:    "kubernetes.audit",
	New:       func() normalize.Mapper { return kubernetes.New() },
	Converted: converted,
}

// converted gives what a requestURI and an auditID may have become.
func converted(text string) []string {
	path, _, found := strings.Cut(text, "?")
	forms := []string{text + ":RequestReceived", text + ":ResponseStarted", text + ":Panic"}
	if found {
		forms = append(forms, path)
	}
	return forms
}

func TestGolden(t *testing.T) { suite.Golden(t) }

func TestCorpus(t *testing.T) { suite.Corpus(t, "k8s_audit/*.ndjson") }

func FuzzMap(f *testing.F) {
	suite.Fuzz(f, `{"kind":0}`, `{"auditID":"a","verb":"propfind","stageTimestamp":"2026-01-02T03:04:05Z","sourceIPs":["not-an-ip"]}`)
}
