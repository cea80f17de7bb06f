package pipeline

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-security/weir/internal/telemetry"
)

// TestMappingWatch: a mapping that is edited is told of once, in the log and in
// readiness beside what is said of the rules, until it is as it was.
func TestMappingWatch(t *testing.T) {
	file := filepath.Join(t.TempDir(), "door.yaml")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("one")
	var log strings.Builder
	stats := NewStats()
	health := &stats.Telemetry.Health
	health.Expect(string(RoleDetect))
	w := &mappingWatch{files: map[string]string{"acme.door": file}, log: slog.New(slog.NewTextHandler(&log, nil)), notes: &detectNotes{health: health}}
	w.began = w.contents()
	w.notes.set(&w.notes.rules, "the rules are refused")
	look := func(want string, logged int) {
		t.Helper()
		w.look()
		if got := noteOf(health); got != want {
			t.Errorf("the note is %q, want %q", got, want)
		}
		if n := strings.Count(log.String(), "a mapping has changed"); n != logged {
			t.Errorf("it was logged %d times, want %d: %s", n, logged, log.String())
		}
	}
	put("one") // written again
	look("the rules are refused", 0)
	put("two")
	const changed = "the mapping of acme.door has changed; mappings are read at the start only: restart weir to use it"
	look("the rules are refused; "+changed, 1)
	look("the rules are refused; "+changed, 1)
	w.notes.set(&w.notes.rules, "")
	put("one")
	look("", 1)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	look(changed, 2)
}

func noteOf(health *telemetry.Health) string {
	for _, r := range health.Roles() {
		if r.Role == string(RoleDetect) {
			return strings.Join(r.Notes, "\n")
		}
	}
	return ""
}
