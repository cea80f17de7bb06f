package main

import (
	"fmt"
	"time"
)

const cliAgent = "aws-cli/2.31.20 md/awscrt#0.28.2 ua/2.1 os/macos#25.1.0 md/arch#arm64 lang/python#3.13.9 md/prompt#off md/command#"

// scripts makes the calls of the deployment pipeline and of the backup server.
func (t *trail) scripts() {
	for _, at := range t.every(22*time.Minute, clock("07:40:00"), dayEnd) {
		t.deploy(at)
	}
	for _, at := range t.every(90*time.Second, dayStart, clock("07:00:00")) {
		who := caller{identity: userBackup.identity(), account: prodAccount, region: "eu-west-1", ip: "192.0.2.40", tls: true}
		t.object(at, who, "PutObject", "harbourline-office-backup", fmt.Sprintf("fileserver/2026-11-18/%s.tar.zst", t.hex(10)))
	}
}

// deploy is one run of the pipeline: a token of the forge for a role, then a
// function, an image and the cluster, now and then a role.
func (t *trail) deploy(at time.Time) {
	runner := fmt.Sprintf("198.51.100.%d", 10+t.IntN(30))
	run := fmt.Sprintf("deploy-%d", 19400000000+t.IntN(90000000))
	subject := "repo:harbourline/shipments:environment:production"
	provider := "arn:aws:iam::" + prodAccount + ":oidc-provider/token.actions.githubusercontent.com"
	agent := "aws-sdk-nodejs/3.901.0 os/linux/6.11.0 lang/js md/nodejs#20.19.5"
	who := caller{identity: obj("type", "WebIdentityUser", "principalId", provider+":sts.amazonaws.com:"+subject, "userName", subject, "identityProvider", provider),
		account: prodAccount, region: "eu-west-1", ip: runner, agent: agent, tls: true}
	key := t.awsID("ASIA")
	t.log(at, who, call{service: "sts", name: "AssumeRoleWithWebIdentity",
		params: obj("roleArn", roleDeploy.arn(), "roleSessionName", run, "durationSeconds", 3600),
		reply: obj("credentials", obj("accessKeyId", key, "sessionToken", "IQoJb3JpZ2luX2VjE"+t.text(mixedDigits, 48), "expiration", at.Add(time.Hour).Format("Jan 2, 2006, 3:04:05 PM")),
			"subjectFromWebIdentityToken", subject, "provider", provider, "audience", "sts.amazonaws.com",
			"assumedRoleUser", obj("assumedRoleId", roleDeploy.id+":"+run, "arn", "arn:aws:sts::"+prodAccount+":assumed-role/ci-deploy/"+run)),
		resources: list{obj("accountId", prodAccount, "type", "AWS::IAM::Role", "ARN", roleDeploy.arn())}})

	who.identity, who.agent = session(roleDeploy, run, key, at), "APN/1.0 HashiCorp/1.0 Terraform/1.13.4 (+https://www.terraform.io) terraform-provider-aws/6.17.0 "+goAgent("lambda#1.78.0")
	function := pick(t.dice, []string{"rates-refresh", "label-render", "invoice-mail"})
	functionARN := "arn:aws:lambda:eu-west-1:" + prodAccount + ":function:" + function
	steps := []call{
		{service: "sts", name: "GetCallerIdentity"},
		{service: "ecr", name: "InitiateLayerUpload", write: true, params: obj("registryId", prodAccount, "repositoryName", "shipment-api")},
		{service: "ecr", name: "PutImage", write: true, params: obj("registryId", prodAccount, "repositoryName", "shipment-api", "imageTag", t.hex(7), "imageManifestMediaType", "application/vnd.oci.image.manifest.v1+json",
			"imageManifest", `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"size":2117,"digest":"sha256:`+t.hex(64)+`"}}`)},
		{service: "lambda", name: "GetFunction20150331v2", params: obj("functionName", function)},
		{service: "lambda", name: "UpdateFunctionCode20150331v2", write: true, params: obj("functionName", function, "s3Bucket", "harbourline-artifacts", "s3Key", function+"/"+t.hex(40)+".zip", "publish", true, "dryRun", false),
			reply:     obj("functionName", function, "functionArn", functionARN, "runtime", "provided.al2023", "handler", "bootstrap", "codeSize", 6000000+t.IntN(90000), "lastModified", at.Format("2006-01-02T15:04:05.000+0000"), "version", fmt.Sprint(100+t.IntN(90))),
			resources: list{obj("accountId", prodAccount, "type", "AWS::Lambda::Function", "ARN", functionARN)}},
		{service: "cloudformation", name: "DescribeStacks", params: obj("stackName", "shipments")},
		{service: "eks", name: "DescribeCluster", params: obj("name", "prod-eu")},
	}
	for i, what := range steps {
		t.log(at.Add(time.Duration(4+5*i)*time.Second), who, what)
	}
	if t.chance(40) {
		t.deployRole(at.Add(time.Minute), who, function)
	}
}

// deployRole gives a function a role with the policy that every function has.
func (t *trail) deployRole(at time.Time, who caller, function string) {
	who.region = "us-east-1" // where a global service logs
	name := function + "-exec"
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	t.log(at, who, call{service: "iam", name: "GetRole", params: obj("roleName", name)})
	t.log(at.Add(time.Second), who, call{service: "iam", name: "CreateRole", write: true, params: obj("roleName", name, "assumeRolePolicyDocument", trust, "maxSessionDuration", 3600),
		reply: obj("role", obj("roleName", name, "roleId", t.awsID("AROA"), "arn", "arn:aws:iam::"+prodAccount+":role/"+name, "path", "/", "createDate", at.Format("Jan 2, 2006, 3:04:05 PM")))})
	t.log(at.Add(3*time.Second), who, call{service: "iam", name: "AttachRolePolicy", write: true,
		params: obj("roleName", name, "policyArn", "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")})
}

// staff makes the calls of people: in the console and on the command line.
func (t *trail) staff() {
	for i, p := range people {
		r := rolePower
		if i%3 == 2 {
			r = roleRead
		}
		signedIn := t.between(workStart, clock("08:50:00"))
		key := t.awsID("ASIA")
		for _, at := range t.every(4*time.Minute, signedIn, dayEnd) {
			if t.chance(25) { // coffee, meetings
				continue
			}
			who := caller{identity: ssoSession(r, p, key, signedIn), account: prodAccount, region: "eu-west-1", ip: p.ip, tls: true}
			if p.mac {
				t.commandLine(at, who, r == rolePower)
			} else {
				who.console = true
				t.inConsole(at, who)
			}
		}
	}
}

// commandLine is one command of a person.
func (t *trail) commandLine(at time.Time, who caller, power bool) {
	type command struct {
		text string
		call
	}
	denied := fmt.Sprintf("User: %s is not authorized to perform this operation because no identity-based policy allows the action", who.identity[2].value)
	commands := []command{
		{"ec2.describe-instances", call{service: "ec2", name: "DescribeInstances", params: obj("instancesSet", obj(), "filterSet", obj("items", list{obj("name", "tag:app", "valueSet", obj("items", list{obj("value", "gateway")}))}))}},
		{"sts.get-caller-identity", call{service: "sts", name: "GetCallerIdentity"}},
		{"logs.filter-log-events", call{service: "logs", name: "FilterLogEvents", params: obj("logGroupName", "/eks/prod-eu/shipments", "filterPattern", "ERROR", "limit", 100)}},
		{"eks.update-kubeconfig", call{service: "eks", name: "DescribeCluster", params: obj("name", "prod-eu")}},
		{"s3.ls", call{service: "s3", name: "ListBuckets", extra: s3Extra(t.dice, 0, 2215)}},
		{"rds.describe-db-instances", call{service: "rds", name: "DescribeDBInstances", params: obj("dBInstanceIdentifier", "shipments")}},
		{"iam.get-role", call{service: "iam", name: "GetRole", params: obj("roleName", roleAPI.name)}},
		{"secretsmanager.list-secrets", call{service: "secretsmanager", name: "ListSecrets", params: obj("maxResults", 100)}},
		{"iam.list-users", call{service: "iam", name: "ListUsers", code: "AccessDenied", message: denied}},
	}
	if power {
		commands = append(commands,
			command{"secretsmanager.get-secret-value", call{service: "secretsmanager", name: "GetSecretValue", params: obj("secretId", "staging/shipment-api/db")}},
			command{"ec2.create-tags", call{service: "ec2", name: "CreateTags", write: true, params: obj("resourcesSet", obj("items", list{obj("resourceId", t.instance())}), "tagSet", obj("items", list{obj("key", "owner", "value", "platform")})), reply: obj("_return", true)}},
			command{"ec2.authorize-security-group-ingress", call{service: "ec2", name: "AuthorizeSecurityGroupIngress", write: true, code: "Client.UnauthorizedOperation", message: "You are not authorized to perform this operation. Encoded authorization failure message: " + t.text(mixedDigits, 60)}})
	}
	c := pick(t.dice, commands)
	who.agent = cliAgent + c.text
	if c.service == "iam" {
		who.region = "us-east-1"
	}
	t.log(at, who, c.call)
}

// inConsole is one page of the console: several calls at once.
func (t *trail) inConsole(at time.Time, who caller) {
	who.agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
	pages := [][]call{
		{{service: "ec2", name: "DescribeInstances", params: obj("maxResults", 100, "instancesSet", obj(), "filterSet", obj())},
			{service: "ec2", name: "DescribeTags", params: obj("filterSet", obj())},
			{service: "monitoring", name: "DescribeAlarms", params: obj("maxRecords", 50)}},
		{{service: "s3", name: "ListBuckets", extra: s3Extra(t.dice, 0, 2215)},
			{service: "s3", name: "GetBucketPublicAccessBlock", params: obj("bucketName", "harbourline-tracking", "publicAccessBlock", ""), extra: s3Extra(t.dice, 0, 310)}},
		{{service: "lambda", name: "ListFunctions20150331", params: obj("maxItems", 50)},
			{service: "lambda", name: "GetAccountSettings20160819"}},
		{{service: "ce", name: "GetCostAndUsage", params: obj("granularity", "DAILY", "timePeriod", obj("Start", "2026-11-01", "End", "2026-11-18"), "metrics", list{"UnblendedCost"})}},
		{{service: "cloudtrail", name: "LookupEvents", params: obj("maxResults", 50)},
			{service: "cloudtrail", name: "DescribeTrails", params: obj("trailNameList", list{}, "includeShadowTrails", true)}},
	}
	for i, what := range pick(t.dice, pages) {
		t.log(at.Add(time.Duration(i)*400*time.Millisecond), who, what)
	}
}

// signIns are the console sign-ins: most through the company's identity
// provider, which shows no MFA because AWS did not ask for it; one IAM user, who
// has it; one who mistypes his password.
func (t *trail) signIns() {
	for i, p := range people {
		if p.mac {
			continue
		}
		r := []role{rolePower, roleRead}[i%2]
		at := t.between(workStart, clock("08:40:00"))
		who := caller{identity: obj("type", "AssumedRole", "principalId", r.id+":"+p.email(),
			"arn", fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", prodAccount, r.base(), p.email()), "accountId", prodAccount),
			account: prodAccount, region: "eu-west-1", ip: p.ip, agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"}
		t.signIn(at, who, "Success", "No")
	}
	george := caller{identity: obj("type", "IAMUser", "principalId", userGeorge.id, "arn", userGeorge.arn(), "accountId", prodAccount, "userName", userGeorge.name),
		account: prodAccount, region: "eu-west-1", ip: "192.0.2.12", agent: "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"}
	t.signIn(clock("08:19:50"), george, "Failure", "Yes")
	t.signIn(clock("08:20:22"), george, "Success", "Yes")
}

// signIn is a sign-in to the console. A failure has no errorCode.
func (t *trail) signIn(at time.Time, who caller, outcome, mfa string) {
	extra := obj("LoginTo", "https://eu-west-1.console.aws.amazon.com/console/home?region=eu-west-1&state=hashArgs%23&isauthcode=true", "MobileVersion", "No", "MFAUsed", mfa)
	if mfa == "Yes" {
		extra = extra.with("MFAIdentifier", "arn:aws:iam::"+prodAccount+":mfa/"+fmt.Sprint(who.identity[len(who.identity)-1].value))
	}
	what := call{service: "signin", name: "ConsoleLogin", write: true, eventType: "AwsConsoleSignIn", reply: obj("ConsoleLogin", outcome), extra: extra}
	if outcome == "Failure" {
		what.message = "Failed authentication"
	}
	t.log(at, who, what)
}
