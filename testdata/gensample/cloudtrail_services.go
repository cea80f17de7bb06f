package main

import (
	"fmt"
	"time"
)

const (
	keyARN   = "arn:aws:kms:eu-west-1:" + prodAccount + ":key/7c1d5c0e-2f0b-4a6e-9b6e-4f2a8a1c9d30"
	trailKey = "arn:aws:kms:eu-west-1:" + prodAccount + ":key/d40b8f1e-6a2d-4d0c-8f5b-1b7e3c9a5f21"
)

// services makes the calls of AWS services on the account's behalf: most of a
// quiet account's log.
func (t *trail) services() {
	for _, at := range t.every(150*time.Second, dayStart, dayEnd) {
		t.assumeByService(at)
	}
	for _, at := range t.every(5*time.Minute, dayStart, dayEnd) {
		who := caller{identity: service("cloudtrail"), account: prodAccount, region: "eu-west-1",
			ip: "cloudtrail.amazonaws.com", agent: "cloudtrail.amazonaws.com"}
		if t.chance(50) {
			t.log(at, who, call{service: "s3", name: "GetBucketAcl",
				params:    obj("bucketName", "harbourline-cloudtrail", "Host", "harbourline-cloudtrail.s3.eu-west-1.amazonaws.com", "acl", ""),
				extra:     s3Extra(t.dice, 0, 459),
				resources: list{obj("accountId", prodAccount, "type", "AWS::S3::Bucket", "ARN", "arn:aws:s3:::harbourline-cloudtrail")}})
			continue
		}
		t.log(at, who, call{service: "kms", name: "GenerateDataKey",
			params: obj("keyId", trailKey, "keySpec", "AES_256",
				"encryptionContext", obj("aws:cloudtrail:arn", "arn:aws:cloudtrail:eu-west-1:"+prodAccount+":trail/prod-security",
					"aws:s3:arn", "arn:aws:s3:::harbourline-cloudtrail/AWSLogs/"+prodAccount+"/CloudTrail/eu-west-1/2026/11/18/")),
			resources: list{obj("accountId", prodAccount, "type", "AWS::KMS::Key", "ARN", trailKey)}})
	}
	for _, at := range t.every(4*time.Minute, dayStart, dayEnd) {
		identity := byService(roleAutoscale, "AutoScaling", "autoscaling.amazonaws.com", t.awsID("ASIA"), at.Add(-7*time.Minute))
		who := caller{identity: identity, account: prodAccount, region: "eu-west-1", ip: "autoscaling.amazonaws.com", agent: "autoscaling.amazonaws.com"}
		t.log(at, who, pick(t.dice, []call{
			{service: "ec2", name: "DescribeInstanceStatus", params: obj("instancesSet", obj("items", list{obj("instanceId", t.instance())}), "filterSet", obj(), "includeAllInstances", true)},
			{service: "ec2", name: "DescribeInstances", params: obj("maxResults", 1000, "instancesSet", obj(), "filterSet", obj())},
			{service: "elasticloadbalancing", name: "DescribeTargetHealth", params: obj("targetGroupArn", "arn:aws:elasticloadbalancing:eu-west-1:"+prodAccount+":targetgroup/gateway/6d0ecf831eec9f09")},
		}))
	}
	for _, at := range []string{"07:12:41", "09:40:19", "11:05:02"} { // an event of the service itself: nobody called
		t.log(clock(at), caller{identity: obj("accountId", prodAccount, "invokedBy", "kms.amazonaws.com"), account: prodAccount, region: "eu-west-1",
			ip: "kms.amazonaws.com", agent: "kms.amazonaws.com"},
			call{service: "kms", name: "RotateKey", write: true, eventType: "AwsServiceEvent",
				resources: list{obj("accountId", prodAccount, "type", "AWS::KMS::Key", "ARN", keyARN)}})
	}
}

// assumeByService is a service that takes a role on for a workload.
func (t *trail) assumeByService(at time.Time) {
	principal := pick(t.dice, []string{"ec2", "lambda", "lambda", "eks", "config", "ecs-tasks"})
	r := pick(t.dice, []role{roleAPI, roleBilling, roleNode, roleMonitor})
	sessionName := t.instance()
	if principal != "ec2" {
		sessionName = fmt.Sprintf("%s-%s", r.name, t.hex(8))
	}
	region := "eu-west-1"
	if t.chance(20) {
		region = "us-east-1"
	}
	t.log(at, caller{identity: service(principal), account: prodAccount, region: region, ip: principal + ".amazonaws.com", agent: principal + ".amazonaws.com"},
		call{service: "sts", name: "AssumeRole",
			params: obj("roleArn", r.arn(), "roleSessionName", sessionName, "durationSeconds", 3600),
			reply: obj("credentials", t.credentials(at.Add(time.Hour)),
				"assumedRoleUser", obj("assumedRoleId", r.id+":"+sessionName, "arn", fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", prodAccount, r.base(), sessionName))),
			resources: list{obj("accountId", prodAccount, "type", "AWS::IAM::Role", "ARN", r.arn())},
			sharedID:  t.uuid()})
}

// credentials are temporary ones, as CloudTrail shows them: the secret is hidden.
func (t *trail) credentials(until time.Time) object {
	return obj("accessKeyId", t.awsID("ASIA"), "sessionToken", "IQoJb3JpZ2luX2VjE"+t.text(mixedDigits, 48),
		"expiration", until.Format("Jan 2, 2006, 3:04:05 PM"))
}

func (t *trail) instance() string {
	return pick(t.dice, []string{"i-0a4f9c1d27be83605", "i-0b7715e3fa92cd418", "i-0c91d4f6037aeb852", "i-0d3e62ab91f80c547"})
}

// s3Extra is the additionalEventData of a call to S3.
func s3Extra(d dice, in, out int) object {
	return obj("SignatureVersion", "SigV4", "CipherSuite", "TLS_AES_128_GCM_SHA256", "bytesTransferredIn", float64(in),
		"SSEApplied", "Default_SSE_KMS", "AuthenticationMethod", "AuthHeader", "x-amz-id-2", d.text(mixedDigits, 43)+"=", "bytesTransferredOut", float64(out))
}

// crossAccount is the security account's scanner that looks into production. An
// assumption of a role is logged by both accounts, under one shared id.
func (t *trail) crossAccount() {
	for _, at := range t.every(25*time.Minute, dayStart, dayEnd) {
		scanner := session(roleScanner, "scan", t.awsID("ASIA"), at.Add(-20*time.Minute))
		what := call{service: "sts", name: "AssumeRole", sharedID: t.uuid(),
			params:    obj("roleArn", roleAudit.arn(), "roleSessionName", "posture", "externalId", "harbourline-posture", "durationSeconds", 900),
			resources: list{obj("accountId", prodAccount, "type", "AWS::IAM::Role", "ARN", roleAudit.arn())}}
		key := t.awsID("ASIA")
		what.reply = obj("credentials", obj("accessKeyId", key, "sessionToken", "IQoJb3JpZ2luX2VjE"+t.text(mixedDigits, 48),
			"expiration", at.Add(15*time.Minute).Format("Jan 2, 2006, 3:04:05 PM")),
			"assumedRoleUser", obj("assumedRoleId", roleAudit.id+":posture", "arn", "arn:aws:sts::"+prodAccount+":assumed-role/SecurityAudit/posture"))
		who := caller{identity: scanner, account: securityAccount, region: "eu-west-1", ip: "198.51.100.6", agent: "Boto3/1.40.61 md/Botocore#1.40.61 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.1", tls: true}
		t.log(at, who, what)
		abroad := who
		abroad.account = prodAccount
		abroad.identity = obj("type", "AWSAccount", "principalId", roleScanner.id+":scan", "accountId", securityAccount)
		t.log(at, abroad, what)

		inside := caller{identity: session(roleAudit, "posture", key, at), account: prodAccount, region: "us-east-1", ip: who.ip, agent: who.agent, tls: true}
		for i, name := range []string{"ListUsers", "ListRoles", "GetAccountSummary", "GetAccountPasswordPolicy", "ListAccessKeys"} {
			if t.chance(60) {
				t.log(at.Add(time.Duration(2+i)*time.Second), inside, call{service: "iam", name: name})
			}
		}
		regional := inside
		for i, region := range []string{"eu-west-1", "eu-central-1"} {
			regional.region = region
			for j, name := range []string{"DescribeSecurityGroups", "DescribeVolumes", "DescribeSnapshots"} {
				t.log(at.Add(time.Duration(10+4*i+j)*time.Second), regional, call{service: "ec2", name: name, params: obj("filterSet", obj(), "maxResults", 500)})
			}
			t.log(at.Add(time.Duration(14+4*i)*time.Second), regional, call{service: "guardduty", name: "ListDetectors", params: obj("maxResults", "50")})
		}
	}
}
