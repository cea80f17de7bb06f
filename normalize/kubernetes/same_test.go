package kubernetes_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// differing is what the events of one action have of their own, by platform. All
// else is equal.
var differing = map[string]struct{ event, success []string }{
	// An EKS event has the caller's IAM identity.
	"eks": {event: []string{"actor.user.uid", "actor.user.uid_alt", "actor.user.account", "actor.user.credential_uid", "unmapped.user"}},
	// AKS writes groups as ids of Entra.
	"aks": {event: []string{"actor.user.groups", "unmapped.user", "unmapped.envelope"}},
	// Cloud Audit does not log groups, queries, and codes of success, writes the
	// type of each object into it, and has the whole Status of a refusal.
	"gke": {
		event: []string{"actor.user.groups", "http_request.url.query_string", "api.request.data.@type",
			"unmapped.requestObject.@type", "unmapped.responseStatus", "unmapped.envelope"},
		success: []string{"status_code", "api.response"},
	},
}

// TestSameAction holds that one action looks the same on every platform: rules and
// searches need not know where a cluster runs.
func TestSameAction(t *testing.T) {
	files, err := filepath.Glob("testdata/same_*_plain.txtar")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d actions: %v", len(files), err)
	}
	for _, file := range files {
		for platform, own := range differing {
			want := eventOf(t, file)
			got := eventOf(t, strings.TrimSuffix(file, "_plain.txtar")+"_"+platform+".txtar")
			paths := append([]string{"cloud", "metadata", "raw_data", "observables"}, own.event...)
			if want["status"] == "Success" {
				paths = append(paths, own.success...)
			}
			for _, path := range paths {
				remove(want, strings.Split(path, "."))
				remove(got, strings.Split(path, "."))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s on %s (-plain +%s):\n%s", filepath.Base(file), platform, platform, diff)
			}
		}
	}
}

func eventOf(t *testing.T, file string) map[string]any {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	event := map[string]any{}
	if err := json.Unmarshal(archive.Files[len(archive.Files)-1].Data, &event); err != nil {
		t.Fatal(err)
	}
	return event
}

// remove takes a member out, and the objects that it leaves empty. A key may have
// dots of its own only as the last.
func remove(object map[string]any, path []string) {
	inner, ok := object[path[0]].(map[string]any)
	if len(path) == 1 || !ok {
		if len(path) == 1 {
			delete(object, path[0])
		}
		return
	}
	if remove(inner, path[1:]); len(inner) == 0 {
		delete(object, path[0])
	}
}
