package main

import (
	"fmt"
	"time"
)

// attack is the AWS part of the attack: docs/sample.md tells it in order.
func (t *trail) attack() {
	t.stolenSession()
	t.persistence()
	t.blind()
	t.readSecrets()
	t.takeCluster()
	t.exfiltrate()
	t.response()
}

const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

// danaSince is when the attacker signs in as dana.lindqvist.
var danaSince = clock("09:14:07")

// stolenSession: the password that worked at the gateway works for an old IAM
// user without MFA, who may do little.
func (t *trail) stolenSession() {
	at := danaSince
	who := caller{identity: obj("type", "IAMUser", "principalId", userDana.id, "arn", userDana.arn(), "accountId", prodAccount, "userName", userDana.name),
		account: prodAccount, region: "eu-west-1", ip: proxyIP, agent: browser}
	t.signIn(at, who, "Success", "No")
	t.expected.hit("aws.cloudtrail.console_sign_in_without_mfa", userDana.name, at, time.Hour)

	who = t.dana()
	probes := []struct{ service, name string }{
		{"iam", "ListUsers"}, {"iam", "ListRoles"}, {"iam", "GetAccountAuthorizationDetails"}, {"iam", "ListPolicies"}, {"iam", "GetAccountSummary"},
		{"s3", "ListBuckets"}, {"ec2", "DescribeInstances"}, {"ec2", "DescribeVpcs"}, {"rds", "DescribeDBInstances"}, {"lambda", "ListFunctions20150331"},
		{"kms", "ListKeys"}, {"secretsmanager", "ListSecrets"}, {"ssm", "DescribeParameters"}, {"dynamodb", "ListTables"}, {"sqs", "ListQueues"},
		{"sns", "ListTopics"}, {"eks", "ListClusters"}, {"ecr", "DescribeRepositories"}, {"organizations", "ListAccounts"}, {"ce", "GetCostAndUsage"},
		{"cloudtrail", "DescribeTrails"}, {"guardduty", "ListDetectors"}, {"config", "DescribeConfigurationRecorders"}, {"logs", "DescribeLogGroups"},
		{"route53", "ListHostedZones"}, {"acm", "ListCertificates"},
	}
	var denied []time.Time
	at = clock("09:15:10")
	for _, p := range probes {
		at = at.Add(time.Duration(6+t.IntN(5)) * time.Second)
		t.log(at, who, call{service: p.service, name: p.name, code: "AccessDenied",
			message: fmt.Sprintf("User: %s is not authorized to perform: %s:%s because no identity-based policy allows the %s:%s action", userDana.arn(), p.service, p.name, p.service, p.name)})
		denied = append(denied, at)
	}
	t.expected.burst("aws.cloudtrail.many_calls_denied", userDana.name, denied, 20, time.Hour)
}

// dana is the attacker in the console as dana.lindqvist.
func (t *trail) dana() caller {
	return caller{identity: userDana.consoleIdentity("ASIA7QK2MDW5XEXAMPLE", danaSince, "false"), account: prodAccount, region: "us-east-1",
		ip: proxyIP, agent: browser, tls: true, console: true}
}

// persistence: what the user may do is manage keys and policies, left from a
// migration. The backup's user gets a second key and every permission.
func (t *trail) persistence() {
	at := clock("09:21:33")
	t.log(at, t.dana(), call{service: "iam", name: "CreateAccessKey", write: true, params: obj("userName", userBackup.name),
		reply: obj("accessKey", obj("userName", userBackup.name, "accessKeyId", stolenKey, "status", "Active", "createDate", at.Format("Jan 2, 2006, 3:04:05 PM")))})
	t.expected.hit("aws.cloudtrail.access_key_for_another_user", userBackup.name, at, time.Hour)
	t.expected.hit("identity.key_after_weak_sign_in", userBackup.name, at, time.Hour)

	at = clock("09:24:05")
	t.log(at, t.dana(), call{service: "iam", name: "AttachUserPolicy", write: true,
		params: obj("userName", userBackup.name, "policyArn", "arn:aws:iam::aws:policy/AdministratorAccess")})
	t.expected.hit("aws.cloudtrail.admin_policy_attached", userBackup.name, at, time.Hour)
}

// stolenKey is the key that the attacker makes for the backup's user.
const stolenKey = "AKIA2NV7QSH6WEXAMPLE"

// intruder is the attacker with that key, on the rented server.
func (t *trail) intruder(region, command string) caller {
	u := userBackup
	u.key = stolenKey
	return caller{identity: u.identity(), account: prodAccount, region: region, ip: serverIP,
		agent: "aws-cli/2.28.4 md/awscrt#0.27.6 ua/2.1 os/linux#6.1.0-39-amd64 md/arch#x86_64 lang/python#3.11.2 md/distrib#kali.2026 md/command#" + command, tls: true}
}

// blind: the logging that the attacker sees is turned off. The trail that
// delivers these files is another, of the security team.
func (t *trail) blind() {
	t.log(clock("09:26:40"), t.intruder("us-east-1", "sts.get-caller-identity"), call{service: "sts", name: "GetCallerIdentity"})
	t.log(clock("09:28:30"), t.intruder("eu-west-1", "cloudtrail.describe-trails"), call{service: "cloudtrail", name: "DescribeTrails"})

	at := clock("09:29:12")
	t.log(at, t.intruder("eu-west-1", "cloudtrail.stop-logging"), call{service: "cloudtrail", name: "StopLogging", write: true,
		params: obj("name", "arn:aws:cloudtrail:eu-west-1:"+prodAccount+":trail/prod-audit")})
	t.expected.hit("aws.cloudtrail.logging_disabled", "StopLogging", at, time.Hour)
	t.expected.hit("aws.cloudtrail.trail_not_restarted", prodAccount, at, time.Hour)

	t.log(clock("09:30:20"), t.intruder("eu-west-1", "guardduty.list-detectors"), call{service: "guardduty", name: "ListDetectors"})
	at = clock("09:30:48")
	t.log(at, t.intruder("eu-west-1", "guardduty.update-detector"), call{service: "guardduty", name: "UpdateDetector", write: true,
		params: obj("detectorId", "12c9e1d4f7a86b3052e4d1c7a9b8f603", "enable", false)})
	t.expected.hit("aws.cloudtrail.guardduty_disabled", prodAccount, at, time.Hour)
}

// readSecrets: every secret of production, one after the other.
func (t *trail) readSecrets() {
	t.log(clock("09:33:52"), t.intruder("eu-west-1", "secretsmanager.list-secrets"), call{service: "secretsmanager", name: "ListSecrets"})
	at := clock("09:34:01")
	var read []time.Time
	for i := range 28 {
		name := fmt.Sprintf("prod/%s/%s", pick(t.dice, []string{"shipment-api", "tracking-worker", "rates", "billing", "gateway"}), []string{"db", "smtp", "carrier-dhl", "carrier-ups", "signing", "webhook", "stripe"}[i%7])
		t.log(at, t.intruder("eu-west-1", "secretsmanager.get-secret-value"), call{service: "secretsmanager", name: "GetSecretValue", params: obj("secretId", name)})
		read = append(read, at)
		at = at.Add(time.Duration(3+t.IntN(4)) * time.Second)
	}
	t.expected.burst("aws.cloudtrail.many_secrets_read", stolenKey, read, 20, time.Hour)
}

// takeCluster: the role that administers the cluster learns to trust an account
// of the attacker's, who then takes it on from there.
func (t *trail) takeCluster() {
	at := clock("09:38:20")
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::` + prodAccount + `:root","arn:aws:iam::` + attackerAccount + `:root"]},"Action":"sts:AssumeRole"}]}`
	t.log(at, t.intruder("us-east-1", "iam.update-assume-role-policy"), call{service: "iam", name: "UpdateAssumeRolePolicy", write: true,
		params: obj("roleName", roleEKSAdmin.name, "policyDocument", trust)})
	t.expected.hit("aws.cloudtrail.role_trust_changed", roleEKSAdmin.name, at, time.Hour)
	t.expected.hit("aws.cloudtrail.role_trusts_other_account", roleEKSAdmin.name, at, time.Hour)

	at = clock("09:41:15")
	abroad := caller{identity: obj("type", "AWSAccount", "principalId", "AIDA4XJ6RUQ7NEXAMPLE", "accountId", attackerAccount), account: prodAccount,
		region: "eu-west-1", ip: serverIP, agent: t.intruder("eu-west-1", "sts.assume-role").agent, tls: true}
	t.log(at, abroad, call{service: "sts", name: "AssumeRole", sharedID: t.uuid(),
		params: obj("roleArn", roleEKSAdmin.arn(), "roleSessionName", "backup-check"),
		reply: obj("credentials", obj("accessKeyId", "ASIA5HM3TCZ4KEXAMPLE", "sessionToken", "IQoJb3JpZ2luX2VjE"+t.text(mixedDigits, 48), "expiration", at.Add(time.Hour).Format("Jan 2, 2006, 3:04:05 PM")),
			"assumedRoleUser", obj("assumedRoleId", roleEKSAdmin.id+":backup-check", "arn", "arn:aws:sts::"+prodAccount+":assumed-role/eks-admin/backup-check")),
		resources: list{obj("accountId", prodAccount, "type", "AWS::IAM::Role", "ARN", roleEKSAdmin.arn())}})
	admin := abroad
	admin.identity = session(roleEKSAdmin, "backup-check", "ASIA5HM3TCZ4KEXAMPLE", at)
	t.log(clock("09:41:40"), admin, call{service: "eks", name: "DescribeCluster", params: obj("name", "prod-eu")})
}

// exfiltrate: the customers' exports leave, first by the key, then for anybody.
func (t *trail) exfiltrate() {
	const bucket = "harbourline-customer-exports"
	arn := list{obj("accountId", prodAccount, "type", "AWS::S3::Bucket", "ARN", "arn:aws:s3:::"+bucket)}
	at := clock("10:21:00")
	var read []time.Time
	for i := range 180 {
		who := t.intruder("eu-west-1", "s3.sync")
		day := dayStart.AddDate(0, 0, -1-i/len(customers)).Format(time.DateOnly)
		if t.object(at, who, "GetObject", bucket, fmt.Sprintf("%s/%s.csv.gz", day, customers[i%len(customers)])) {
			read = append(read, at)
		}
		at = at.Add(time.Duration(1500+t.IntN(1000)) * time.Millisecond)
	}
	t.expected.burst("aws.cloudtrail.many_objects_read", stolenKey, read, 100, time.Hour)

	at = clock("10:31:12")
	t.log(at, t.intruder("eu-west-1", "s3api.delete-public-access-block"), call{service: "s3", name: "DeleteBucketPublicAccessBlock", write: true,
		params: obj("bucketName", bucket, "Host", bucket+".s3.eu-west-1.amazonaws.com", "publicAccessBlock", ""), extra: s3Extra(t.dice, 0, 0), resources: arn})
	t.expected.hit("aws.cloudtrail.bucket_made_public", bucket, at, time.Hour)
	at = clock("10:31:40")
	policy := obj("Version", "2012-10-17", "Statement", list{obj("Sid", "sync", "Effect", "Allow", "Principal", "*", "Action", list{"s3:GetObject", "s3:ListBucket"},
		"Resource", list{"arn:aws:s3:::" + bucket, "arn:aws:s3:::" + bucket + "/*"})})
	t.log(at, t.intruder("eu-west-1", "s3api.put-bucket-policy"), call{service: "s3", name: "PutBucketPolicy", write: true,
		params: obj("bucketName", bucket, "Host", bucket+".s3.eu-west-1.amazonaws.com", "policy", "", "bucketPolicy", policy), extra: s3Extra(t.dice, 268, 0), resources: arn})
	t.expected.hit("aws.cloudtrail.bucket_made_public", bucket, at, time.Hour)
}

// response: an administrator answers the alerts. No rule should mind.
func (t *trail) response() {
	since := clock("08:20:22")
	george := caller{identity: userGeorge.consoleIdentity("ASIA6RB2JXW7DEXAMPLE", since, "true"), account: prodAccount, region: "us-east-1",
		ip: "192.0.2.12", agent: "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0", tls: true, console: true}
	t.log(clock("10:52:18"), george, call{service: "iam", name: "UpdateAccessKey", write: true, params: obj("userName", userBackup.name, "accessKeyId", stolenKey, "status", "Inactive")})
	t.log(clock("10:53:02"), george, call{service: "iam", name: "DetachUserPolicy", write: true, params: obj("userName", userBackup.name, "policyArn", "arn:aws:iam::aws:policy/AdministratorAccess")})
	t.log(clock("10:53:40"), george, call{service: "iam", name: "DeleteLoginProfile", write: true, params: obj("userName", userDana.name)})
	george.region = "eu-west-1"
	t.log(clock("10:55:27"), george, call{service: "cloudtrail", name: "StartLogging", write: true, params: obj("name", "arn:aws:cloudtrail:eu-west-1:"+prodAccount+":trail/prod-audit")})
	t.log(clock("10:56:11"), george, call{service: "guardduty", name: "UpdateDetector", write: true, params: obj("detectorId", "12c9e1d4f7a86b3052e4d1c7a9b8f603", "enable", true)})
	t.log(clock("10:58:44"), george, call{service: "s3", name: "DeleteBucketPolicy", write: true, extra: s3Extra(t.dice, 0, 0),
		params: obj("bucketName", "harbourline-customer-exports", "Host", "harbourline-customer-exports.s3.eu-west-1.amazonaws.com", "policy", "")})
}
