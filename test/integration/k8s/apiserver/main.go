// Command apiserver is a kube-apiserver of the release in go.mod, built from
// its Go modules, so that the test of audit logs needs no cluster and no
// container. It is a module of its own: nothing of Kubernetes gets into weir's.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
