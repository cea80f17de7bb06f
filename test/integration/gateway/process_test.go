//go:build integration_gateway

package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// process is a server that runs beside the test and dies with it: in its
// cleanup, and by the kernel's hand when the test itself is killed.
type process struct {
	name string
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has been waited for
	log  string        // file of its standard output and error, appended to
}

// start runs args, whose first is the executable.
func start(t *testing.T, name, dir string, args ...string) *process {
	t.Helper()
	p := &process{name: name, gone: make(chan struct{}), log: filepath.Join(dir, name+".log")}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is asked of ProcessState
		close(p.gone)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill is kill -9. It returns when the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // an error says that it is gone already
	<-p.gone
}

// stop asks the process to end and fails the test if it does not within the
// time, or ends with an error.
func (p *process) stop(t *testing.T, within time.Duration) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("stop %s: %v", p.name, err)
	}
	select {
	case <-p.gone:
	case <-time.After(within):
		t.Fatalf("%s still runs %v after SIGTERM: see %s", p.name, within, p.log)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("%s ended with %d after SIGTERM\n%s", p.name, code, tail(p.log))
	}
}

// running is an error when the process has ended by itself.
func (p *process) running() error {
	select {
	case <-p.gone:
		return fmt.Errorf("%s has ended: %v\n%s", p.name, p.cmd.ProcessState, tail(p.log))
	default:
		return nil
	}
}

// waitListening waits until somebody listens on address, as p should.
func (p *process) waitListening(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	waitFor(ctx, t, p.name+" to listen on "+address, func() error {
		if err := p.running(); err != nil {
			t.Fatal(err)
		}
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// waitFor tries until try returns nil, less and less often, and fails the test
// with its last error when ctx ends.
func waitFor(ctx context.Context, t *testing.T, what string, try func() error) {
	t.Helper()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("wait for %s: %v", what, errors.Join(context.Cause(ctx), err))
		case <-time.After(pause):
		}
	}
}

// tail is the end of a log.
func tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-4000):])
}

// executable is the path in an environment variable that test/integration/gateway/run
// sets.
func executable(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: run make integration", variable)
	}
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
