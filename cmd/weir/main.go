// Command weir takes security logs through Kafka to OCSF events, alerts and a
// Parquet lake. See weir help.
package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"github.com/weir-security/weir/internal/exitcode"
)

func main() {
	// A closed output is an error of the write and not the end of the process:
	// what else is open (dead letters, transactions) is finished properly.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends ctx; from then on the next one ends the process.
	context.AfterFunc(ctx, stop)
	os.Exit(Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Run is the whole program but for the process around it: it returns what the
// process exits with. The end of ctx is the user's interrupt.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if outputClosed(err) {
		return int(exitcode.Done)
	}
	report(stderr, err)
	return int(exitcode.Of(err))
}

// outputClosed tells whether an error is that the reader of standard output has
// seen enough, like head: then the work is done, and nobody wants to hear of it.
func outputClosed(err error) bool {
	var failed *fs.PathError
	return errors.As(err, &failed) && failed.Path == os.Stdout.Name() && errors.Is(failed, syscall.EPIPE)
}
