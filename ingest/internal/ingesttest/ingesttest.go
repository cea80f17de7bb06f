// Package ingesttest is for tests that kill collectors: a collector runs in a process
// of its own, the test binary started again, and what it puts stands in a file that
// outlives it, as Kafka would.
package ingesttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/weir-security/weir/ingest"
)

// variable holds a Victim as JSON in a process that is one.
const variable = "WEIR_INGEST_VICTIM"

// A Fault is what goes wrong with a put.
type Fault string

// The faults. Of what is put nothing is durable before, everything after.
const (
	None       Fault = ""
	KillBefore Fault = "killed before the put is durable"
	KillAfter  Fault = "killed after the put is durable"
	FailBefore Fault = "put failed"
	FailAfter  Fault = "put failed, but is durable" // as a commit whose answer is lost
)

// Faults are all but None.
var Faults = []Fault{KillBefore, KillAfter, FailBefore, FailAfter}

// Victim is a collector in a process of its own.
type Victim struct {
	Ledger string // file of what it has put
	Fault  Fault
	Nth    int64 // at which put, from 1
	Args   map[string]string
}

// failed is the exit code of a victim whose put failed.
const failed = 42

// ErrPut is the error of a put that fails.
var ErrPut = errors.New("the put fails")

// Main is called by TestMain. In a victim it runs collect and ends the process; else it
// returns.
func Main(collect func(ctx context.Context, v *Victim, put ingest.Put) error) {
	text := os.Getenv(variable)
	if text == "" {
		return
	}
	var v Victim
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // should its test be gone
	defer cancel()
	err := collect(ctx, &v, v.put())
	switch {
	case errors.Is(err, ErrPut):
		os.Exit(failed)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (v *Victim) put() ingest.Put {
	var puts atomic.Int64
	return func(_ context.Context, b ingest.Batch) error {
		meets := puts.Add(1) == v.Nth
		if meets && v.Fault == KillBefore {
			die()
		}
		if meets && v.Fault == FailBefore {
			return ErrPut
		}
		if err := Append(v.Ledger, b); err != nil {
			return err
		}
		if meets && v.Fault == KillAfter {
			die()
		}
		if meets && v.Fault == FailAfter {
			return ErrPut
		}
		return nil
	}
}

// die is kill -9 of this process.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way
}

// Process is a victim that runs.
type Process struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	gone chan struct{} // closed when it has been waited for
	kill sync.Once
}

// Start starts a victim. The end of the test ends it.
func Start(t testing.TB, v Victim) *Process {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{cmd: exec.Command(os.Args[0], "-test.run=^$"), gone: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), variable+"="+string(text))
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process
		_ = p.cmd.Wait() // how it ended is asked of ProcessState
		close(p.gone)
	}()
	t.Cleanup(p.Kill)
	return p
}

// Kill is kill -9. It returns when the process is gone.
func (p *Process) Kill() {
	p.kill.Do(func() { _ = p.cmd.Process.Kill() }) // an error says that it is gone already
	<-p.gone
}

// Gone is closed when the process has ended.
func (p *Process) Gone() <-chan struct{} { return p.gone }

// Ended fails the test if a process that is gone ended by something else than its
// fault or Kill.
func (p *Process) Ended(t testing.TB) {
	t.Helper()
	<-p.gone
	status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	killed := status.Signaled() && status.Signal() == syscall.SIGKILL
	if !killed && status.ExitStatus() != failed && status.ExitStatus() != 0 {
		t.Errorf("the collector ended with %v\n%s", p.cmd.ProcessState, p.out.String())
	}
}
