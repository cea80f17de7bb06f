// Package process runs the programs that weir is tested beside, and weir itself:
// they listen on loopback, and end with the test whatever becomes of it.
package process

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

// Process is a program that runs beside a test and dies with it: in its cleanup,
// and by the kernel's hand when the test itself is killed.
type Process struct {
	// Log is the file of its standard output and error. A process of the same name
	// and directory appends to it.
	Log  string
	name string
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has been waited for
}

// Options are the parameters of a process.
type Options struct {
	Name string
	Dir  string   // where it runs, and its log is; "" for the test's own
	Env  []string // added to the test's environment
}

// Start runs args, whose first is the executable.
func Start(t testing.TB, o Options, args ...string) *Process {
	t.Helper()
	logs := o.Dir
	if logs == "" {
		logs = t.TempDir()
	}
	p := &Process{name: o.Name, gone: make(chan struct{}), Log: filepath.Join(logs, o.Name+".log")}
	out, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = o.Dir, out, out
	p.cmd.Env = append(os.Environ(), o.Env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", o.Name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is asked of ProcessState
		close(p.gone)
	}()
	t.Cleanup(p.Kill)
	return p
}

// Kill is kill -9. It returns when the process is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // an error says that it is gone already
	<-p.gone
}

// Signal sends a signal and goes on.
func (p *Process) Signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("send %v to %s: %v", s, p.name, err)
	}
}

// Stop asks the process to end and fails the test if it does not within the time,
// or ends with an error.
func (p *Process) Stop(t testing.TB, within time.Duration) {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(within):
		t.Fatalf("%s still runs %v after SIGTERM\n%s", p.name, within, p.tail())
	}
	if code := p.ExitCode(); code != 0 {
		t.Fatalf("%s ended with %d after SIGTERM\n%s", p.name, code, p.tail())
	}
}

// Gone is closed when the process has ended.
func (p *Process) Gone() <-chan struct{} { return p.gone }

// ExitCode is that of a process that is gone; -1 if a signal ended it.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Running is an error when the process has ended by itself.
func (p *Process) Running() error {
	select {
	case <-p.gone:
		return fmt.Errorf("%s has ended: %v\n%s", p.name, p.cmd.ProcessState, p.tail())
	default:
		return nil
	}
}

// Output is everything that the process has printed.
func (p *Process) Output() string {
	data, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func (p *Process) tail() string {
	out := p.Output()
	return out[max(0, len(out)-4000):]
}

// WaitListening waits until somebody listens on address, as p should.
func (p *Process) WaitListening(ctx context.Context, t testing.TB, address string) {
	t.Helper()
	WaitFor(ctx, t, p.name+" to listen on "+address, func() error {
		if err := p.Running(); err != nil {
			t.Fatal(err)
		}
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// WaitFor tries until try returns nil, less and less often, and fails the test
// with its last error when ctx ends.
func WaitFor(ctx context.Context, t testing.TB, what string, try func() error) {
	t.Helper()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
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

// FreeAddress is a loopback address that nobody listens on. Servers that are
// restarted need one that stays the same, so port 0 will not do.
func FreeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Executable is the path in an environment variable that the directory's run
// script sets.
func Executable(t testing.TB, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: run make integration", variable)
	}
	return path
}
