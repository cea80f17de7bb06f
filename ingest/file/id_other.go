//go:build !unix

package file

import "os"

// identity is empty where a file has none: a renamed file is then known by its
// content alone.
func identity(os.FileInfo) string { return "" }
