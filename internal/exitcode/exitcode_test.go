package exitcode

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	coded := Wrap(Rule, errors.New("rules/a.yaml:3:1: unknown key"), "weir check --help")
	for _, test := range []struct {
		name string
		err  error
		want Code
	}{
		{"none", nil, Done},
		{"plain", errors.New("disk is full"), IO},
		{"coded", coded, Rule},
		{"coded below", fmt.Errorf("load: %w", coded), Rule},
		{"cancelled", fmt.Errorf("read: %w", context.Canceled), Interrupted},
		{"cancelled but coded", Wrap(No, context.Canceled, ""), No},
	} {
		if got := Of(test.err); got != test.want {
			t.Errorf("%s: Of = %d, want %d", test.name, got, test.want)
		}
	}
}

func TestNext(t *testing.T) {
	err := fmt.Errorf("load: %w", Wrap(Usage, errors.New("no such file"), "weir sources"))
	if got := Next(err); got != "weir sources" {
		t.Errorf("Next = %q", got)
	}
	if got := Next(errors.New("plain")); got != "" {
		t.Errorf("Next of a plain error = %q", got)
	}
	if Wrap(Usage, nil, "x") != nil {
		t.Error("Wrap of nil is not nil")
	}
}

func TestHelpListsEveryCodeOnce(t *testing.T) {
	help := Help()
	for _, code := range []Code{Done, No, Rule, Usage, Nothing, IO, Interrupted} {
		if n := strings.Count("\n"+help, fmt.Sprintf("\n  %3d  ", code)); n != 1 {
			t.Errorf("code %d is %d times in the table:\n%s", code, n, help)
		}
	}
}

// The page of the command line has the same table.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.ReplaceAll(string(page), "`", "")
	for _, row := range Table {
		if line := fmt.Sprintf("| %d | %s |", row.Code, row.Meaning); !strings.Contains(plain, line) {
			t.Errorf("docs/cli.md lacks %q", line)
		}
	}
}
