package gateway

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/gateway/format"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// APIGateway knows the access log templates that the console of AWS API Gateway
// offers (CLF, CSV, XML), JSON objects with the usual names, and every template of
// $context variables. $context.extendedRequestId identifies an event; requestId does
// not, for clients can choose it.
var APIGateway = newAPIGateway()

func newAPIGateway() *Vendor {
	v := &Vendor{
		source: normalize.Source{Name: normalize.GatewayAPIGateway, Product: "API Gateway", Vendor: "AWS"},
		lookup: contextVariable,
		parse:  parseContext,
		custom: true,
		begin:  beginAWS,
	}
	const (
		who  = `$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime]`
		what = `"$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength $context.requestId`
	)
	v.lines = []lineDialect{
		v.lineOf("clf", who+what+` $context.extendedRequestId`),
		v.lineOf("clf", who+` `+what+` $context.extendedRequestId`),
		v.lineOf("clf", who+what),
		v.lineOf("clf", who+` `+what),
		v.lineOf("xml", `<request id="$context.requestId"> <ip>$context.identity.sourceIp</ip> <caller>$context.identity.caller</caller> `+
			`<user>$context.identity.user</user> <requestTime>$context.requestTime</requestTime> <httpMethod>$context.httpMethod</httpMethod> `+
			`<resourcePath>$context.resourcePath</resourcePath> <status>$context.status</status> <protocol>$context.protocol</protocol> `+
			`<responseLength>$context.responseLength</responseLength> </request>`),
		v.lineOf("csv", `$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,$context.httpMethod,`+
			`$context.resourcePath,$context.protocol,$context.status,$context.responseLength,$context.requestId,$context.extendedRequestId`),
		v.lineOf("csv", `$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,$context.httpMethod,`+
			`$context.resourcePath,$context.protocol,$context.status,$context.responseLength,$context.requestId`),
	}
	v.objects = []objectDialect{{name: "json", is: isAPIGateway, table: byName{apiGatewayMember}}}
	return v
}

// isAPIGateway tells whether an object names a request's id, its method or route, and
// the status.
func isAPIGateway(root jsondoc.Value) bool {
	id := root.Get("requestId").Exists() || root.Get("request_id").Exists() || root.Get("extendedRequestId").Exists() || root.Get("extended_request_id").Exists()
	what := root.Get("httpMethod").Exists() || root.Get("http_method").Exists() || root.Get("routeKey").Exists() ||
		root.Get("resourcePath").Exists() || root.Get("resource_path").Exists()
	when := root.Get("requestTime").Exists() || root.Get("requestTimeEpoch").Exists() || root.Get("request_time").Exists() || root.Get("request_time_epoch").Exists()
	return id && what && when && root.Get("status").Exists()
}

// contextVariables are those of docs.aws.amazon.com's page on variables for access
// logging, without $context and a point.
var contextVariables = map[string]variable{
	"requestTime":                        {set: setTime, check: isTime, time: true},
	"requestTimeEpoch":                   {set: setTime, shape: format.Word, check: isCount, time: true},
	"requestId":                          {set: setRequestUID, shape: format.Word, check: isRequestID},
	"extendedRequestId":                  {set: setEventUID, shape: format.Word, check: isRequestID},
	"accountId":                          {set: setAccount, shape: format.Word},
	"httpMethod":                         {set: setMethod, shape: format.Word},
	"path":                               {set: setPath},
	"resourcePath":                       {set: setResourcePath},
	"routeKey":                           {},
	"protocol":                           {set: setProtocol},
	"status":                             {set: setStatus, shape: format.Word},
	"responseLength":                     {set: setSent, shape: format.Word},
	"responseLatency":                    {set: took(milliseconds), shape: format.Word},
	"integrationLatency":                 {set: latency(milliseconds), shape: format.Word},
	"integration.latency":                {set: latency(milliseconds), shape: format.Word},
	"integrationStatus":                  {set: setUpstreamStatus, shape: format.Word},
	"integration.integrationStatus":      {set: setUpstreamStatus, shape: format.Word},
	"integrationErrorMessage":            {set: setBackendError},
	"integration.error":                  {set: setBackendError},
	"error.message":                      {set: setStatusDetail},
	"domainName":                         {set: setHost, shape: format.Word},
	"apiId":                              {set: setAPI, shape: format.Word},
	"identity.sourceIp":                  {set: setClient, shape: format.Word, check: isAddress},
	"identity.userAgent":                 {set: setUserAgent},
	"identity.user":                      {set: setUser},
	"identity.caller":                    {set: setUserUID},
	"identity.userArn":                   {set: setUserUID},
	"identity.accountId":                 {shape: format.Word},
	"identity.apiKeyId":                  {set: setUserKey, shape: format.Word},
	"identity.accessKey":                 {set: setUserKey, shape: format.Word},
	"identity.clientCert.subjectDN":      {set: setCertSubject},
	"identity.clientCert.issuerDN":       {set: setCertIssuer},
	"identity.clientCert.serialNumber":   {set: setCertSerial},
	"authorizer.principalId":             {set: setUserUID},
	"authorizer.claims.sub":              {set: setUserUID},
	"authorizer.claims.cognito:username": {set: setUser},
	"authorizer.claims.email":            {set: setEmail},
	"xrayTraceId":                        {set: setTraceUID, shape: format.Word},
	"tlsVersion":                         {set: setTLSVersion, shape: format.Word},
	"cipherSuite":                        {set: setCipher, shape: format.Word},
	"wafResponseCode":                    {set: setWAFResponse, shape: format.Word},
	"webaclArn":                          {set: setPolicyUID, shape: format.Word},
}

// isRequestID tells whether a text can be an id: of letters, digits and what base64
// and UUIDs have beside.
func isRequestID(text string) bool {
	for i := range len(text) {
		if c := text[i]; !isNameByte(c) && c != '-' && c != '=' && c != '+' && c != '/' && c != ':' {
			return false
		}
	}
	return len(text) >= 8
}

// setResourcePath is the template of the path, "/users/{id}", which stands for the
// path where the log has no other.
func setResourcePath(a *access, text string) bool {
	if a.resource != "" {
		return false
	}
	a.resource = text
	return true
}

func setAPI(a *access, text string) bool {
	if a.ev.API.Service.HasUID() {
		return false
	}
	a.ev.API.Service.SetUID(text)
	a.ev.API.SetOperation(normalize.Unknown)
	return true
}

func setEmail(a *access, text string) bool {
	if a.ev.Actor.User.HasEmailAddr() || !normalize.IsEmail(text) {
		return false
	}
	a.ev.Actor.User.SetEmailAddr(text)
	return true
}

// setWAFResponse is what AWS WAF said: WAF_ALLOW or WAF_BLOCK.
func setWAFResponse(a *access, text string) bool {
	switch text {
	case "WAF_ALLOW":
		a.ev.SetActionID(ocsf.ActionIDAllowed)
		a.ev.SetDispositionID(ocsf.DispositionIDAllowed)
	case "WAF_BLOCK":
		a.ev.SetActionID(ocsf.ActionIDDenied)
		a.ev.SetDispositionID(ocsf.DispositionIDBlocked)
	}
	return false
}

func contextVariable(name string) variable {
	return contextVariables[strings.TrimPrefix(name, "context.")]
}

// apiGatewayMembers are the names that people give to variables in JSON templates,
// in lower case and without underscores, beside the variables' own.
var apiGatewayMembers = map[string]string{
	"ip": "identity.sourceIp", "sourceip": "identity.sourceIp", "clientip": "identity.sourceIp",
	"caller": "identity.caller", "user": "identity.user", "useragent": "identity.userAgent", "userarn": "identity.userArn",
	"apikeyid": "identity.apiKeyId", "principalid": "authorizer.principalId", "authorizerprincipalid": "authorizer.principalId",
	"sub": "authorizer.claims.sub", "errormessage": "error.message", "host": "domainName",
	"integrationlatency": "integrationLatency", "responselatency": "responseLatency", "latency": "responseLatency",
}

func apiGatewayMember(name string) setter {
	folded := strings.ToLower(strings.ReplaceAll(name, "_", ""))
	if variable, ok := apiGatewayMembers[folded]; ok {
		return contextVariables[variable].set
	}
	return contextFolded[folded].set
}

// contextFolded are the variables by their names in lower case without points.
var contextFolded = foldContext()

func foldContext() map[string]variable {
	table := make(map[string]variable)
	for name, v := range contextVariables {
		table[strings.ToLower(strings.ReplaceAll(name, ".", ""))] = v
	}
	return table
}

// parseContext reads a template of $context.name, with literals between.
func parseContext(text string) (format.Options, []format.Part, error) {
	src, _, err := directive(text, "AccessLogFormat:")
	if err != nil {
		return format.Options{}, nil, err
	}
	l := lexer{source: src, lookup: contextVariable}
	for i := 0; i < len(src.text); i++ {
		if src.text[i] != '$' {
			continue
		}
		start := i
		i++
		for i < len(src.text) && (isNameByte(src.text[i]) || src.text[i] == '.' && i+1 < len(src.text) && isNameByte(src.text[i+1]) ||
			src.text[i] == ':' && strings.HasPrefix(src.text[start:], "$context.authorizer.claims.cognito") || src.text[i] == '-' && strings.HasPrefix(src.text[start:], "$context.authorizer.")) {
			i++
		}
		name := src.text[start+1 : i]
		if !strings.HasPrefix(name, "context.") && !strings.HasPrefix(name, "stageVariables.") {
			return format.Options{}, nil, l.errorAt(start, "want $context and the name of a variable")
		}
		l.field(name, start, i)
		i--
	}
	l.literal(len(src.text))
	return format.Options{}, l.parts, nil
}
