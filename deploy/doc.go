// Package deploy has no code: its tests hold the container image and the
// Kubernetes manifests of this directory to the binary.
package deploy
