package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// workloads makes the calls of the company's own programs.
func (t *trail) workloads() {
	for _, at := range t.every(50*time.Second, dayStart, dayEnd) {
		t.shipmentAPI(at)
	}
	for _, at := range t.every(45*time.Second, dayStart, dayEnd) {
		t.trackingWorker(at)
	}
	for _, at := range t.every(75*time.Second, dayStart, dayEnd) {
		t.node(at)
	}
	for _, at := range t.every(2*time.Minute, dayStart, dayEnd) {
		t.monitoring(at)
	}
	for _, at := range t.every(3*time.Minute, clock("06:00:00"), clock("06:40:00")) {
		t.billing(at)
	}
}

// goAgent is the user agent of the SDK for Go.
func goAgent(api string) string {
	return "aws-sdk-go-v2/1.39.4 ua/2.1 os/linux lang/go#1.26.3 md/GOOS#linux md/GOARCH#arm64 api/" + api + " m/E,g"
}

// sessionOf is the session that a workload keeps for an hour.
func (t *trail) sessionOf(r role, name string, at time.Time) object {
	since := at.Truncate(time.Hour).Add(-time.Duration(len(name)) * time.Minute)
	key := newDice(r.name + name + since.String()).awsID("ASIA")
	return session(r, name, key, since)
}

func (t *trail) shipmentAPI(at time.Time) {
	instance := t.instance()
	who := caller{identity: t.sessionOf(roleAPI, instance, at), account: prodAccount, region: "eu-west-1", ip: vpcAddress(t.dice)}
	switch n := t.IntN(100); {
	case n < 40:
		key := fmt.Sprintf("labels/2026/11/%02d/%s.pdf", 10+t.IntN(9), t.hex(12))
		t.object(at, who, pick(t.dice, []string{"PutObject", "GetObject", "GetObject", "HeadObject"}), "harbourline-shipment-documents", key)
	case n < 65:
		who.agent = goAgent("kms#1.45.2")
		t.log(at, who, call{service: "kms", name: pick(t.dice, []string{"Decrypt", "GenerateDataKey"}),
			params:    obj("keyId", keyARN, "encryptionContext", obj("tenant", pick(t.dice, customers))),
			resources: list{obj("accountId", prodAccount, "type", "AWS::KMS::Key", "ARN", keyARN)}})
	case n < 80:
		who.agent = goAgent("secretsmanager#1.39.9")
		t.log(at, who, call{service: "secretsmanager", name: "GetSecretValue", params: obj("secretId", pick(t.dice, []string{"prod/shipment-api/db", "prod/shipment-api/carrier-dhl", "prod/shipment-api/smtp"}))})
	case n < 90:
		who.agent = goAgent("sqs#1.42.1")
		t.log(at, who, call{service: "sqs", name: "GetQueueUrl", params: obj("queueName", "shipment-events")})
	case n < 94: // an old feature that nobody has removed: the policy never allowed it
		who.agent = goAgent("ssm#1.65.0")
		t.log(at, who, call{service: "ssm", name: "GetParameter", params: obj("name", "/legacy/rates", "withDecryption", true), code: "AccessDenied",
			message: fmt.Sprintf("User: arn:aws:sts::%s:assumed-role/%s/%s is not authorized to perform: ssm:GetParameter on resource: arn:aws:ssm:eu-west-1:%s:parameter/legacy/rates because no identity-based policy allows the ssm:GetParameter action",
				prodAccount, roleAPI.name, instance, prodAccount)})
	default:
		who.agent = goAgent("dynamodb#1.52.3")
		t.log(at, who, call{service: "dynamodb", name: "DescribeTable", params: obj("tableName", "shipments"),
			resources: list{obj("accountId", prodAccount, "type", "AWS::DynamoDB::Table", "ARN", "arn:aws:dynamodb:eu-west-1:"+prodAccount+":table/shipments")}})
	}
}

// customers are tenants of the shipment API.
var customers = []string{"acme-retail", "blauwal", "corkscrew-wines", "dorset-tea", "elbe-optik", "fjordmat", "granja-sol"}

// object is a data event of one object of a bucket. It tells whether the call
// succeeded.
func (t *trail) object(at time.Time, who caller, name, bucket, key string) bool {
	who.agent = "[" + cmp.Or(who.agent, goAgent("s3#1.88.7")) + "]"
	size := 20000 + t.IntN(400000)
	what := call{service: "s3", name: name, data: true, write: name == "PutObject",
		params: obj("bucketName", bucket, "Host", bucket+".s3.eu-west-1.amazonaws.com", "key", key),
		resources: list{
			obj("type", "AWS::S3::Object", "ARN", "arn:aws:s3:::"+bucket+"/"+key),
			obj("accountId", prodAccount, "type", "AWS::S3::Bucket", "ARN", "arn:aws:s3:::"+bucket)}}
	switch {
	case name == "PutObject":
		what.reply = obj("x-amz-server-side-encryption", "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id", keyARN)
		what.extra = s3Extra(t.dice, size, 0)
	case t.chance(4):
		what.code, what.message = "NoSuchKey", "The specified key does not exist."
		what.extra = s3Extra(t.dice, 0, 289)
	default:
		what.extra = s3Extra(t.dice, 0, size)
	}
	t.log(at, who, what)
	return what.code == ""
}

func (t *trail) trackingWorker(at time.Time) {
	name := pick(t.dice, []string{"botocore-session-1763445", "botocore-session-1763446"})
	who := caller{identity: t.sessionOf(roleTracking, name, at), account: prodAccount, region: "eu-west-1", ip: vpcAddress(t.dice)}
	switch n := t.IntN(100); {
	case n < 45:
		t.object(at, who, pick(t.dice, []string{"GetObject", "PutObject"}), "harbourline-tracking", fmt.Sprintf("scans/%s/%s.json", pick(t.dice, customers), t.uuid()))
	case n < 70: // a pod exchanges its Kubernetes token for the role
		subject := "system:serviceaccount:shipments:tracking-worker"
		provider := "arn:aws:iam::" + prodAccount + ":oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/8F3C1D0A5B7E4926A1C0D4E8F2B6973A"
		who.identity = obj("type", "WebIdentityUser", "principalId", provider+":sts.amazonaws.com:"+subject, "userName", subject, "identityProvider", provider)
		who.agent = "Boto3/1.40.61 md/Botocore#1.40.61 ua/2.1 os/linux#6.12.0 md/arch#aarch64 lang/python#3.13.1"
		t.log(at, who, call{service: "sts", name: "AssumeRoleWithWebIdentity",
			params: obj("roleArn", roleTracking.arn(), "roleSessionName", name),
			reply: obj("credentials", t.credentials(at.Add(time.Hour)), "subjectFromWebIdentityToken", subject,
				"assumedRoleUser", obj("assumedRoleId", roleTracking.id+":"+name, "arn", "arn:aws:sts::"+prodAccount+":assumed-role/tracking-worker/"+name),
				"provider", provider, "audience", "sts.amazonaws.com"),
			resources: list{obj("accountId", prodAccount, "type", "AWS::IAM::Role", "ARN", roleTracking.arn())}})
	case n < 85:
		who.agent = "Boto3/1.40.61 md/Botocore#1.40.61 ua/2.1 os/linux#6.12.0 md/arch#aarch64 lang/python#3.13.1"
		t.log(at, who, call{service: "sqs", name: "GetQueueAttributes", params: obj("queueUrl", "https://sqs.eu-west-1.amazonaws.com/"+prodAccount+"/shipment-events", "attributeNames", list{"ApproximateNumberOfMessages"})})
	default:
		who.agent = "Boto3/1.40.61 md/Botocore#1.40.61 ua/2.1 os/linux#6.12.0 md/arch#aarch64 lang/python#3.13.1"
		t.log(at, who, call{service: "secretsmanager", name: "GetSecretValue", params: obj("secretId", "prod/tracking-worker/db")})
	}
}

// node is a worker node of the cluster, and the agents on it.
func (t *trail) node(at time.Time) {
	instance := t.instance()
	identity := t.sessionOf(roleNode, instance, at)
	who := caller{identity: identity, account: prodAccount, region: "eu-west-1", ip: vpcAddress(t.dice)}
	switch n := t.IntN(100); {
	case n < 30:
		who.agent = "amazon-vpc-cni-k8s/v1.20.4 aws-sdk-go-v2/1.39.2 os/linux lang/go#1.25.4 md/GOOS#linux md/GOARCH#arm64 api/ec2#1.254.0"
		t.log(at, who, call{service: "ec2", name: "DescribeNetworkInterfaces", params: obj("networkInterfaceIdSet", obj(), "maxResults", 1000,
			"filterSet", obj("items", list{obj("name", "attachment.instance-id", "valueSet", obj("items", list{obj("value", instance)}))}))})
	case n < 55:
		who.agent = "amazon-ssm-agent/3.3.2299.0 (linux;bottlerocket)"
		t.log(at, who, call{service: "ssm", name: "UpdateInstanceInformation", write: true,
			params: obj("instanceId", instance, "agentVersion", "3.3.2299.0", "agentStatus", "Active", "platformType", "Linux", "platformName", "Bottlerocket", "iPAddress", who.ip, "computerName", "ip-"+strings.ReplaceAll(who.ip, ".", "-")+".eu-west-1.compute.internal")})
	case n < 85:
		image := pick(t.dice, []string{"shipment-api", "tracking-worker", "rates", "gateway"})
		who.agent = "containerd/1.7.28"
		t.log(at, who, call{service: "ecr", name: pick(t.dice, []string{"GetAuthorizationToken", "BatchGetImage", "GetDownloadUrlForLayer"}),
			params:    obj("registryId", prodAccount, "repositoryName", image),
			resources: list{obj("accountId", prodAccount, "ARN", "arn:aws:ecr:eu-west-1:"+prodAccount+":repository/"+image)}})
	default:
		who.agent = "kubelet/v1.34.1-eks-113cf36"
		t.log(at, who, call{service: "eks", name: "DescribeCluster", params: obj("name", "prod-eu"),
			reply: nil, resources: list{obj("accountId", prodAccount, "type", "AWS::EKS::Cluster", "ARN", "arn:aws:eks:eu-west-1:"+prodAccount+":cluster/prod-eu")}})
	}
}

func (t *trail) monitoring(at time.Time) {
	region := pick(t.dice, []string{"eu-west-1", "eu-west-1", "eu-central-1", "us-east-1"})
	who := caller{identity: t.sessionOf(roleMonitor, "collector", at), account: prodAccount, region: region, ip: "198.51.100.5",
		agent: goAgent("cloudwatch#1.51.4"), tls: true}
	what := pick(t.dice, []call{
		{service: "monitoring", name: "DescribeAlarms", params: obj("maxRecords", 100)},
		{service: "ec2", name: "DescribeInstances", params: obj("instancesSet", obj(), "filterSet", obj())},
		{service: "rds", name: "DescribeDBInstances", params: obj("maxRecords", 100)},
		{service: "elasticloadbalancing", name: "DescribeLoadBalancers", params: obj("pageSize", 400)},
		{service: "lambda", name: "ListFunctions20150331", params: obj("maxItems", 50)},
		{service: "logs", name: "DescribeLogGroups", params: obj("limit", 50)},
		{service: "health", name: "DescribeEvents", params: obj("filter", obj("eventStatusCodes", list{"open", "upcoming"}))},
	})
	if t.chance(6) {
		what.code, what.message = "ThrottlingException", "Rate exceeded"
	}
	t.log(at, who, what)
}

// billing is the nightly export that ends early in the morning.
func (t *trail) billing(at time.Time) {
	who := caller{identity: t.sessionOf(roleBilling, "billing-export", at), account: prodAccount, region: "eu-west-1", ip: vpcAddress(t.dice)}
	for i := range 3 {
		t.object(at.Add(time.Duration(i)*time.Second), who, "PutObject", "harbourline-customer-exports", fmt.Sprintf("2026-11-17/%s.csv.gz", pick(t.dice, customers)))
	}
}
