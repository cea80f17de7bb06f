package main

import (
	"fmt"
	"time"
)

// role is an IAM role of one of the accounts.
type role struct {
	account, name, id string
}

func (r role) arn() string { return fmt.Sprintf("arn:aws:iam::%s:role/%s", r.account, r.name) }

// base is the role's name without its path.
func (r role) base() string {
	for i := len(r.name) - 1; i >= 0; i-- {
		if r.name[i] == '/' {
			return r.name[i+1:]
		}
	}
	return r.name
}

// user is an IAM user.
type user struct {
	account, name, id string
	key               string // its long-lived access key
}

func (u user) arn() string { return fmt.Sprintf("arn:aws:iam::%s:user/%s", u.account, u.name) }

// identity is the userIdentity of a call with the user's access key.
func (u user) identity() object {
	return obj("type", "IAMUser", "principalId", u.id, "arn", u.arn(), "accountId", u.account,
		"accessKeyId", u.key, "userName", u.name)
}

// consoleIdentity is the userIdentity of a call that the user makes in the console.
func (u user) consoleIdentity(key string, since time.Time, mfa string) object {
	return obj("type", "IAMUser", "principalId", u.id, "arn", u.arn(), "accountId", u.account, "accessKeyId", key, "userName", u.name,
		"sessionContext", obj("attributes", obj("creationDate", since.Format(time.RFC3339), "mfaAuthenticated", mfa)))
}

var (
	userDana   = user{prodAccount, "dana.lindqvist", "AIDA3QX7LMN2TEXAMPLE", "AKIA3QX7LMN2TEXAMPLE"}
	userGeorge = user{prodAccount, "george.petrov", "AIDA5KD2WRP7YEXAMPLE", "AKIA5KD2WRP7YEXAMPLE"}
	userBackup = user{prodAccount, "svc-backup", "AIDA6ZB4HVC3SEXAMPLE", "AKIA6ZB4HVC3SEXAMPLE"}

	roleAPI       = role{prodAccount, "shipment-api", "AROA2VD5MQX4JEXAMPLE"}
	roleTracking  = role{prodAccount, "tracking-worker", "AROA4HN6PLW2KEXAMPLE"}
	roleBilling   = role{prodAccount, "billing-export", "AROA7YT3CZR5DEXAMPLE"}
	roleNode      = role{prodAccount, "eks-prod-eu-node", "AROA3WG4XKB6PEXAMPLE"}
	roleMonitor   = role{prodAccount, "monitoring-collector", "AROA5JS7DFQ2LEXAMPLE"}
	roleDeploy    = role{prodAccount, "ci-deploy", "AROA6MC2VTN4HEXAMPLE"}
	rolePower     = role{prodAccount, "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_PowerUser_4f1c9d2ab07e6538", "AROA2RX5NQB7GEXAMPLE"}
	roleRead      = role{prodAccount, "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_ReadOnly_b83e5a7c1d90f264", "AROA7PK3WZD6FEXAMPLE"}
	roleAudit     = role{prodAccount, "SecurityAudit", "AROA4BV6HJT5SEXAMPLE"}
	roleScanner   = role{securityAccount, "posture-scanner", "AROA3CY2LMR7QEXAMPLE"}
	roleEKSAdmin  = role{prodAccount, "eks-admin", "AROA5TW4GXN3VEXAMPLE"}
	roleAutoscale = role{prodAccount, "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", "AROA6DH2KQP5BEXAMPLE"}
)

// session is the userIdentity of a role's session.
func session(r role, name, key string, since time.Time) object {
	return obj("type", "AssumedRole", "principalId", r.id+":"+name,
		"arn", fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", r.account, r.base(), name),
		"accountId", r.account, "accessKeyId", key,
		"sessionContext", obj(
			"sessionIssuer", obj("type", "Role", "principalId", r.id, "arn", r.arn(), "accountId", r.account, "userName", r.base()),
			"attributes", obj("creationDate", since.Format(time.RFC3339), "mfaAuthenticated", "false")))
}

// ssoSession is the session of an employee through IAM Identity Center.
func ssoSession(r role, p person, key string, since time.Time) object {
	return session(r, p.email(), key, since).with("onBehalfOf",
		obj("userId", p.sso, "identityStoreArn", "arn:aws:identitystore::"+securityAccount+":identitystore/d-93670f0e10"))
}

// service is the userIdentity of a call that an AWS service makes for the account.
func service(name string) object {
	return obj("type", "AWSService", "invokedBy", name+".amazonaws.com")
}

// byService is a call that the service makes with a role's session of its own.
func byService(r role, name, invokedBy string, key string, since time.Time) object {
	return session(r, name, key, since).with("invokedBy", invokedBy)
}
