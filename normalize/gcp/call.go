package gcp

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapActor maps who called, and which permissions that took.
func mapActor(payload jsondoc.Value, ev *ocsf.Event) {
	identity, user := payload.Get("authenticationInfo"), &ev.Actor.User
	email := normalize.Text(identity.Get("principalEmail"), user.SetName)
	subject := normalize.Text(identity.Get("principalSubject"), user.SetUID)
	if email != "" {
		user.SetTypeID(userType(email))
		if normalize.IsEmail(email) {
			user.SetEmailAddr(email)
		}
	}
	normalize.Text(identity.Get("serviceAccountKeyName"), user.SetCredentialUID)
	if email == "" && subject == "" {
		user.SetName(normalize.Unknown)
	}
	for info := range payload.Get("authorizationInfo").Elements {
		permission := info.Get("permission")
		granted, told := info.Get("granted").Bool()
		if permission.Text() == "" {
			continue
		}
		authorization := ev.Actor.AddAuthorizations()
		normalize.Text(permission, authorization.Policy.SetName)
		if told {
			info.Get("granted").Use()
			authorization.SetDecision(decision(granted))
		}
	}
}

func decision(granted bool) string {
	if granted {
		return "allow"
	}
	return "deny"
}

// userType tells a service account by its address.
func userType(email string) int32 {
	if strings.HasSuffix(email, ".gserviceaccount.com") {
		return ocsf.UserTypeIDService
	}
	return ocsf.UserTypeIDUser
}

// codes are the names of google.rpc.Code.
var codes = [...]string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
	"ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
	"UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

func mapStatus(payload jsondoc.Value, ev *ocsf.Event) {
	status, response := payload.Get("status"), &ev.API.Response
	code, _ := status.Get("code").Int()
	normalize.Int32(status.Get("code"), response.SetCode)
	message := normalize.Text(status.Get("message"), response.SetErrorMessage)
	switch {
	case code != 0:
		ev.SetStatusID(ocsf.StatusIDFailure)
		if 0 < code && code < int64(len(codes)) {
			ev.SetStatusCode(codes[code])
			response.SetError(codes[code])
		}
	case status.Get("code").Exists() || status.Kind() == jsondoc.Object || !isDenied(payload):
		ev.SetStatusID(ocsf.StatusIDSuccess)
	default:
		ev.SetStatusID(ocsf.StatusIDFailure)
		ev.SetStatusCode("PERMISSION_DENIED")
	}
	if message != "" {
		ev.SetStatusDetail(message)
	}
	if status.Kind() == jsondoc.Object && status.Len() == 0 {
		status.Use()
	}
}

// isDenied tells whether the caller lacked a permission.
func isDenied(payload jsondoc.Value) bool {
	for info := range payload.Get("authorizationInfo").Elements {
		if granted, told := info.Get("granted").Bool(); told && !granted {
			return true
		}
	}
	return false
}

func mapAPI(e entry, ev *ocsf.Event) {
	api := &ev.API
	if normalize.Text(e.payload.Get("methodName"), api.SetOperation) == "" {
		api.SetOperation(normalize.Unknown)
	}
	normalize.Text(e.payload.Get("serviceName"), api.Service.SetName)
	normalize.Data(e.payload.Get("request"), api.Request.SetData)
	normalize.Data(e.payload.Get("response"), api.Response.SetData)
	if api.Request.Present() {
		if id := ev.Metadata.CorrelationUID(); id != "" {
			api.Request.SetUID(id)
		} else {
			api.Request.SetUID(ev.Metadata.UID())
		}
	}
}

// mapResource maps resourceName, which is a path: projects/p/zones/z/instances/i.
func mapResource(e entry, ev *ocsf.Event) {
	name := e.payload.Get("resourceName")
	if name.Text() == "" {
		return
	}
	out := ev.AddResources()
	text := normalize.Text(name, out.SetUID)
	if last := text[strings.LastIndexByte(text, '/')+1:]; last != "" {
		out.SetName(last)
	}
	normalize.Text(e.root.Path("resource", "type"), out.SetType)
}
