package kubernetes

import (
	"strings"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// verbs are the activities of the API's verbs, and of the HTTP methods of URLs
// that are no resources. What is not here (proxy, bind, impersonate) is Other.
var verbs = map[string]int32{
	"create":           ocsf.APIActivityActivityIDCreate,
	"post":             ocsf.APIActivityActivityIDCreate,
	"get":              ocsf.APIActivityActivityIDRead,
	"head":             ocsf.APIActivityActivityIDRead,
	"list":             ocsf.APIActivityActivityIDRead,
	"watch":            ocsf.APIActivityActivityIDRead,
	"options":          ocsf.APIActivityActivityIDRead,
	"update":           ocsf.APIActivityActivityIDUpdate,
	"patch":            ocsf.APIActivityActivityIDUpdate,
	"put":              ocsf.APIActivityActivityIDUpdate,
	"delete":           ocsf.APIActivityActivityIDDelete,
	"deletecollection": ocsf.APIActivityActivityIDDelete,
}

func mapAPI(root jsondoc.Value, ev *ocsf.Event) {
	ev.SetClass(ocsf.ClassAPIActivity)
	api := &ev.API
	verb := normalize.Text(root.Get("verb"), api.SetOperation)
	activity, known := verbs[verb]
	switch {
	case known:
		ev.SetActivityID(activity)
	case verb == "":
		api.SetOperation(normalize.Unknown)
		ev.SetActivityID(ocsf.ActivityIDUnknown)
	default:
		ev.SetActivityID(ocsf.ActivityIDOther)
		ev.SetActivityName(verb)
	}
	object := root.Get("objectRef")
	normalize.Text(object.Get("apiGroup"), api.Group.SetName)
	normalize.Text(object.Get("apiVersion"), api.SetVersion)

	normalize.Text(root.Get("auditID"), api.Request.SetUID)
	normalize.Data(root.Get("requestObject"), api.Request.SetData)
	mapContainers(root, verb, &api.Request)
	if api.Request.Present() && !api.Request.HasUID() {
		api.Request.SetUID(ev.Metadata.UID())
	}
	status := root.Get("responseStatus")
	normalize.Int32(status.Get("code"), api.Response.SetCode)
	normalize.Text(status.Get("reason"), api.Response.SetError)
	normalize.Text(status.Get("message"), api.Response.SetErrorMessage)
	normalize.Data(root.Get("responseObject"), api.Response.SetData)
}

// mapResource maps objectRef. With a subresource, or without a place for its API
// group and version, the reference stays in unmapped too.
func mapResource(root jsondoc.Value, ev *ocsf.Event) {
	object := root.Get("objectRef")
	kind := object.Get("resource")
	if kind.Text() == "" {
		return // a URL that is no resource
	}
	out := ev.AddResources()
	if subresource := object.Get("subresource").Text(); subresource != "" {
		out.SetType(kind.Text() + "/" + subresource)
	} else {
		normalize.Text(kind, out.SetType)
	}
	normalize.Text(object.Get("namespace"), out.SetNamespace)
	normalize.Text(object.Get("uid"), out.SetUID)
	normalize.Text(object.Get("resourceVersion"), out.SetVersion)
	if normalize.Text(object.Get("name"), out.SetName) == "" {
		out.SetName(impliedName(root))
	}
}

// impliedName is the name of an object that objectRef does not name: the server
// gives a created one its name, and a request for a collection has none.
func impliedName(root jsondoc.Value) string {
	switch root.Get("verb").Text() {
	case "list", "watch", "deletecollection":
		return normalize.Collection
	}
	for _, object := range [...]string{"responseObject", "requestObject"} {
		if name := root.Path(object, "metadata", "name").Text(); name != "" {
			return name
		}
	}
	return normalize.Unknown
}

// podSpecs is where the specification of pods stands in what makes them: a pod, a
// pod template's owner, a cron job.
var podSpecs = [...][]string{{"spec"}, {"spec", "template", "spec"}, {"spec", "jobTemplate", "spec", "template", "spec"}}

// mapContainers lists the containers, and their images, that a request asks for.
func mapContainers(root jsondoc.Value, verb string, request *ocsf.Request) {
	if verb != "create" && verb != "update" && verb != "patch" {
		return
	}
	for _, path := range podSpecs {
		spec := root.Get("requestObject").Path(path...)
		for _, list := range [...]string{"initContainers", "containers", "ephemeralContainers"} {
			for container := range spec.Get(list).Elements {
				image, name := container.Get("image").Text(), container.Get("name").Text()
				if name == "" {
					continue
				}
				out := request.AddContainers()
				out.SetName(name)
				if image != "" {
					out.Image.SetUID(image)
					out.Image.SetName(repository(image))
				}
			}
		}
	}
}

// repository is an image's reference without its tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if colon := strings.LastIndexByte(image, ':'); colon > strings.LastIndexByte(image, '/') {
		return image[:colon]
	}
	return image
}
