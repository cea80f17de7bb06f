//go:build unix

package file

import (
	"os"
	"strconv"
	"syscall"
)

// identity tells files apart however they are named: device and inode.
func identity(info os.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return strconv.FormatUint(uint64(st.Dev), 16) + ":" + strconv.FormatUint(uint64(st.Ino), 16)
}
