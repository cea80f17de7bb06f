package cloudtrail

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// maxResources bounds what one request or response gives: a call can name thousands.
const maxResources = 100

// mapResources lists what the call was about: first what CloudTrail itself lists, then
// what the service's table finds in the request and, of what is made, in the response.
func (m *Mapper) mapResources(c *call, ev *ocsf.Event) {
	listed := c.root.Get("resources")
	for r := range listed.Elements {
		mapListed(r, ev)
	}
	switch listed.Kind() {
	case jsondoc.Null, jsondoc.Array, jsondoc.Object:
		if listed.Len() == 0 {
			listed.Use()
		}
	}
	table, ok := resources[strings.TrimSuffix(c.source, ".cn")]
	if !ok {
		return
	}
	f := finder{mapper: m, call: c, event: ev, table: table, start: len(ev.Resources)}
	f.search(c.request, false)
	if c.response.Kind() == jsondoc.Object {
		f.search(c.response, true)
	}
}

// mapListed adds one of resources[]; the key of the ARN has had three names.
func mapListed(r jsondoc.Value, ev *ocsf.Event) {
	out := ev.AddResources()
	for _, key := range [...]string{"ARN", "arn", "ARNPrefix"} {
		if !out.HasUID() {
			normalize.Text(r.Get(key), out.SetUID)
		}
	}
	if !out.HasUID() {
		ev.Resources = ev.Resources[:len(ev.Resources)-1]
		return
	}
	if name := resourceName(out.UID()); name != "" {
		out.SetName(name)
	}
	normalize.Text(r.Get("type"), out.SetType)
	if normalize.Text(r.Get("accountId"), out.Owner.Account.SetUID) != "" {
		out.Owner.Account.SetTypeID(ocsf.AccountTypeIDAWSAccount)
	}
}

// resourceName is the name that an ARN ends with: of a bucket, an object's key, a
// role's without its path.
func resourceName(arn string) string {
	parsed, ok := normalize.ParseARN(arn)
	if !ok {
		return ""
	}
	name := parsed.Resource
	switch parsed.Service {
	case "s3":
		if _, key, isObject := strings.Cut(name, "/"); isObject {
			return key
		}
		return name
	case "iam", "sts":
		return name[strings.LastIndexByte(name, '/')+1:]
	}
	return name[strings.IndexAny(name, "/:")+1:]
}

// resource is one row of the table: where requestParameters or responseElements name
// a resource, what it is, and the ARN that it then has.
type resource struct {
	// rest is the path below the key at which the row stands in the table; [] is every
	// element of a list.
	rest path
	kind string // CloudFormation's name of the type, if the row tells one
	// arn is the ARN of a name: with $p, $r, $a for partition, region, account of the
	// record, $b for the request's bucket, and $ for the name. "" where a name does not
	// tell it (IAM's have a path).
	arn string
	// prefix and unless tell the rows of one path apart: how the name must begin, and
	// how it must not.
	prefix, unless string
	// response tells that the row is for responseElements, which name what was made.
	response bool
	// data is the part of the request that is the resource's own: a group's rules.
	data string
}

// finder finds the resources of one call.
type finder struct {
	mapper *Mapper
	call   *call
	event  *ocsf.Event
	table  map[string][]resource
	start  int // resources before it are the record's own
}

func (f *finder) search(parameters jsondoc.Value, response bool) {
	for key, v := range parameters.Members {
		rows := f.table[key]
		for i := range rows {
			if rows[i].response == response {
				f.follow(&rows[i], v, rows[i].rest)
			}
		}
	}
}

// follow walks a row's path from v and adds what it finds.
func (f *finder) follow(row *resource, v jsondoc.Value, rest path) {
	for i, key := range rest {
		if key == "[]" {
			for e := range v.Elements {
				f.follow(row, e, rest[i+1:])
			}
			return
		}
		v = v.Get(key)
	}
	name, ok := v.Str()
	switch {
	case !ok, name == "", !strings.HasPrefix(name, row.prefix), row.unless != "" && strings.HasPrefix(name, row.unless):
		return
	}
	if len(f.event.Resources)-f.start < maxResources {
		f.add(row, name)
	}
}

// add adds a resource by its name or ARN, unless the event has it.
func (f *finder) add(row *resource, name string) {
	uid := ""
	if strings.HasPrefix(name, "arn:") {
		uid, name = name, resourceName(name)
	}
	for i := range f.event.Resources {
		r := &f.event.Resources[i]
		if r.Name() == name && r.Type() == row.kind && (uid == "" || !r.HasUID() || r.UID() == uid) {
			if uid != "" {
				r.SetUID(uid)
			}
			return
		}
	}
	if uid == "" && row.arn != "" {
		uid = f.arn(row.arn, name)
	}
	if f.has(uid) {
		return
	}
	out := f.event.AddResources()
	if uid != "" {
		out.SetUID(uid)
	}
	if name != "" {
		out.SetName(name)
	}
	if row.kind != "" {
		out.SetType(row.kind)
	}
	if data := f.call.request.Get(row.data); row.data != "" && data.Kind() == jsondoc.Object {
		out.SetData(ocsf.JSON(data.JSON()))
	}
}

func (f *finder) has(uid string) bool {
	if uid == "" {
		return false
	}
	for i := range f.event.Resources {
		if f.event.Resources[i].UID() == uid {
			return true
		}
	}
	return false
}

// arn is a template filled in; "" if the record does not tell all of it.
func (f *finder) arn(template, name string) string {
	ev := f.event
	var parts [12]string
	n := 0
	for template != "" {
		at := strings.IndexByte(template, '$')
		if at < 0 {
			parts[n], template = template, ""
			n++
			break
		}
		parts[n] = template[:at]
		template = template[at+1:]
		n++
		part := name
		switch {
		case strings.HasPrefix(template, "p:"):
			part, template = partition(ev), template[1:]
		case strings.HasPrefix(template, "r:"):
			part, template = ev.Cloud.Region(), template[1:]
		case strings.HasPrefix(template, "a:"):
			part, template = ev.Cloud.Account.UID(), template[1:]
		case strings.HasPrefix(template, "b/"):
			part, template = f.call.request.Get("bucketName").Text(), template[1:]
		}
		if part == "" {
			return ""
		}
		parts[n] = part
		n++
	}
	return f.mapper.json.Join(parts[:n]...)
}

// partition is the part of AWS that a record comes from.
func partition(ev *ocsf.Event) string {
	switch region := ev.Cloud.Region(); {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
