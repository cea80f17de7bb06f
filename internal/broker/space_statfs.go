//go:build linux || darwin

package broker

import "syscall"

// diskSpace is the space of the file system of dir, in bytes: what this user may
// still fill, and all.
func diskSpace(dir string) (free, total uint64, ok bool) {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return 0, 0, false
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), true
}
