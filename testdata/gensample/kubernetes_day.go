package main

import (
	"fmt"
	"strings"
	"time"
)

// serviceAccount is a program inside the cluster.
func serviceAccount(namespace, name, ip, agent string) subject {
	return subject{
		username: "system:serviceaccount:" + namespace + ":" + name,
		uid:      newDice(namespace + "/" + name).uuid(),
		groups:   list{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
		ip:       ip,
		agent:    agent,
	}
}

// engineer is a person who comes in through a role of AWS.
func engineer(p person) subject {
	name := "arn:aws:sts::" + prodAccount + ":assumed-role/" + rolePower.base() + "/" + p.email()
	return subject{
		username: "engineering:" + p.email(),
		uid:      "aws-iam-authenticator:" + prodAccount + ":" + rolePower.id,
		groups:   list{"engineering", "system:authenticated"},
		extra: obj("accessKeyId", list{newDice(p.name).awsID("ASIA")}, "arn", list{name}, "canonicalArn", list{rolePower.arn()},
			"principalId", list{rolePower.id}, "sessionName", list{p.email()}),
		ip:    p.ip,
		agent: "kubectl/v1.34.1 (darwin/arm64) kubernetes/93248f9",
	}
}

const (
	rbacCluster = `RBAC: allowed by ClusterRoleBinding "%s" of ClusterRole "%s" to %s`
	rbacRole    = `RBAC: allowed by RoleBinding "%s" of Role "%s" to %s`
)

var nodeIPs = []string{"10.20.11.34", "10.20.12.117", "10.20.13.58", "10.20.11.201"}

// nodes are the kubelets.
func (c *cluster) nodes() {
	for i, ip := range nodeIPs {
		host := "ip-" + strings.ReplaceAll(ip, ".", "-") + ".eu-west-1.compute.internal"
		who := subject{username: "system:node:" + host, uid: fmt.Sprintf("aws-iam-authenticator:%s:%s", prodAccount, roleNode.id),
			groups: list{"system:bootstrappers", "system:nodes", "system:authenticated"}, ip: ip, agent: "kubelet/v1.34.1 (linux/arm64) kubernetes/93248f9"}
		for _, at := range c.every(4*time.Minute, dayStart.Add(time.Duration(i)*time.Minute), dayEnd) {
			pod := c.pod("")
			switch n := c.IntN(100); {
			case n < 35:
				c.log(at, who, request{verb: "patch", resource: "nodes", name: host, subresource: "status", query: "timeout=10s"})
			case n < 60:
				c.log(at, who, request{verb: "patch", resource: "pods", subresource: "status", namespace: "shipments", name: pod})
			case n < 75: // a volume's secret, by name
				c.log(at, who, request{verb: "get", resource: "secrets", namespace: "shipments", name: pick(c.dice, []string{"shipment-api-db", "tls-gateway", "regcred"})})
			case n < 90:
				c.log(at, who, request{verb: "create", resource: "serviceaccounts", subresource: "token", namespace: "shipments", name: pick(c.dice, []string{"shipment-api", "tracking-worker", "default"}), code: 201})
			default:
				c.log(at, who, request{verb: "watch", resource: "configmaps", namespace: "kube-system", longRunning: true, query: "allowWatchBookmarks=true&fieldSelector=metadata.name%3Dcoredns&watch=true"})
			}
		}
	}
}

// pod is a name as a Deployment's controller makes it.
func (c *cluster) pod(app string) string {
	if app == "" {
		app = pick(c.dice, []string{"shipment-api", "tracking-worker", "rates", "gateway"})
	}
	return fmt.Sprintf("%s-%s-%s", app, newDice("replicaset "+app).text(lowerDigits, 9), c.text(lowerDigits, 5))
}

// controllers are the control plane and the operators in the cluster.
func (c *cluster) controllers() {
	const controlPlane = "10.20.1.9"
	manager := func(name string) subject {
		return serviceAccount("kube-system", name, controlPlane, "kube-controller-manager/v1.34.1 (linux/arm64) kubernetes/93248f9/system:serviceaccount:kube-system:"+name)
	}
	scheduler := subject{username: "system:kube-scheduler", groups: list{"system:authenticated"}, ip: controlPlane, agent: "kube-scheduler/v1.34.1 (linux/arm64) kubernetes/93248f9/scheduler"}
	for _, at := range c.every(110*time.Second, dayStart, dayEnd) {
		switch n := c.IntN(100); {
		case n < 25:
			who := manager("endpointslice-controller")
			c.log(at, who, request{verb: "update", group: "discovery.k8s.io", resource: "endpointslices", namespace: "shipments", name: "shipment-api-" + c.text(lowerDigits, 5), why: c.controllerRole("endpointslice-controller")})
		case n < 40:
			who := manager("replicaset-controller")
			pod := c.pod("rates")
			c.log(at, who, request{verb: "create", resource: "pods", namespace: "shipments", name: pod, generatedFor: true, code: 201, level: "Request", why: c.controllerRole("replicaset-controller"), body: podSpec("", "rates-", "shipments", "rates:3f9c1d2")})
			c.log(at.Add(30*time.Millisecond), scheduler, request{verb: "create", resource: "pods", subresource: "binding", namespace: "shipments", name: pod, code: 201})
		case n < 60: // a job every few minutes
			c.log(at, manager("cronjob-controller"), request{verb: "create", group: "batch", resource: "jobs", namespace: "billing", name: fmt.Sprintf("invoice-sync-%d", at.Unix()/60), code: 201, why: c.controllerRole("cronjob-controller")})
		case n < 70: // two writers of one object: the loser tries again
			c.log(at, manager("deployment-controller"), request{verb: "update", group: "apps", resource: "deployments", subresource: "status", namespace: "shipments", name: "rates", code: 409, reason: "Conflict",
				message: `Operation cannot be fulfilled on deployments.apps "rates": the object has been modified; please apply your changes to the latest version and try again`})
		case n < 85:
			c.log(at, manager("generic-garbage-collector"), request{verb: "delete", group: "apps", resource: "replicasets", namespace: "shipments", name: "rates-" + c.text(lowerDigits, 9), why: c.controllerRole("generic-garbage-collector")})
		default:
			c.log(at, scheduler, request{verb: "create", group: "events.k8s.io", resource: "events", namespace: "shipments", code: 201})
		}
	}
	// The operators that exist to handle secrets list them all.
	secrets := serviceAccount("external-secrets", "external-secrets", "10.20.12.40", "external-secrets/v0.20.3 (linux/arm64) kubernetes/$Format")
	for _, at := range c.every(9*time.Minute, dayStart, dayEnd) {
		c.log(at, secrets, request{verb: "watch", resource: "secrets", longRunning: true, query: "allowWatchBookmarks=true&watch=true", why: c.clusterRole("external-secrets-controller")})
		c.log(at.Add(2*time.Second), secrets, request{verb: "update", resource: "secrets", namespace: "shipments", name: "shipment-api-db", why: c.clusterRole("external-secrets-controller")})
		if c.chance(30) {
			c.log(at.Add(time.Minute), secrets, request{verb: "list", resource: "secrets", query: "limit=500&resourceVersion=0", why: c.clusterRole("external-secrets-controller")})
		}
	}
}

func (c *cluster) controllerRole(name string) string {
	return fmt.Sprintf(rbacCluster, "system:controller:"+name, "system:controller:"+name, fmt.Sprintf(`ServiceAccount "%s/kube-system"`, name))
}

func (c *cluster) clusterRole(name string) string {
	return fmt.Sprintf(rbacCluster, name, name, "ServiceAccount")
}

// podSpec is a pod as a client sends it, ordinary in every way.
func podSpec(name, generate, namespace, image string) object {
	metadata := obj("generateName", generate, "namespace", namespace, "creationTimestamp", nil, "labels", obj("app", strings.TrimSuffix(generate, "-")))
	if name != "" {
		metadata = obj("name", name, "namespace", namespace, "creationTimestamp", nil)
	}
	return obj("kind", "Pod", "apiVersion", "v1", "metadata", metadata,
		"spec", obj("containers", list{obj("name", "main", "image", prodAccount+".dkr.ecr.eu-west-1.amazonaws.com/"+image,
			"resources", obj("requests", obj("cpu", "100m", "memory", "128Mi")), "imagePullPolicy", "IfNotPresent",
			"securityContext", obj("allowPrivilegeEscalation", false, "runAsNonRoot", true))},
			"restartPolicy", "Always", "serviceAccountName", "default", "enableServiceLinks", true),
		"status", obj())
}

// programs are the company's own service accounts, and the pipeline.
func (c *cluster) programs() {
	prometheus := serviceAccount("monitoring", "prometheus", "10.20.13.77", "Prometheus/3.7.1")
	agent := serviceAccount("monitoring", "node-agent", "10.20.13.58", "node-agent/2.4.0")
	argo := serviceAccount("argocd", "argocd-application-controller", "10.20.11.90", "argocd-application-controller/v3.1.8 (linux/arm64) kubernetes/$Format")
	for _, at := range c.every(3*time.Minute, dayStart, dayEnd) {
		switch n := c.IntN(100); {
		case n < 25:
			c.log(at, prometheus, request{verb: "list", resource: pick(c.dice, []string{"pods", "endpoints", "services"}), query: "limit=500&resourceVersion=0"})
		case n < 50:
			c.log(at, agent, request{verb: "list", resource: "nodes", query: "limit=500"})
		case n < 60: // an old chart asks for more than it was given
			c.log(at, agent, request{verb: "list", resource: "persistentvolumes", code: 403, reason: "Forbidden", decision: "forbid",
				message: `persistentvolumes is forbidden: User "system:serviceaccount:monitoring:node-agent" cannot list resource "persistentvolumes" in API group "" at the cluster scope`})
		case n < 85:
			c.log(at, argo, request{verb: "patch", group: "apps", resource: "deployments", namespace: "shipments", name: pick(c.dice, []string{"rates", "shipment-api", "gateway"}), query: "fieldManager=argocd-controller&force=true", level: "Request",
				body: obj("apiVersion", "apps/v1", "kind", "Deployment", "metadata", obj("annotations", obj("argocd.argoproj.io/tracking-id", "shipments:apps/Deployment:shipments/rates")), "spec", obj("replicas", 2+c.IntN(4)))})
		default:
			c.log(at, argo, request{verb: "get", group: "apiextensions.k8s.io", resource: "customresourcedefinitions", name: "applications.argoproj.io", code: pick(c.dice, []int{200, 200, 404}), reason: "NotFound", message: `customresourcedefinitions.apiextensions.k8s.io "applications.argoproj.io" not found`})
		}
	}
	deployer := serviceAccount("ci", "deployer", "198.51.100.18", "helm/v3.19.0")
	for _, at := range c.every(24*time.Minute, clock("07:40:00"), dayEnd) {
		app := pick(c.dice, []string{"shipment-api", "rates", "gateway"})
		release := fmt.Sprintf("sh.helm.release.v1.%s.v%d", app, 200+c.IntN(90))
		c.log(at, deployer, request{verb: "list", resource: "secrets", namespace: "shipments", query: "labelSelector=name%3D" + app + "%2Cowner%3Dhelm", bothStages: true, why: fmt.Sprintf(rbacRole, "deployer", "deployer", `ServiceAccount "deployer/ci"`)})
		c.log(at.Add(time.Second), deployer, request{verb: "create", resource: "secrets", namespace: "shipments", name: release, code: 201, bothStages: true})
		c.log(at.Add(2*time.Second), deployer, request{verb: "patch", group: "apps", resource: "deployments", namespace: "shipments", name: app, bothStages: true, level: "Request", query: "fieldManager=helm",
			body: obj("spec", obj("template", obj("spec", obj("containers", list{obj("name", "main", "image", prodAccount+".dkr.ecr.eu-west-1.amazonaws.com/"+app+":"+c.hex(7))}))))})
		c.log(at.Add(3*time.Second), deployer, request{verb: "create", group: "rbac.authorization.k8s.io", resource: "rolebindings", namespace: "shipments", name: app + "-reader", code: 409, reason: "AlreadyExists", bothStages: true, level: "Request",
			message: fmt.Sprintf(`rolebindings.rbac.authorization.k8s.io "%s-reader" already exists`, app),
			body:    binding("RoleBinding", app+"-reader", "Role", "reader", obj("kind", "ServiceAccount", "name", app, "namespace", "shipments"))})
	}
}

// binding is a RoleBinding or a ClusterRoleBinding.
func binding(kind, name, roleKind, role string, subjects ...any) object {
	return obj("kind", kind, "apiVersion", "rbac.authorization.k8s.io/v1", "metadata", obj("name", name, "creationTimestamp", nil),
		"subjects", list(subjects), "roleRef", obj("apiGroup", "rbac.authorization.k8s.io", "kind", roleKind, "name", role))
}

// staff are people with kubectl. They may look and, in the namespaces of their
// applications, debug.
func (c *cluster) staff() {
	for _, p := range people[:5] {
		who := engineer(p)
		for _, at := range c.every(7*time.Minute, clock("08:00:00"), dayEnd) {
			pod := c.pod("")
			switch n := c.IntN(100); {
			case n < 30:
				c.log(at, who, request{verb: "list", resource: "pods", namespace: "shipments", query: "limit=500", bothStages: c.chance(50)})
			case n < 50:
				c.log(at, who, request{verb: "get", resource: "pods", subresource: "log", namespace: "shipments", name: pod, query: "container=main&follow=true", longRunning: true})
			case n < 62:
				c.log(at, who, request{verb: "get", group: "apps", resource: "deployments", namespace: "shipments", name: "gateway"})
			case n < 70:
				c.log(at, who, request{verb: "get", resource: "pods", namespace: "shipments", name: pod, code: 404, reason: "NotFound", message: fmt.Sprintf("pods %q not found", pod)})
			case n < 78: // a shell in one's own application
				c.log(at, who, request{verb: "get", resource: "pods", subresource: "exec", namespace: "shipments", name: pod, query: "command=sh&container=main&stdin=true&stdout=true&tty=true", code: 101, longRunning: true, why: fmt.Sprintf(rbacRole, "engineering-debug", "debug", `Group "engineering"`)})
			case n < 84:
				c.log(at, who, request{verb: "create", resource: "pods", subresource: "portforward", namespace: "shipments", name: pod, code: 101, longRunning: true})
			case n < 90:
				c.log(at, who, request{verb: "list", resource: "secrets", namespace: "kube-system", code: 403, reason: "Forbidden", decision: "forbid",
					message: fmt.Sprintf(`secrets is forbidden: User %q cannot list resource "secrets" in API group "" in the namespace "kube-system"`, who.username)})
			default:
				c.log(at, who, request{verb: "create", group: "authorization.k8s.io", resource: "selfsubjectaccessreviews", code: 201})
			}
		}
	}
}

// outside are requests without a login: the load balancer's health checks, and
// somebody who looks what this port is.
func (c *cluster) outside() {
	checker := subject{username: "system:anonymous", groups: list{"system:unauthenticated"}, ip: "10.20.1.3", agent: "ELB-HealthChecker/2.0"}
	for _, at := range c.every(6*time.Minute, dayStart, dayEnd) {
		c.log(at, checker, request{verb: "get", path: pick(c.dice, []string{"/readyz", "/livez", "/healthz"}), why: fmt.Sprintf(rbacCluster, "system:public-info-viewer", "system:public-info-viewer", `Group "system:unauthenticated"`)})
	}
	stranger := subject{username: "system:anonymous", groups: list{"system:unauthenticated"}, ip: "198.51.100.250", agent: "Mozilla/5.0 (compatible; portmap/1.2; +https://portmap.example/about)"}
	c.log(clock("06:51:03"), stranger, request{verb: "get", path: "/version", why: fmt.Sprintf(rbacCluster, "system:public-info-viewer", "system:public-info-viewer", `Group "system:unauthenticated"`)})
	c.log(clock("06:51:04"), stranger, request{verb: "get", path: "/", code: 403, reason: "Forbidden", decision: "forbid", message: `forbidden: User "system:anonymous" cannot get path "/"`})
	c.log(clock("06:51:05"), stranger, request{verb: "list", resource: "pods", code: 403, reason: "Forbidden", decision: "forbid",
		message: `pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope`})
}
