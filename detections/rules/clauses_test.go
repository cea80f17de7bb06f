package rules_test

import (
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/detections/rules"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/internal/sources"
)

// TestEveryClauseCounts takes each clause out of each condition: a line that
// begins with && or ||. One of the rule's tests must then fail, or the clause says
// nothing, or no test holds it.
func TestEveryClauseCounts(t *testing.T) {
	shared := fstest.MapFS{}
	var files []string
	err := fs.WalkDir(rules.FS, ".", func(file string, entry fs.DirEntry, err error) error {
		top, _, _ := strings.Cut(file, "/")
		switch {
		case err != nil || entry.IsDir():
			return err
		case top == "lists" || top == "testdata" || file == detections.RootFile:
			shared[file] = &fstest.MapFile{Data: read(t, file)}
		case path.Ext(file) == ".yaml":
			files = append(files, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		lines := strings.SplitAfter(string(read(t, file)), "\n")
		for i, line := range lines {
			if isClause(line) && !exempt(line) && survives(shared, file, strings.Join(lines[:i], "")+strings.Join(lines[i+1:], "")) {
				t.Errorf("%s:%d: all tests pass without %s", file, i+1, strings.TrimSpace(line))
			}
		}
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := fs.ReadFile(rules.FS, file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// isClause tells the lines that can be taken out: whole operands of && or ||.
func isClause(line string) bool {
	text := strings.TrimSpace(line)
	return (strings.HasPrefix(text, "&& ") || strings.HasPrefix(text, "|| ")) && strings.Count(text, "(") == strings.Count(text, ")")
}

// exempt are clauses that no fixture can show: a list that is empty until its
// owner fills it, and the source of events in a class that others share.
func exempt(line string) bool {
	for _, list := range []string{"bulk_readers", "identity_admins", "kubernetes_platform_deployers", "secret_readers", "trail_admins",
		"security_operators", "snapshot_sharers", "gcp_identity_admins", "federation_brokers", "function_deployers", "backup_admins", "application_owners", "bulk_networks"} {
		if strings.Contains(line, "lists."+list) {
			return true
		}
	}
	return strings.Contains(line, "metadata.log_provider")
}

// survives tells whether a rule still loads and passes with another text.
func survives(shared fstest.MapFS, file, text string) bool {
	fsys := fstest.MapFS{file: {Data: []byte(text)}}
	for name, f := range shared {
		fsys[name] = f
	}
	set, err := detections.LoadFS(fsys, detections.LoadOptions{})
	if err != nil {
		return false
	}
	for _, r := range set.RunTests(fsys, rawlog.NewMappers(sources.Builtin(), nil).Map, detections.TestOptions{}).Results {
		if len(r.Failures) > 0 {
			return false
		}
	}
	return true
}
