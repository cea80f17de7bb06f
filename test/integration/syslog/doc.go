// Package syslog is the test of alerts that go to a real rsyslog; see run.
package syslog
