// Command gen writes docs/functions.md, the reference of what rules can call.
package main

import (
	"fmt"
	"os"

	"github.com/weir-security/weir/detections/internal/expr"
)

func main() {
	if err := os.WriteFile("../../../docs/functions.md", expr.Reference(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
