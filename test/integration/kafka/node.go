package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// node is one broker, which is a controller, too.
type node struct {
	id     int
	libs   string
	dir    string // its own
	shared string // the cluster's
	ports  []int  // by listener

	process *exec.Cmd
	done    chan struct{} // closed when process has ended
}

// stopTime is how long a broker may take to end in order.
const stopTime = 20 * time.Second

func (n *node) address(listener int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(n.ports[listener]))
}

func (n *node) logFile() string        { return filepath.Join(n.dir, "broker.log") }
func (n *node) propertiesFile() string { return filepath.Join(n.dir, "server.properties") }

// java is a command of Kafka's in a small machine that starts fast.
func (n *node) java(ctx context.Context, class string, args ...string) *exec.Cmd {
	options := []string{
		"-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dlog4j2.configurationFile=" + filepath.Join(n.shared, "log4j2.properties"),
		"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=" + jwksURL(n.shared),
		"-Dorg.apache.kafka.sasl.oauthbearer.allowed.files=" + jwksFile(n.shared),
		"-cp", filepath.Join(n.libs, "*"), class,
	}
	return exec.CommandContext(ctx, "java", append(options, args...)...)
}

// format writes the configuration and lets Kafka's own tool format the storage.
func (n *node) format(ctx context.Context, properties string) error {
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return fmt.Errorf("create directory of broker: %w", err)
	}
	if err := os.WriteFile(n.propertiesFile(), []byte(properties), 0o600); err != nil {
		return fmt.Errorf("write configuration of broker: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	out, err := n.java(ctx, "kafka.tools.StorageTool", "format", "--cluster-id", clusterID, "--config", n.propertiesFile()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("format storage of broker %d: %w\n%s", n.id, err, out)
	}
	return nil
}

// start starts the process.
func (n *node) start() error {
	log, err := os.OpenFile(n.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open log of broker: %w", err)
	}
	cmd := n.java(context.Background(), "kafka.Kafka", n.propertiesFile())
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	done := make(chan struct{})
	// The goroutine ends with the broker. It keeps its thread: the kernel takes the
	// end of the thread that started a process for the death of its parent.
	go func() {
		runtime.LockOSThread()
		defer close(done)
		defer log.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how a broker ends is in its log
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start broker %d: %w", n.id, err)
	}
	n.process, n.done = cmd, done
	return nil
}

func (n *node) ended() bool {
	select {
	case <-n.done:
		return true
	default:
		return false
	}
}

// stop ends the broker in order, or, if that takes too long, by force.
func (n *node) stop() error {
	if n.process == nil || n.ended() {
		return nil
	}
	_ = n.process.Process.Signal(syscall.SIGTERM) // it may end just now
	select {
	case <-n.done:
		return nil
	case <-time.After(stopTime):
		return errors.Join(fmt.Errorf("broker %d did not end within %s and was killed", n.id, stopTime), n.kill())
	}
}

// kill ends the broker at once.
func (n *node) kill() error {
	if n.process == nil || n.ended() {
		return nil
	}
	_ = n.process.Process.Kill() // it may end just now
	select {
	case <-n.done:
		return nil
	case <-time.After(stopTime):
		return fmt.Errorf("broker %d, process %d, did not end by kill -9", n.id, n.process.Process.Pid)
	}
}

func (n *node) signal(s syscall.Signal) error {
	if n.process == nil || n.ended() {
		return fmt.Errorf("broker %d does not run", n.id)
	}
	if err := n.process.Process.Signal(s); err != nil {
		return fmt.Errorf("signal broker %d: %w", n.id, err)
	}
	return nil
}

// freePorts finds n ports on loopback that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
