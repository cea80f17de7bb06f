package azure

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

func TestMembers(t *testing.T) {
	var doc jsondoc.Doc
	if err := doc.ParseString(`{"Level":"4","level":"2","CALLERIPADDRESS":"a","empty":{},"id_s":"b","x_y":"c","When [UTC]":"d","none":null,"":"e"}`); err != nil {
		t.Fatal(err)
	}
	var m members
	got := map[string]string{}
	m.read(doc.Root(), true)
	for _, name := range []string{"level", "LEVEL", "callerIpAddress", "id", "id_s", "x_y", "when", "absent", ""} {
		if v := m.get(name); v.Exists() {
			got[name] = v.Text()
		}
	}
	got["any"] = m.any("none", "empty", "id").Text()
	// Of two that differ in case only, the one in the very case comes first, else the first.
	want := map[string]string{"level": "2", "LEVEL": "4", "callerIpAddress": "a", "id": "b", "x_y": "c", "when": "d", "": "e", "any": "b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m.read(jsondoc.Value{}, false); m.get("level").Exists() {
		t.Error("members of the object before")
	}
}

func TestActivityOf(t *testing.T) {
	for operation, want := range map[string]int32{
		"MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE":            ocsf.APIActivityActivityIDUpdate,
		"Microsoft.Compute/virtualMachines/delete":           ocsf.APIActivityActivityIDDelete,
		"Microsoft.Storage/storageAccounts/listKeys/action":  ocsf.APIActivityActivityIDRead,
		"Microsoft.Compute/virtualMachines/restart/action":   ocsf.APIActivityActivityIDOther,
		"Microsoft.KeyVault/vaults/secrets/getSecret/action": ocsf.APIActivityActivityIDRead,
		"GetBlob": ocsf.APIActivityActivityIDRead, "PutBlob": ocsf.APIActivityActivityIDUpdate, "DeleteContainer": ocsf.APIActivityActivityIDDelete,
		"CreateContainer": ocsf.APIActivityActivityIDCreate, "action": ocsf.APIActivityActivityIDOther, "/action": ocsf.APIActivityActivityIDOther, "": ocsf.APIActivityActivityIDOther,
		withoutNoun("SecretGet"): ocsf.APIActivityActivityIDRead, withoutNoun("KeyDecrypt"): ocsf.APIActivityActivityIDOther, withoutNoun("VaultPut"): ocsf.APIActivityActivityIDUpdate,
	} {
		if got := activityOf(operation); got != want {
			t.Errorf("%s is %d, want %d", operation, got, want)
		}
	}
}

func TestTemplate(t *testing.T) {
	for path, want := range map[string]string{
		"/v1.0/users/a1b2c3d4-0e1f-4a2b-8c3d-4e5f60718293/memberOf": "GET /users/{id}/memberOf",
		"/beta//users('a.jansen@harbourline.example')/messages":     "GET /users({id})/messages",
		"/v1.0/users/a.jansen@harbourline.example":                  "GET /users/{id}",
		"/v1.0/applications(appId='8d2f6c1e')/addPassword":          "GET /applications({id})/addPassword",
		"/v1.0/me/drive/root/children":                              "GET /me/drive/root/children",
		"/v1.0/sites/contoso.sharepoint.com,1,2":                    "GET /sites/{id}",
		"/v1.0/$batch":                                              "GET /$batch",
		"/v2.0/groups":                                              "GET /groups",
		"/v1.0":                                                     "GET ",
	} {
		if got := template("GET", withoutVersion(path)); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

func TestUnquote(t *testing.T) {
	for text, want := range map[string]string{
		`"Reader"`: "Reader", `["Reader"]`: "Reader", `Reader`: "Reader", `null`: "null", `""`: "", `"`: "", ``: "", `[]`: "[]",
	} {
		if got := unquote(text); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

// Only Azure's records are Azure's: words that many use as a category say nothing alone.
func TestDialectIsParticular(t *testing.T) {
	for _, record := range []string{
		`{}`, `[]`, `{"category":"security","message":"x"}`, `{"category":"alert","time":"2026-11-18T09:00:00Z"}`, `{"category":"Policy"}`, `{"type":"event","category":"write"}`,
		`{"properties":"{"}`, `{"properties":[1]}`, `{"operationName":"GET","time":"x"}`, `{"category":"kube-audit","operationName":"a/b/c","resourceId":"/x"}`,
		`{"category":"ApplicationGatewayAccessLog","operationName":"ApplicationGatewayAccess","resourceId":"/x","time":"2026-11-18T09:00:00Z"}`,
	} {
		var doc jsondoc.Doc
		if doc.ParseString(record) != nil {
			t.Fatal(record)
		}
		root := doc.Root()
		if got := ActivityDialect(root) + EntraDialect(root) + GraphDialect(root) + ResourceDialect(root) + DefenderDialect(root); got != "" {
			t.Errorf("%s is taken for %s", record, got)
		}
	}
}
