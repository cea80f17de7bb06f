package expr

import (
	encoding "encoding/json"
	"strings"

	"github.com/weir-security/weir/detections/internal/closure"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf/ocsfcel"
)

// policyFunctions read policies of AWS, which stand in CloudTrail as a text, as an
// encoded text or as JSON, and in which one thing has many spellings: a list or its
// only element, wildcards, escapes of JSON, any case of names
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
// They are total: of what is no policy they say no, or nothing.
var policyFunctions = []Function{
	{Section: "Encodings", Name: "iam.allows", Signature: "iam.allows(document, action) -> bool", Cost: "1 + 0.5 a character",
		Doc: "A statement of the AWS policy allows the action for all resources of a kind: by Action with wildcards, or by a NotAction that leaves it out. Conditions and other statements that deny are not looked at.", Example: `iam.allows('{"Statement": {"Effect": "Allow", "Action": ["s3:Get*", "iam:*"], "Resource": "*"}}', "iam:AttachUserPolicy")`,
		overloads: []overload{of("iam_allows", closure.Binary(policyAllows)).costing(5)}},
	{Section: "Encodings", Name: "iam.principals", Signature: "iam.principals(document) -> json", Cost: "1 + 0.5 a character",
		Doc: "Whom the AWS policy of a resource or role allows something, each as AWS:..., Service:..., Federated:... or CanonicalUser:..., and everybody as *. Everybody counts unless a condition narrows who calls or from where.", Example: `"*" in iam.principals('{"Statement": {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": "sts:AssumeRole"}}')`,
		overloads: []overload{of("iam_principals", closure.Unary(policyPrincipals)).costing(5)}},
	{Section: "Encodings", Name: "iam.accounts", Signature: "iam.accounts(document) -> json", Cost: "1 + 0.5 a character",
		Doc: "The ids of the accounts among iam.principals(document).", Example: `"111122223333" in iam.accounts('{"Statement": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "sts:AssumeRole"}}')`,
		overloads: []overload{of("iam_accounts", closure.Unary(policyAccounts)).costing(5)}},
}

// allowing gives each statement of a policy that allows something.
func allowing(document string) func(yield func(jsondoc.Value) bool) {
	return func(yield func(jsondoc.Value) bool) {
		doc := new(jsondoc.Doc)
		if document = strings.TrimSpace(document); strings.HasPrefix(document, "%") {
			document = urlDecode(nil, document)
		}
		if doc.ParseString(document) != nil {
			return
		}
		if text, quoted := doc.Root().Str(); quoted {
			if doc = new(jsondoc.Doc); doc.ParseString(text) != nil {
				return
			}
		}
		for statement := range oneOrMany(member(doc.Root(), "Statement")) {
			if strings.EqualFold(member(statement, "Effect").Text(), "Allow") && !yield(statement) {
				return
			}
		}
	}
}

// member is Get without regard to case, as AWS reads the names of a policy.
func member(v jsondoc.Value, name string) jsondoc.Value {
	if m := v.Get(name); m.Exists() {
		return m
	}
	for key, m := range v.Members {
		if strings.EqualFold(key, name) {
			return m
		}
	}
	return jsondoc.Value{}
}

// oneOrMany gives the elements of a list, or the value that stands for a list of one.
func oneOrMany(v jsondoc.Value) func(yield func(jsondoc.Value) bool) {
	return func(yield func(jsondoc.Value) bool) {
		switch v.Kind() {
		case jsondoc.Absent, jsondoc.Null:
		case jsondoc.Array:
			v.Elements(yield)
		default:
			yield(v)
		}
	}
}

func policyAllows(document, action string) bool {
	for statement := range allowing(document) {
		if coversAction(statement, action) && coversKind(statement) {
			return true
		}
	}
	return false
}

func coversAction(statement jsondoc.Value, action string) bool {
	for pattern := range oneOrMany(member(statement, "Action")) {
		if globMatch(pattern.Text(), action, true) {
			return true
		}
	}
	except := member(statement, "NotAction")
	if !except.Exists() {
		return false
	}
	for pattern := range oneOrMany(except) {
		if globMatch(pattern.Text(), action, true) {
			return false
		}
	}
	return true
}

// coversKind tells whether a statement is about all resources of some kind, such as
// all users of an account. One without Resource, as a role's trust has it, is not.
func coversKind(statement jsondoc.Value) bool {
	for resource := range oneOrMany(member(statement, "Resource")) {
		parts := strings.SplitN(resource.Text(), ":", 6) // arn:partition:service:region:account:resource
		if len(parts) < 6 {
			if strings.HasSuffix(resource.Text(), "*") {
				return true
			}
			continue
		}
		name := parts[5]
		if _, after, typed := strings.Cut(name, "/"); typed {
			name = after
		}
		if name != "" && strings.Trim(name, "*") == "" {
			return true
		}
	}
	return member(statement, "NotResource").Exists()
}

func policyPrincipals(document string) ocsfcel.JSON { return textsAsJSON(principalsOf(document)) }

// policyAccounts are the accounts of principals, which are named by an ARN or by
// their id alone.
func policyAccounts(document string) ocsfcel.JSON {
	var all []string
	for _, p := range principalsOf(document) {
		name, ok := strings.CutPrefix(p, "AWS:")
		if parts := strings.SplitN(name, ":", 6); len(parts) == 6 {
			name = parts[4]
		}
		if ok && len(name) == 12 && strings.Trim(name, "0123456789") == "" {
			all = append(all, name)
		}
	}
	return textsAsJSON(all)
}

// textsAsJSON is a JSON array, absent if it is empty.
func textsAsJSON(texts []string) ocsfcel.JSON {
	text, err := encoding.Marshal(texts)
	if err != nil || len(texts) == 0 {
		return ocsfcel.JSON{}
	}
	return ocsfcel.ParseJSON(new(jsondoc.Doc), string(text))
}

func principalsOf(document string) []string {
	var all []string
	for statement := range allowing(document) {
		narrowed := isNarrowed(statement)
		add := func(kind string, v jsondoc.Value) {
			for p := range oneOrMany(v) {
				switch text := p.Text(); {
				case text != "*":
					all = append(all, kind+":"+text)
				case !narrowed && kind == "AWS":
					all = append(all, "*")
				}
			}
		}
		if principal := member(statement, "Principal"); principal.Kind() == jsondoc.Object {
			for kind, v := range principal.Members {
				if kind == "*" {
					kind = "AWS"
				}
				add(kind, v)
			}
		} else {
			add("AWS", principal)
		}
		if member(statement, "NotPrincipal").Exists() && !narrowed {
			all = append(all, "*")
		}
	}
	return all
}

// callerKeys are the keys of conditions that say who calls, for whom, or from where
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
var callerKeys = map[string]bool{
	"aws:principalorgid": true, "aws:principalorgpaths": true, "aws:principalaccount": true, "aws:principalarn": true,
	"aws:userid": true, "aws:username": true, "aws:calledvia": true,
	"aws:sourceaccount": true, "aws:sourcearn": true, "aws:sourceorgid": true, "aws:sourceorgpaths": true, "aws:sourceowner": true,
	"aws:sourcevpc": true, "aws:sourcevpce": true, "aws:sourcevpcarn": true, "aws:vpceorgid": true, "aws:vpceaccount": true,
	"aws:sourceip": true, "aws:vpcsourceip": true, "kms:calleraccount": true, "sns:endpoint": true, "s3:dataaccesspointaccount": true,
}

// isNarrowed tells whether a condition of the statement leaves out most callers. A
// negation does not, nor does a value that everybody has.
func isNarrowed(statement jsondoc.Value) bool {
	for operator, keys := range member(statement, "Condition").Members {
		if name := strings.ToLower(operator); strings.Contains(name, "not") || strings.HasPrefix(name, "null") || strings.HasSuffix(name, "ifexists") {
			continue
		}
		for key, values := range keys.Members {
			key = strings.ToLower(key)
			if !callerKeys[key] && !strings.HasPrefix(key, "aws:principaltag/") {
				continue
			}
			if !anyWide(values) {
				return true
			}
		}
	}
	return false
}

func anyWide(values jsondoc.Value) bool {
	for v := range oneOrMany(values) {
		text := v.Text()
		if strings.Trim(text, "*") == "" || strings.HasSuffix(text, "/0") || strings.HasSuffix(text, "/1") {
			return true
		}
	}
	return false
}
