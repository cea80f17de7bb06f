//go:build integration_k8s

package k8s

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
)

// Static tokens of the people in the test, as --token-auth-file has them.
const (
	adminToken = "token-of-admin"
	jonasToken = "token-of-jonas"
	amiraToken = "token-of-amira"

	people = adminToken + ",admin,uid-admin,\"system:masters\"\n" +
		jonasToken + ",jonas.meyer@example.com,uid-jonas,\"platform\"\n" +
		amiraToken + ",amira.khan@example.com,uid-amira,\"developers\"\n"
)

const rbac = "/apis/rbac.authorization.k8s.io/v1"

func create(path string, body object) request {
	return request{method: http.MethodPost, path: path, body: body, want: http.StatusCreated}
}

func get(path string) request {
	return request{method: http.MethodGet, path: path, want: http.StatusOK}
}

func forbidden(path string) request {
	return request{method: http.MethodGet, path: path, want: http.StatusForbidden}
}

func named(name string) object { return object{"metadata": object{"name": name}} }

func secret(name string, size int, random *rand.Rand) object {
	value := make([]byte, size)
	for i := range value {
		value[i] = byte(random.Uint32())
	}
	return object{
		"metadata": object{"name": name},
		"data":     object{"password": base64.StdEncoding.EncodeToString(value)},
	}
}

func role(name string, verbs ...string) object {
	return object{
		"metadata": object{"name": name},
		"rules":    []object{{"apiGroups": []string{""}, "resources": []string{"secrets"}, "verbs": verbs}},
	}
}

func binding(name, kind, role string, subject object) object {
	return object{
		"metadata": object{"name": name},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
		"subjects": []object{subject},
	}
}

func person(name string) object {
	return object{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}
}

// everyday is what a team does all day: it makes a namespace with an account, a
// role and secrets in it, and tries what it may not.
func everyday(ctx context.Context, c *cluster, name string, random *rand.Rand) error {
	namespace := "/api/v1/namespaces/" + name
	roles := rbac + "/namespaces/" + name
	err := c.as(adminToken).all(ctx, []request{
		create("/api/v1/namespaces", named(name)),
		create(namespace+"/serviceaccounts", named("default")),
		create(roles+"/roles", role("secrets", "get", "list", "create", "patch", "delete")),
		create(roles+"/rolebindings", binding("developers", "Role", "secrets", person("amira.khan@example.com"))),
	})
	if err != nil {
		return err
	}
	secrets := namespace + "/secrets"
	err = c.as(amiraToken).all(ctx, []request{
		create(secrets, secret("database", 24, random)),
		create(secrets, secret("tls", 2000+random.IntN(4000), random)),
		{method: http.MethodPost, path: secrets, body: named("database"), want: http.StatusConflict},
		get(secrets + "/database"),
		get(secrets),
		{method: http.MethodPatch, path: secrets + "/database", body: object{"metadata": object{"labels": object{"rotated": "yes"}}}, want: http.StatusOK},
		{method: http.MethodDelete, path: secrets + "/tls", want: http.StatusOK},
		{method: http.MethodGet, path: secrets + "/tls", want: http.StatusNotFound},
		forbidden(roles + "/roles"),
		forbidden("/api/v1/namespaces/kube-system/secrets"),
	})
	if err != nil {
		return err
	}
	return c.as("").all(ctx, []request{forbidden("/api/v1/secrets")})
}

// attack is one thing after the other that the built-in rules are about, done
// by a person who may do it.
func attack(ctx context.Context, c *cluster) error {
	err := c.as(adminToken).all(ctx, []request{
		create("/api/v1/namespaces", named("payments")),
		create("/api/v1/namespaces/payments/serviceaccounts", named("default")),
		create(rbac+"/clusterrolebindings", binding("platform", "ClusterRole", "cluster-admin",
			object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "platform"})),
		create("/api/v1/namespaces/kube-system/serviceaccounts", named("clusterrole-aggregation-controller")),
	})
	if err != nil {
		return err
	}
	jonas := c.as(jonasToken)
	err = jonas.all(ctx, []request{
		create(rbac+"/clusterrolebindings", binding("metrics", "ClusterRole", "cluster-admin",
			object{"kind": "ServiceAccount", "namespace": "payments", "name": "default"})),
		create("/api/v1/namespaces/kube-system/serviceaccounts/clusterrole-aggregation-controller/token", object{"spec": object{}}),
		create("/api/v1/namespaces/payments/pods", privilegedPod("debug")),
		create(rbac+"/clusterrolebindings", binding("open", "ClusterRole", "view", person("system:anonymous"))),
	})
	if err != nil {
		return err
	}
	token, err := tokenOf(ctx, jonas, "payments", "default")
	if err != nil {
		return err
	}
	return c.as(token).all(ctx, []request{get("/api/v1/secrets")})
}

// attackAlerts are the rules that attack must make fire.
var attackAlerts = []string{
	"kubernetes.audit.anonymous_access",
	"kubernetes.audit.cluster_admin_bound",
	"kubernetes.audit.privileged_pod",
	"kubernetes.audit.secrets_listed",
	"kubernetes.audit.system_token_requested",
}

func privilegedPod(name string) object {
	return object{
		"metadata": object{"name": name},
		"spec": object{
			"hostPID":    true,
			"containers": []object{{"name": "shell", "image": "registry.example.com/shell:1", "securityContext": object{"privileged": true}}},
		},
	}
}

// tokenOf asks for a token of a service account.
func tokenOf(ctx context.Context, u *user, namespace, account string) (string, error) {
	answer, err := u.do(ctx, create("/api/v1/namespaces/"+namespace+"/serviceaccounts/"+account+"/token", object{"spec": object{}}))
	if err != nil {
		return "", err
	}
	var t struct {
		Status struct{ Token string }
	}
	if err := json.Unmarshal(answer, &t); err != nil {
		return "", fmt.Errorf("read the token of %s: %w", account, err)
	}
	return t.Status.Token, nil
}

// oddities are requests whose events are unlike others: one of megabytes, and
// two requests to which the client gives one audit id.
func oddities(ctx context.Context, c *cluster, random *rand.Rand) error {
	const secrets = "/api/v1/namespaces/payments/secrets"
	chosen := "5fb4cf21-0000-4000-8000-000000000001"
	return c.as(adminToken).all(ctx, []request{
		create(secrets, secret("keystore", 700<<10, random)),
		{method: http.MethodGet, path: secrets + "/keystore", want: http.StatusOK, auditID: chosen},
		{method: http.MethodGet, path: secrets + "/no-such", want: http.StatusNotFound, auditID: chosen},
	})
}
