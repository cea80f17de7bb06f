package main

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each dead letter is told of once, with those of its kind.
func TestWarnOfLetters(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	said := map[string]int64{}
	warnOfLetters(log, said, map[string]int64{})
	warnOfLetters(log, said, map[string]int64{"gateway.nginx: syntax": 2, "aws.cloudtrail: truncated": 1})
	warnOfLetters(log, said, map[string]int64{"gateway.nginx: syntax": 2, "aws.cloudtrail: truncated": 4})
	want := `level=WARN msg="records became dead letters; weir dlq list shows them" count=1 source=aws.cloudtrail reason=truncated
level=WARN msg="records became dead letters; weir dlq list shows them" count=2 source=gateway.nginx reason=syntax
level=WARN msg="records became dead letters; weir dlq list shows them" count=3 source=aws.cloudtrail reason=truncated
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("logged (-want +got):\n%s", diff)
	}
}
