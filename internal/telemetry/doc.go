// Package telemetry is weir seen from outside: the metrics, the readiness of each
// role, and the HTTP server that shows both. Roles report to it; it knows nothing
// of them. docs/operations.md documents every metric, and a test holds the two
// together.
package telemetry
