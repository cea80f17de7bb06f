package guardduty

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/internal/awsfinding"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// kinds is the table of the parts of resource: what each is, and where its ARN or id
// and its name are. A part that is a list gives a resource for each element.
var kinds = []struct {
	key, kind string
	uid, name []string // the first that is there
}{
	{"instanceDetails", "AWS::EC2::Instance", []string{"instanceArn", "instanceId"}, []string{"instanceId"}},
	{"s3BucketDetails", "AWS::S3::Bucket", []string{"arn"}, []string{"name"}},
	{"accessKeyDetails", "AWS::IAM::AccessKey", []string{"accessKeyId"}, []string{"userName"}},
	{"eksClusterDetails", "AWS::EKS::Cluster", []string{"arn"}, []string{"name"}},
	{"ecsClusterDetails", "AWS::ECS::Cluster", []string{"arn"}, []string{"name"}},
	{"lambdaDetails", "AWS::Lambda::Function", []string{"functionArn"}, []string{"functionName"}},
	{"rdsDbInstanceDetails", "AWS::RDS::DBInstance", []string{"dbInstanceArn", "dbInstanceIdentifier"}, []string{"dbInstanceIdentifier"}},
	{"rdsLimitlessDbDetails", "AWS::RDS::DBShardGroup", []string{"dbShardGroupArn", "dbShardGroupIdentifier"}, []string{"dbShardGroupIdentifier"}},
	{"containerDetails", "Container", []string{"id"}, []string{"name"}},
	{"ebsSnapshotDetails", "AWS::EC2::Snapshot", []string{"snapshotArn"}, nil},
	{"ec2ImageDetails", "AWS::EC2::Image", []string{"imageArn"}, nil},
	{"recoveryPointDetails", "AWS::Backup::RecoveryPoint", []string{"recoveryPointArn"}, nil},
}

// roleOf is the role that the finding gives to its resource.
func roleOf(service jsondoc.Value) int32 {
	switch get(service, "resourceRole").Text() {
	case "TARGET":
		return ocsf.ResourceDetailsRoleIDTarget
	case "ACTOR":
		return ocsf.ResourceDetailsRoleIDActor
	}
	return ocsf.ResourceDetailsRoleIDUnknown
}

// mapResources lists what the finding is about; each part is the data of a resource.
func mapResources(resource jsondoc.Value, ev *ocsf.Event, role int32) {
	for i := range kinds {
		k := &kinds[i]
		part := get(resource, k.key)
		add := func(v jsondoc.Value) { addResource(v, k.kind, k.uid, k.name, role, ev) }
		if part.Kind() == jsondoc.Array {
			for e := range part.Elements {
				add(e)
			}
			continue
		}
		add(part)
	}
	volumes := get(resource, "ebsVolumeDetails")
	for _, key := range [...]string{"scannedVolumeDetails", "skippedVolumeDetails"} {
		for v := range get(volumes, key).Elements {
			addResource(v, "AWS::EC2::Volume", []string{"volumeArn"}, nil, role, ev)
		}
	}
	mapWorkload(awsfinding.Path(resource, "kubernetesDetails", "kubernetesWorkloadDetails"), ev, role)
}

func addResource(v jsondoc.Value, kind string, uids, names []string, role int32, ev *ocsf.Event) {
	if v.Kind() != jsondoc.Object || v.Len() == 0 {
		return
	}
	uid, name := first(v, uids), first(v, names)
	if uid == "" && name == "" {
		return
	}
	r := ev.AddResources()
	if uid != "" {
		r.SetUID(uid)
	}
	if name != "" {
		r.SetName(name)
	}
	r.SetType(kind)
	if role != ocsf.ResourceDetailsRoleIDUnknown {
		r.SetRoleID(role)
	}
	if ev.Cloud.HasRegion() {
		r.SetRegion(ev.Cloud.Region())
	}
	awsfinding.Tags(get(v, "tags"), r)
	mapInterface(v, r)
	normalize.Data(v, r.SetData)
}

// mapInterface sets the address of an instance: what the network knows it by.
func mapInterface(v jsondoc.Value, r *ocsf.ResourceDetails) {
	for i := range get(v, "networkInterfaces").Elements {
		for _, key := range [...]string{"publicIp", "privateIpAddress"} {
			if ip := get(i, key).Text(); !r.HasIP() && normalize.IsIP(ip) {
				r.SetIP(ip)
			}
		}
		for _, key := range [...]string{"publicDnsName", "privateDnsName"} {
			if host := get(i, key).Text(); !r.HasHostname() && host != "" && normalize.IsHostname(host) {
				r.SetHostname(host)
			}
		}
	}
}

// mapWorkload lists a workload of Kubernetes.
func mapWorkload(v jsondoc.Value, ev *ocsf.Event, role int32) {
	uid, name := get(v, "uid").Text(), get(v, "name").Text()
	if uid == "" && name == "" {
		return
	}
	r := ev.AddResources()
	if uid != "" {
		r.SetUID(uid)
	}
	if name != "" {
		r.SetName(name)
	}
	if kind := get(v, "type").Text(); kind != "" {
		r.SetType(kind)
	}
	if namespace := get(v, "namespace").Text(); namespace != "" {
		r.SetNamespace(namespace)
	}
	if role != ocsf.ResourceDetailsRoleIDUnknown {
		r.SetRoleID(role)
	}
	normalize.Data(v, r.SetData)
}

// first is the first text among members.
func first(v jsondoc.Value, keys []string) string {
	for _, key := range keys {
		if s := get(v, key).Text(); s != "" {
			return s
		}
	}
	return ""
}
