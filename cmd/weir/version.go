package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/schemas/ocsf"
)

// version is set by the Makefile: -ldflags "-X main.version=...".
var version string

// buildVersion is the version of this binary: that of the Makefile, else of the
// module when it was built by go install, else "devel".
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of weir, Go and OCSF",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "weir %s (%s, %s/%s, OCSF %s)\n",
				buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, ocsf.Version)
			return err
		},
	}
}
