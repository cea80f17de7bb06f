package gateway

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// S3Access knows the server access log of Amazon S3: http_activity with the
// operation in api.operation. What S3 did by itself ("S3.EXPIRE.OBJECT") has no
// request and is api_activity. A request can give several records, so that its id
// identifies none.
var S3Access = newS3Access()

func newS3Access() *Vendor {
	v := &Vendor{
		source: normalize.Source{Name: normalize.AWSS3Access, Product: "S3", Vendor: "AWS"},
		lookup: func(name string) variable { return s3Variables[name] },
		begin: func(a *access) {
			beginAWS(a)
			a.ev.API.Service.SetName("s3.amazonaws.com")
		},
		end: endS3,
	}
	names := strings.Fields(`bucketowner bucket time remoteip requester requestid operation key requesturi httpstatus errorcode bytessent
		objectsize totaltime turnaroundtime referrer useragent versionid hostid signatureversion ciphersuite authenticationtype hostheader
		tlsversion accesspointarn aclrequired sourceregion`)
	v.lines = []lineDialect{v.columnsOf("line", columns{separator: ' ', least: 17, brackets: true, is: func(c []string) bool {
		return isCLF(c[2]) && strings.Count(c[6], ".") >= 2 && len(c[0]) >= 32
	}}, names...)}
	v.objects = []objectDialect{{
		name: "json", // of the tables that are made of the lines
		is: func(root jsondoc.Value) bool {
			return root.Get("bucket").Exists() && (root.Get("bucketowner").Exists() || root.Get("remoteip").Exists())
		},
		table: byName{func(name string) setter { return s3Variables[strings.ToLower(name)].set }},
	}}
	return v
}

// s3Variables are the columns of docs.aws.amazon.com's page on the format, by the
// names that tables of them have.
var s3Variables = map[string]variable{
	"bucket":         {set: setGatewayName},
	"time":           {set: setTime},
	"remoteip":       {set: setClient},
	"requester":      {set: setRequester},
	"requestid":      {set: setRequestUID},
	"operation":      {set: setOperation},
	"requesturi":     {set: setRequest},
	"httpstatus":     {set: setStatus},
	"errorcode":      {set: setStatusDetail},
	"bytessent":      {set: setBodySent},
	"totaltime":      {set: took(milliseconds)},
	"turnaroundtime": {set: latency(milliseconds)},
	"referrer":       {set: setReferrer},
	"useragent":      {set: setUserAgent},
	"ciphersuite":    {set: setCipher},
	"hostheader":     {set: setHost},
	"tlsversion":     {set: setTLSVersion},
}

func setOperation(a *access, text string) bool {
	if a.ev.API.HasOperation() {
		return false
	}
	a.ev.API.SetOperation(text)
	return true
}

// setRequester is an ARN, a canonical user id or the name of a service.
func setRequester(a *access, text string) bool {
	if !setUserUID(a, text) {
		return false
	}
	if arn, ok := normalize.ParseARN(text); ok {
		if arn.Account != "" && len(arn.Account) == 12 {
			a.ev.Actor.User.Account.SetUID(arn.Account)
		}
		if kind, name, ok := strings.Cut(arn.Resource, "/"); ok && kind == "user" {
			a.ev.Actor.User.SetName(name[strings.LastIndexByte(name, '/')+1:])
		}
	}
	return true
}

// endS3 takes what S3 did by itself for a call of its API.
func endS3(a *access) {
	ev := a.ev
	if !ev.API.HasOperation() {
		ev.API.SetOperation(normalize.Unknown)
	}
	operation := ev.API.Operation()
	if !strings.HasPrefix(operation, "S3.") {
		return
	}
	a.other = true
	ev.SetClass(ocsf.ClassAPIActivity)
	switch {
	case strings.HasPrefix(operation, "S3.EXPIRE"), strings.HasPrefix(operation, "S3.DELETE"), strings.HasSuffix(operation, "DELETEMARKER"):
		ev.SetActivityID(ocsf.APIActivityActivityIDDelete)
	case strings.HasPrefix(operation, "S3.TRANSITION"), strings.HasPrefix(operation, "S3.RESTORE"):
		ev.SetActivityID(ocsf.APIActivityActivityIDUpdate)
	default:
		ev.SetActivityID(ocsf.ActivityIDOther)
		ev.SetActivityName(operation)
	}
	ev.SetStatusID(ocsf.StatusIDSuccess)
	if !ev.Actor.Present() {
		ev.Actor.User.SetName(normalize.Unknown)
	}
	if !ev.SrcEndpoint.Present() {
		ev.SrcEndpoint.SetName("s3.amazonaws.com")
	}
}
