package azure_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/normalize/internal/maptest"
	"github.com/weir-security/weir/schemas/ocsf"
)

// shapes are golden records of one event each, in several shapes. without lists what
// a shape's own lack of it leaves out of the event.
var shapes = []struct {
	suite   maptest.Suite
	names   []string
	without map[string][]string
}{
	{entra, []string{"sign_in_diagnostic", "sign_in_graph", "sign_in_log_analytics"},
		map[string][]string{"sign_in_graph": {"api.version", "cloud.account", "user.account", "actor.user.account", "duration"}}},
	{entra, []string{"sign_in_failed_diagnostic", "sign_in_failed_graph", "sign_in_failed_log_analytics"},
		map[string][]string{"sign_in_failed_graph": {"api.version", "cloud.account", "user.account", "actor.user.account", "duration"}}},
	{entra, []string{"sign_in_non_interactive", "sign_in_non_interactive_log_analytics"}, nil},
	{entra, []string{"audit_add_member_to_role", "audit_add_member_to_role_graph", "audit_add_member_to_role_log_analytics"},
		map[string][]string{"audit_add_member_to_role_graph": {"api.version", "cloud.account", "user.account", "actor.user.account", "duration"}}},
	{entra, []string{"risk_detection", "risk_detection_graph", "risk_detection_log_analytics"},
		map[string][]string{"risk_detection_graph": {"api", "cloud.account", "duration"}, "risk_detection_log_analytics": {"api.version", "cloud.account", "user.account", "actor.user.account", "duration"}}},
	{entra, []string{"provisioning_diagnostic", "provisioning_graph"}, map[string][]string{"provisioning_graph": {"api.version"}}},
	{graph, []string{"list_memberships", "list_memberships_log_analytics"}, map[string][]string{"list_memberships_log_analytics": {"status_code"}}},
	{defender, []string{"rest", "continuous_export", "log_analytics"}, map[string][]string{"continuous_export": {"finding_info.attacks"}}},
	{activity, []string{"run_command_failed_diagnostic", "run_command_failed_rest", "run_command_failed_log_analytics"},
		map[string][]string{
			"run_command_failed_diagnostic":    {"http_request", "api.request"},
			"run_command_failed_rest":          {"cloud.region", "duration", "actor.authorizations.policy.uid"},
			"run_command_failed_log_analytics": {"cloud.region", "duration"},
		}},
}

// The same event looks the same from every shape, but for metadata, what lies in
// unmapped, and what the shape does not tell.
func TestShapesAgree(t *testing.T) {
	for _, s := range shapes {
		t.Run(s.names[0], func(t *testing.T) {
			first := shapeless(t, s.suite, s.names[0])
			for _, name := range s.names[1:] {
				other := shapeless(t, s.suite, name)
				want, got := clone(t, first), other
				for _, of := range [...]string{s.names[0], name} {
					for _, path := range s.without[of] {
						remove(want, path)
						remove(got, path)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-) and %s (+) differ:\n%s", s.names[0], name, diff)
				}
			}
		})
	}
}

// shapeless is the event of a golden record without what depends on the shape.
func shapeless(t *testing.T, s maptest.Suite, name string) map[string]any {
	t.Helper()
	var ev ocsf.Event
	if err := s.New().Map(s.Record(s.GoldenRecord(t, name)), &ev); err != nil {
		t.Fatal(err)
	}
	var event map[string]any
	if err := json.Unmarshal(ev.AppendJSON(nil), &event); err != nil {
		t.Fatal(err)
	}
	for _, key := range [...]string{"metadata", "raw_data", "unmapped", "observables"} {
		delete(event, key)
	}
	return lower(event).(map[string]any)
}

// lower is a value with all texts in lower case: shapes write names in cases of their own.
func lower(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ToLower(v)
	case []any:
		for i := range v {
			v[i] = lower(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = lower(v[key])
		}
	}
	return v
}

func clone(t *testing.T, event map[string]any) (copied map[string]any) {
	t.Helper()
	text, err := json.Marshal(event)
	if err == nil {
		err = json.Unmarshal(text, &copied)
	}
	if err != nil {
		t.Fatal(err)
	}
	return copied
}

// remove takes the attribute of a path out of an object, and of each in a list.
func remove(v any, path string) {
	key, rest, more := strings.Cut(path, ".")
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			remove(e, path)
		}
	case map[string]any:
		if !more {
			delete(v, key)
		} else {
			remove(v[key], rest)
		}
	}
}
