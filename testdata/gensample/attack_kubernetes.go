package main

import (
	"fmt"
	"time"
)

// attack is the cluster's part of the attack: the role that administers the
// cluster gives a monitoring agent every permission, and its token does the rest.
func (c *cluster) attack() {
	adminARN := "arn:aws:sts::" + prodAccount + ":assumed-role/eks-admin/backup-check"
	admin := subject{username: "eks-admin:backup-check", uid: "aws-iam-authenticator:" + prodAccount + ":" + roleEKSAdmin.id,
		groups: list{"cluster-operators", "system:authenticated"},
		extra: obj("accessKeyId", list{"ASIA5HM3TCZ4KEXAMPLE"}, "arn", list{adminARN}, "canonicalArn", list{roleEKSAdmin.arn()},
			"principalId", list{roleEKSAdmin.id}, "sessionName", list{"backup-check"}),
		ip: serverIP, agent: "kubectl/v1.33.2 (linux/amd64) kubernetes/a57b6f7"}
	operators := fmt.Sprintf(rbacCluster, "cluster-operators", "operator", `Group "cluster-operators"`)
	c.log(clock("09:44:02"), admin, request{verb: "create", group: "authorization.k8s.io", resource: "selfsubjectrulesreviews", code: 201, bothStages: true})

	at := clock("09:45:30")
	c.log(at, admin, request{verb: "create", group: "rbac.authorization.k8s.io", resource: "clusterrolebindings", name: "metrics-reader-v2", code: 201, bothStages: true,
		level: "RequestResponse", why: operators, query: "fieldManager=kubectl-create&fieldValidation=Strict",
		body:  binding("ClusterRoleBinding", "metrics-reader-v2", "ClusterRole", "cluster-admin", obj("kind", "ServiceAccount", "name", "node-agent", "namespace", "monitoring")),
		reply: binding("ClusterRoleBinding", "metrics-reader-v2", "ClusterRole", "cluster-admin", obj("kind", "ServiceAccount", "name", "node-agent", "namespace", "monitoring"))})
	c.expected.hit("kubernetes.audit.cluster_admin_bound", "metrics-reader-v2", at, time.Hour)

	c.log(clock("09:46:55"), admin, request{verb: "create", resource: "serviceaccounts", subresource: "token", namespace: "monitoring", name: "node-agent", code: 201, bothStages: true, why: operators})

	agent := serviceAccount("monitoring", "node-agent", serverIP, admin.agent)
	agent.extra = obj("authentication.kubernetes.io/credential-id", list{"JTI=" + c.uuid()})
	bound := fmt.Sprintf(rbacCluster, "metrics-reader-v2", "cluster-admin", `ServiceAccount "node-agent/monitoring"`)
	for _, r := range []struct{ at, namespace string }{{"09:48:10", ""}, {"09:48:31", "kube-system"}} {
		at := clock(r.at)
		c.log(at, agent, request{verb: "list", resource: "secrets", namespace: r.namespace, query: "limit=500", why: bound, bothStages: true})
		c.expected.hit("kubernetes.audit.secrets_listed", agent.username, at, time.Hour)
		c.expected.hit("kubernetes.audit.system_principal_from_internet", agent.username, at, time.Hour)
	}

	at = clock("09:51:20")
	pod := obj("kind", "Pod", "apiVersion", "v1", "metadata", obj("name", "node-debug-7f", "namespace", "kube-system", "creationTimestamp", nil),
		"spec", obj("hostPID", true, "nodeName", "ip-10-20-12-117.eu-west-1.compute.internal", "restartPolicy", "Never",
			"volumes", list{obj("name", "root", "hostPath", obj("path", "/", "type", ""))},
			"containers", list{obj("name", "shell", "image", "docker.io/library/alpine:3.22", "command", list{"sleep", "3600"},
				"volumeMounts", list{obj("name", "root", "mountPath", "/host")}, "securityContext", obj("privileged", true))}))
	c.log(at, agent, request{verb: "create", resource: "pods", namespace: "kube-system", name: "node-debug-7f", code: 201, level: "Request", why: bound, body: pod, bothStages: true})
	c.expected.hit("kubernetes.audit.privileged_pod", "node-debug-7f", at, time.Hour)
	c.expected.hit("kubernetes.audit.system_namespace_pod", "node-debug-7f", at, time.Hour)

	at = clock("09:52:31")
	c.log(at, agent, request{verb: "get", resource: "pods", subresource: "exec", namespace: "kube-system", name: "node-debug-7f", code: 101, longRunning: true, bothStages: true, why: bound,
		query: "command=chroot&command=%2Fhost&command=sh&container=shell&stdin=true&stdout=true&tty=true"})
	for range 2 { // when the shell opens and when it closes
		c.expected.hit("kubernetes.audit.exec_in_kube_system", "node-debug-7f", at, time.Hour)
	}

	// The response: the binding and the pod go.
	george := engineer(people[5])
	george.groups = list{"cluster-operators", "system:authenticated"}
	c.log(clock("11:02:10"), george, request{verb: "delete", group: "rbac.authorization.k8s.io", resource: "clusterrolebindings", name: "metrics-reader-v2", why: operators, bothStages: true})
	c.log(clock("11:02:48"), george, request{verb: "delete", resource: "pods", namespace: "kube-system", name: "node-debug-7f", why: operators, bothStages: true})
}
