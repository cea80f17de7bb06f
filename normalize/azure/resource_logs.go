package azure

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// mapResourceLog maps the logs of resources: of Key Vault and Storage in full, of
// others what the envelope tells; their properties are in unmapped.
//
//   - A request to an App Service is http_activity (appservice.go).
//   - Who has a caller's address or an identity was called: api_activity. So are the categories
//     of callCategories, whoever called. The rest, which a service says of itself, is base_event.
//   - resources has the account, vault or whatever the record is of, and then the blob or secret.
//   - actor.user of a call to Storage that was allowed by a key or a signature is unknown; its type is the
//     word (AccountKey, SAS), its credential_uid the hash of the key. An anonymous caller's name is anonymous.
//   - status_code is the service's word (AuthorizationPermissionMismatch, Forbidden), http_response.code
//     the code.
func (m *Mapper) mapResourceLog(ev *ocsf.Event) error {
	r := &m.r
	if err := m.mapTime(ev, "eventTimestamp", "timeStamp", "eventTimeString"); err != nil {
		return err
	}
	m.mapMetadata(ev)
	m.mapResourceCloud(ev)
	operation := normalize.Text(nameOf(r.top.any("operationName", "activityName", "eventName")), ev.API.SetOperation)
	service, _, _ := strings.Cut(r.id.kind, "/")
	if operation != "" && service != "" {
		ev.API.Service.SetName(service)
	}
	if operation != "" {
		m.mapAPIVersion(ev)
	}
	m.mapResourceOutcome(ev)
	if strings.EqualFold(ev.Metadata.EventCode(), "AppServiceHTTPLogs") {
		m.mapAppServiceRequest(ev)
		return nil
	}
	if !m.isCall(ev.Metadata.EventCode(), operation, service) {
		m.mapResourceNotice(operation, ev)
		return nil
	}
	ev.SetClass(ocsf.ClassAPIActivity)
	if operation == "" {
		ev.API.SetOperation(orUnknown(ev.Metadata.EventCode()))
	}
	ev.SetActivityID(activityOf(withoutNoun(operation)))
	if ev.ActivityID() == ocsf.ActivityIDOther {
		ev.SetActivityName(ev.API.Operation())
	}
	m.mapRequester(ev)
	mapAddress(&ev.SrcEndpoint, r.top.any("callerIpAddress", "clientIpAddress", "clientIp"),
		r.body.any("callerIpAddress", "clientIpAddress", "clientIp", "client_ip"))
	m.mapResourceRequest(ev)
	m.mapResource(ev)
	m.mapObject(ev)
	return nil
}

// callCategories are categories of resource logs in which every record is a call, in
// lower case.
var callCategories = map[string]bool{
	"auditevent": true, "storageread": true, "storagewrite": true, "storagedelete": true,
	"requestresponse": true, "audit": true, "dataplanerequests": true, "containerregistryrepositoryevents": true,
	"containerregistryloginevents": true, "runtimeauditlogs": true, "sqlsecurityauditevents": true, "httprequest": true,
}

func (m *Mapper) isCall(category, operation, service string) bool {
	r := &m.r
	switch {
	case lookup(callCategories, category):
		return true
	case operation != "" && (strings.EqualFold(service, "Microsoft.Storage") || strings.EqualFold(service, "Microsoft.KeyVault")):
		return true
	}
	return says(r.top.any("callerIpAddress", "clientIpAddress", "clientIp", "identity", "caller"))
}

func (m *Mapper) mapResourceNotice(operation string, ev *ocsf.Event) {
	if operation == "" {
		operation = orUnknown(ev.Metadata.EventCode())
	}
	ev.SetClass(ocsf.ClassBaseEvent)
	ev.SetActivityID(ocsf.ActivityIDOther)
	ev.SetActivityName(operation)
	for _, name := range [...]string{"message", "msg", "log"} {
		if !ev.HasMessage() {
			normalize.Text(m.r.body.get(name), ev.SetMessage)
		}
	}
}

// nouns stand before the verb in operations of Key Vault: SecretGet.
var nouns = [...]string{"managedhsm", "certificate", "secret", "vault", "key"}

func withoutNoun(operation string) string {
	for _, noun := range nouns {
		if rest, ok := cutPrefixFold(operation, noun); ok {
			return rest
		}
	}
	return operation
}

// mapResourceOutcome judges by the code of HTTP where there is one, else by a word.
func (m *Mapper) mapResourceOutcome(ev *ocsf.Event) {
	r := &m.r
	code := r.top.any("statusCode", "httpStatusCode")
	if !says(code) {
		code = r.body.any("httpStatusCode", "statusCode")
	}
	mapNumber(code, ev.HTTPResponse.SetCode)
	word := r.top.any("resultType", "status")
	if !says(word) {
		word = r.body.get("metricResponseType")
	}
	if !says(word) {
		word = r.top.get("statusText")
	}
	if succeeded, ok := normalize.ParseBool(r.body.get("succeeded").Text()); ok && !says(word) { // SQL
		ev.SetStatusID(ocsf.StatusIDFailure)
		if succeeded {
			ev.SetStatusID(ocsf.StatusIDSuccess)
		}
		return
	}
	switch text := nameOf(word).Text(); {
	case ev.HTTPResponse.HasCode():
		ev.SetStatusID(statusOfHTTP(ev.HTTPResponse.Code()))
	case text == "":
		ev.SetStatusID(ocsf.StatusIDUnknown)
	case strings.EqualFold(text, "success"), strings.EqualFold(text, "succeeded"), text == "0", strings.EqualFold(text, "OK"):
		ev.SetStatusID(ocsf.StatusIDSuccess)
	case isProgress(text):
		word.Use()
		ev.SetStatusID(ocsf.StatusIDOther)
		ev.SetStatus(text)
	default: // AuthorizationFailure, ClientOtherError, Failed
		ev.SetStatusID(ocsf.StatusIDFailure)
	}
	for _, name := range [...]string{"statusText", "resultSignature"} {
		if !ev.HasStatusCode() {
			normalize.Text(r.top.get(name), ev.SetStatusCode)
		}
	}
	if response := r.body.get("metricResponseType"); !ev.HasStatusCode() && ev.StatusID() == ocsf.StatusIDFailure {
		normalize.Text(response, ev.SetStatusCode)
	}
	normalize.Text(r.top.get("resultDescription"), ev.SetStatusDetail)
}

// isProgress tells a state from an outcome.
func isProgress(word string) bool {
	for _, state := range [...]string{"Start", "Started", "Accepted", "InProgress", "Running", "Created", "Active", "Stopped", "Completed"} {
		if strings.EqualFold(word, state) {
			return true
		}
	}
	return false
}

// mapRequester maps who called: the claims of a token (Key Vault), Storage's requester,
// or their columns in Log Analytics.
func (m *Mapper) mapRequester(ev *ocsf.Event) {
	r := &m.r
	actor := &ev.Actor
	identity := m.open(r.top.get("identity"))
	if text, ok := identity.Str(); ok && text != "" {
		normalize.Text(identity, actor.User.SetName)
	}
	normalize.Text(r.top.get("caller"), actor.User.SetName)
	claims := fold(identity, "claim")
	if !claims.Exists() {
		claims = fold(identity, "claims")
	}
	mapClaims(claims, ev)
	requester := fold(identity, "requester")
	firstText(actor.User.HasUID(), actor.User.SetUID, fold(requester, "objectId"), r.top.any("requesterObjectId", "identity_claim_oid",
		"identity_claim_http_schemas_microsoft_com_identity_claims_objectidentifier"))
	firstText(actor.User.HasName(), actor.User.SetName, fold(requester, "upn"), r.top.any("requesterUpn", "requesterUserName", "identity_claim_upn",
		"identity_claim_http_schemas_xmlsoap_org_ws_2005_05_identity_claims_upn"), r.body.get("server_principal_name"))
	firstText(actor.HasAppUID(), actor.SetAppUID, fold(requester, "appId"), r.top.any("requesterAppId", "identity_claim_appid"))
	if !actor.User.HasTypeID() && actor.User.Present() {
		actor.User.SetTypeID(ocsf.UserTypeIDUser)
		if !actor.User.HasName() {
			actor.User.SetTypeID(ocsf.UserTypeIDService)
		}
	}
	method := fold(identity, "type")
	if !says(method) {
		method = r.top.get("authenticationType")
	}
	m.mapStorageMethod(method, fold(identity, "tokenHash"), ev)
	for e := range m.open(fold(identity, "authorization")).Elements {
		authorization := actor.AddAuthorizations()
		normalize.Text(fold(e, "result"), authorization.SetDecision)
		normalize.Text(fold(e, "roleDefinitionId"), authorization.Policy.SetUID)
		normalize.Text(fold(e, "action"), authorization.Policy.SetName)
	}
}

// firstText sets the first value that says something, unless there is one already.
func firstText(has bool, set func(string), values ...jsondoc.Value) {
	for _, v := range values {
		if has {
			return
		}
		has = normalize.Text(v, set) != ""
	}
}

// mapStorageMethod maps how a call to Storage was allowed, where no token names a caller.
func (m *Mapper) mapStorageMethod(method, hash jsondoc.Value, ev *ocsf.Event) {
	user := &ev.Actor.User
	if !says(hash) {
		hash = m.r.top.get("authenticationHash")
	}
	normalize.Text(hash, user.SetCredentialUID)
	if user.HasName() || user.HasUID() {
		return
	}
	word := method.Text()
	switch {
	case strings.EqualFold(word, "anonymous"):
		user.SetName("anonymous")
	case ev.Actor.HasAppUID():
		user.SetUID(ev.Actor.AppUID())
		user.SetTypeID(ocsf.UserTypeIDService)
		return
	default:
		user.SetName(normalize.Unknown)
	}
	if word != "" {
		method.Use()
		user.SetTypeID(ocsf.UserTypeIDOther)
		user.SetType(word)
	}
}

func (m *Mapper) mapResourceRequest(ev *ocsf.Event) {
	r := &m.r
	request := &ev.HTTPRequest
	firstText(false, request.SetUserAgent, r.body.any("userAgentHeader", "clientInfo", "userAgent"), r.top.any("clientInfo", "userAgent"))
	normalize.Text(r.body.get("referrerHeader"), request.SetReferrer)
	uri := r.top.any("uri", "requestUri")
	if !says(uri) {
		uri = r.body.any("requestUri", "uri")
	}
	if text := uri.Text(); normalize.IsURL(text) {
		uri.Use()
		request.URL.SetURLString(text)
		mapURLParts(text, &request.URL)
	}
	normalize.Text(r.body.any("clientRequestId", "requestId"), ev.API.Request.SetUID)
	if ev.HTTPResponse.HasCode() { // without which OCSF has no response
		mapNumber(r.body.get("responseBodySize"), ev.HTTPResponse.SetBodyLength)
	}
	mapNumber(r.body.get("requestBodySize"), request.SetBodyLength)
}

// mapObject lists the blob, file, queue or table of a call to Storage, and the secret, key
// or certificate of one to Key Vault.
func (m *Mapper) mapObject(ev *ocsf.Event) {
	r := &m.r
	if key := r.body.get("objectKey"); key.Text() != "" {
		out := ev.AddResources()
		normalize.Text(key, out.SetName)
		if normalize.Text(r.body.get("serviceType"), out.SetType); !out.HasType() {
			out.SetType("object")
		}
		return
	}
	id := r.body.get("id")
	path, ok := strings.CutPrefix(id.Text(), "https://")
	if !ok {
		return
	}
	out := ev.AddResources()
	normalize.Text(id, out.SetUID)
	_, path, _ = strings.Cut(path, "/")
	kind, rest, _ := strings.Cut(path, "/")
	name, version, _ := strings.Cut(rest, "/")
	if kind != "" {
		out.SetType(strings.TrimSuffix(kind, "s"))
	}
	if name != "" {
		out.SetName(name)
	}
	if version != "" {
		out.SetVersion(version)
	}
}
