package expr

import "testing"

func TestPolicyAllows(t *testing.T) {
	for document, want := range map[string]bool{
		`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`:                                                   true,
		`{"statement":{"effect":"Allow","action":["s3:Get*","IAM:attach*"],"resource":["*"]}}`:                             true,
		`{"Statement":[{"Effect":"Allow","Action":"\u002a","Resource":"arn:aws:iam::*:*"}]}`:                               true,
		`{"Statement":[{"Effect":"Allow","Action":"*:*","Resource":"arn:aws:iam::111122223333:user/*"}]}`:                  true,
		`{"Statement":[{"Effect":"Allow","Action":"i?m:Attach**","Resource":"arn:*"}]}`:                                    true,
		`{"Statement":[{"Effect":"Allow","NotAction":"aws-portal:*","Resource":"*"}]}`:                                     true,
		`{"Statement":[{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::x"}]}`:                                   true,
		`"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}"`:                                     true,
		`%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D`: true,
		`{"Statement":[{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}]}`:                                          false,
		`{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`:                                                    false,
		`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`:                                                false,
		`{"Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::1:user/${aws:username}"}]}`:             false,
		`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::reports"}]}`:                                false,
		`{"Statement":[{"Effect":"Allow","Action":"*"}]}`:                                                                  false,
		`{"Statement":null}`: false,
		`[]`:                 false,
		`"x"`:                false,
		``:                   false,
		`%7B%22`:             false,
	} {
		if got := policyAllows(document, "iam:AttachUserPolicy"); got != want {
			t.Errorf("policyAllows(%s) = %t", document, got)
		}
	}
}

func TestPolicyPrincipals(t *testing.T) {
	for document, want := range map[string]string{
		`{"Statement":[{"Effect":"Allow","Principal":"*"}]}`:                                                                                             `["*"]`,
		`{"Statement":{"Effect":"allow","Principal":{"AWS":["arn:aws:iam::1:root","*"]}}}`:                                                               `["AWS:arn:aws:iam::1:root","*"]`,
		`{"Statement":[{"Effect":"Allow","Principal":{"*":"*"}}]}`:                                                                                       `["*"]`,
		`{"Statement":[{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::1:root"}}]}`:                                                                `["*"]`,
		`{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com","AWS":"111122223333"}}]}`:                                            `["Service:ec2.amazonaws.com","AWS:111122223333"]`,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}]}`:                                   ``,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Condition":{"StringLike":{"AWS:PrincipalArn":"*"}}}]}`:                                         `["*"]`,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}}]}`:                                `["*"]`,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","0.0.0.0/0"]}}}]}`:                     `["*"]`,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"sts:ExternalId":"1"}}}]}`:                                         `["*"]`,
		`{"Statement":[{"Effect":"Deny","Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}},{"Effect":"Allow","Principal":"*"}]}`: `["*"]`,
		`{"Statement":[{"Effect":"Allow","Principal":{"Federated":"*"}}]}`:                                                                               ``,
		`{"Statement":[{"Effect":"Deny","Principal":"*"}]}`:                                                                                              ``,
		`{`: ``,
	} {
		got := policyPrincipals(document)
		if text := got.Node().JSON(); text != want && (got.Exists() || want != "") {
			t.Errorf("policyPrincipals(%s) = %s, want %s", document, text, want)
		}
	}
}

func TestPolicyAccounts(t *testing.T) {
	document := `{"Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws-us-gov:iam::111122223333:role/a:b","210987654321","*","AROAXMPL2KDWMEXAMPLE"],"Service":"210987654329"}}]}`
	if got := policyAccounts(document).Node().JSON(); got != `["111122223333","210987654321"]` {
		t.Errorf("policyAccounts gives %s", got)
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add(`{"Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["*"],"Resource":"*","Condition":{"StringLike":{"aws:userid":["a*"]}}}]}`)
	f.Fuzz(func(t *testing.T, document string) {
		if policyAllows(document, "iam:CreateUser") && policyAllows(document, "no such action") != policyAllows(document, "NO SUCH ACTION") {
			t.Errorf("case counts in %q", document)
		}
		policyPrincipals(document)
		policyAccounts(document)
	})
}
