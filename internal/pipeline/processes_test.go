package pipeline

import (
	"io"
	"os"
)

// sharedRoles are those that scale by adding processes.
var sharedRoles = []Role{RoleDetect, RoleCorrelate, RoleStore}

// drainOnInput drains when standard input ends: the parent's way to ask for it.
func drainOnInput(drain func()) {
	_, _ = io.Copy(io.Discard, os.Stdin)
	drain()
}
