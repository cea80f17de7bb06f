package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// site is one weir with its input, in a directory of its own.
type site struct {
	name, dir string
	kafka     string // the configuration's section
}

const (
	settle     = 10 * time.Second // from readiness to "at rest"
	warmUp     = 5 * time.Second  // of load, before the latency counts
	readyAfter = time.Minute      // at most
	alertAfter = 2 * time.Minute  // at most, for what was written
)

func (s site) path(name string) string { return filepath.Join(s.dir, name) }

// configure writes the configuration and the rules. Each of a site's measurements
// has topics of its own.
func (s site) configure(o options, purpose, listen string) (file string, err error) {
	rules := s.path("rules")
	if err := os.MkdirAll(s.path(purpose), 0o700); err != nil {
		return "", err
	}
	if err := os.RemoveAll(rules); err != nil {
		return "", err
	}
	if err := os.CopyFS(rules, os.DirFS(o.rules)); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(rules, "marker.yaml"), []byte(markerRule), 0o600); err != nil {
		return "", err
	}
	metrics := ""
	if listen != "" {
		metrics = fmt.Sprintf("metrics: {listen: %q}\n", listen)
	}
	section := s.kafka
	if !strings.HasPrefix(section, "{") {
		section = "{" + section + "}"
	}
	section = strings.TrimSuffix(section, "}") + fmt.Sprintf(", topic_prefix: %s., group_prefix: %s.}", purpose, purpose)
	file = s.path("weir-" + purpose + ".yaml")
	return file, os.WriteFile(file, fmt.Appendf(nil, `instance: %[1]s
kafka: %[2]s
collectors: [{name: trail, type: file, source: aws.cloudtrail, path: %[1]s}]
rules: {dir: rules}
lake: {dir: lake-%[1]s}
alerts: [{name: file, type: file, path: alerts-%[1]s.ndjson}]
%[3]s`, purpose, section, metrics), 0o600)
}

// rate takes records through all roles at once.
func (s site) rate(ctx context.Context, o options) (float64, error) {
	file, err := s.configure(o, "rate", "")
	if err != nil {
		return 0, err
	}
	if err := writeRecords(s.path("rate/trail.ndjson"), o.records); err != nil {
		return 0, err
	}
	began := time.Now()
	cmd := exec.CommandContext(ctx, o.binary, "run", "--config", file, "--once")
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%w\n%s", err, out)
	}
	return float64(o.records) / time.Since(began).Seconds(), nil
}

// underLoad measures what a service does: at rest, under load, killed.
func (s site) underLoad(ctx context.Context, o options, f *figures) (err error) {
	listen, err := freeAddress()
	if err != nil {
		return err
	}
	file, err := s.configure(o, "load", listen)
	if err != nil {
		return err
	}
	w := &weir{binary: o.binary, config: file, listen: listen, log: s.path("weir.log")}
	if err := w.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	if err := wait(ctx, settle); err != nil {
		return err
	}
	if f.atRest, err = w.memory("VmRSS"); err != nil {
		return err
	}

	load, err := startLoad(ctx, s.path("load/trail.ndjson"), s.path("alerts-load.ndjson"), f.load)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, load.stop()) }()
	if err := wait(ctx, warmUp); err != nil {
		return err
	}
	from := time.Now()
	if err := wait(ctx, o.period); err != nil {
		return err
	}
	if f.latencies, err = load.latencies(ctx, from, time.Now()); err != nil {
		return err
	}
	if f.underLoad, err = w.memory("VmHWM"); err != nil {
		return err
	}
	for range o.kills {
		if err := w.kill(); err != nil {
			return err
		}
		killed := time.Now()
		if err := w.start(ctx); err != nil {
			return err
		}
		recovered, err := load.firstAlertOf(ctx, killed)
		if err != nil {
			return err
		}
		f.recoveries = append(f.recoveries, recovered.Sub(killed))
		if err := wait(ctx, warmUp); err != nil {
			return err
		}
	}
	return nil
}

// weir is a process of the binary, as a service.
type weir struct {
	binary, config, listen, log string
	cmd                         *exec.Cmd
}

// start starts the process and waits until it is ready.
func (w *weir) start(ctx context.Context) error {
	log, err := os.OpenFile(w.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	w.cmd = exec.CommandContext(ctx, w.binary, "run", "--config", w.config)
	w.cmd.Stdout, w.cmd.Stderr = log, log
	if err := w.cmd.Start(); err != nil {
		return err
	}
	deadline := time.Now().Add(readyAfter)
	for time.Now().Before(deadline) {
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
		answer, err := http.Get("http://" + w.listen + "/readyz")
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("weir is not ready after %s, see %s", readyAfter, w.log)
}

func (w *weir) kill() error {
	if err := w.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = w.cmd.Wait() // says that it was killed
	return nil
}

func (w *weir) stop() error {
	if w.cmd.ProcessState != nil {
		return nil
	}
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return w.cmd.Wait()
}

// memory reads a size of the process from its status, in bytes.
func (w *weir) memory(key string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if _, err := fmt.Sscanf(line, key+": %d kB", &kib); err == nil {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("no %s in the status of the process", key)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func join(addresses []string) string { return strings.Join(addresses, ", ") }
