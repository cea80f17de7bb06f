package sources

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

// A wrong password in the console of AWS and in Entra ID's portal.
const (
	awsFailure = `{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE","accountId":"111122223333","arn":"arn:aws:iam::111122223333:user/chen.wei","userName":"chen.wei"},
		"eventTime":"2026-11-18T09:14:07Z","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.77","userAgent":"Mozilla/5.0",
		"responseElements":{"ConsoleLogin":"Failure"},"eventID":"a4b1c2d3-5e6f-4a7b-8c9d-0e1f2a3b4c5d","eventType":"AwsConsoleSignIn","recipientAccountId":"111122223333",
		"errorMessage":"Failed authentication","additionalEventData":{"MFAUsed":"No"}}`
	entraFailure = `{"time":"2026-11-18T09:16:32Z","resourceId":"/tenants/6f1f0f64-9d1c-4b7e-8a53-0c2f8f0f7a11/providers/Microsoft.aadiam","operationName":"Sign-in activity","category":"SignInLogs",
		"tenantId":"6f1f0f64-9d1c-4b7e-8a53-0c2f8f0f7a11","resultType":"50126","callerIpAddress":"198.51.100.77","properties":{"id":"0a1b2c3d-4e5f-4061-8273-849506172839","createdDateTime":"2026-11-18T09:14:07Z",
		"userPrincipalName":"chen.wei@harbourline.example","userId":"c9d0a6b8-5f41-4d6c-b3ee-1e3f8d6b7c03","appDisplayName":"Azure Portal","resourceDisplayName":"Windows Azure Service Management API",
		"ipAddress":"198.51.100.77","userAgent":"Mozilla/5.0","isInteractive":true,"authenticationRequirement":"singleFactorAuthentication",
		"status":{"errorCode":50126,"failureReason":"Invalid username or password."}}}`
)

// One rule finds a failed sign-in of either cloud: both have the same class, activity,
// outcome and kind of logon, and the attributes that only one of them has are these.
func TestFailedSignInsAreEqual(t *testing.T) {
	aws, entra := mapped(t, awsFailure), mapped(t, entraFailure)
	same := []string{"class_uid", "activity_id", "status_id", "severity_id", "logon_type_id", "is_mfa", "src_endpoint.ip", "http_request.user_agent", "time", "user.type_id", "actor.user.type_id"}
	for _, path := range same {
		if aws[path] == nil || aws[path] != entra[path] {
			t.Errorf("%s is %v of AWS, %v of Entra", path, aws[path], entra[path])
		}
	}
	var awsOnly, entraOnly []string
	for path := range aws {
		if entra[path] == nil {
			awsOnly = append(awsOnly, path)
		}
	}
	for path := range entra {
		if aws[path] == nil {
			entraOnly = append(entraOnly, path)
		}
	}
	slices.Sort(awsOnly)
	slices.Sort(entraOnly)
	want := []string{"actor.user.uid_alt", "api.response.data.ConsoleLogin", "api.response.error_message", "cloud.region", "user.uid_alt"}
	if diff := cmp.Diff(want, awsOnly); diff != "" {
		t.Errorf("only of AWS (-want +got):\n%s", diff)
	}
	want = []string{"actor.app_name", "status_code"}
	if diff := cmp.Diff(want, entraOnly); diff != "" {
		t.Errorf("only of Entra (-want +got):\n%s", diff)
	}
}

// mapped is the event of a record by the paths of its attributes, without metadata,
// the record itself and what repeats.
func mapped(t *testing.T, record string) map[string]any {
	t.Helper()
	table := Builtin()
	name, _ := table.Detect([]byte(record))
	source, ok := table.Lookup(name)
	if !ok {
		t.Fatalf("no source knows %s", record)
	}
	var ev ocsf.Event
	if err := source.NewMapper().Map(&event.Record{Source: name, Value: []byte(record)}, &ev); err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(ev.AppendJSON(nil), &root); err != nil {
		t.Fatal(err)
	}
	for _, key := range [...]string{"metadata", "raw_data", "unmapped", "observables"} {
		delete(root, key)
	}
	paths := make(map[string]any)
	flatten(root, "", paths)
	return paths
}

func flatten(v map[string]any, prefix string, paths map[string]any) {
	for key, value := range v {
		if inner, ok := value.(map[string]any); ok {
			flatten(inner, prefix+key+".", paths)
		} else {
			paths[prefix+key] = value
		}
	}
}
