//go:build integration_objectstore

package objectstore

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/weir-security/weir/internal/config"
)

const (
	bucket     = "logs-lake" // and container
	accessKey  = "weirtest"
	secretKey  = "weir-test-secret"
	account    = "weirlake"
	accountKey = "d2VpcidzIHRlc3RzIG9uIGxvb3BiYWNr"
)

// process runs beside the test and dies with it.
type process struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has been waited for
	mu   sync.Mutex
	out  bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(args[0], args[1:]...), gone: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
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

func (p *process) ended() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

func executable(t *testing.T, name string) string {
	t.Helper()
	path := os.Getenv(name)
	if path == "" {
		t.Fatalf("%s is not set: run test/integration/objectstore/run", name)
	}
	return path
}

// startWeir starts a run over the sample logs.
func startWeir(t *testing.T, c *config.Config) *process {
	t.Helper()
	return start(t, nil, executable(t, "WEIR"), "run", "--config", c.File, "--once")
}

func runOnce(t *testing.T, c *config.Config) {
	t.Helper()
	finish(t, c, startWeir(t, c))
}

// finish waits for the end of a run and wants it to be good.
func finish(t *testing.T, c *config.Config, p *process) {
	t.Helper()
	select {
	case <-p.gone:
	case <-time.After(2 * time.Minute):
		t.Fatalf("weir does not end\n%s", p.output())
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("weir ended with %d\n%s", code, p.output())
	}
	if !strings.Contains(p.output(), c.Lake.URL) || strings.Contains(p.output(), secretKey) || strings.Contains(p.output(), accountKey) {
		t.Errorf("the output does not name the lake, or shows a secret:\n%s", p.output())
	}
}

// server can be stopped and started again, at the same address and with its data.
type server struct {
	address string
	command func(port string) *process
	process *process
}

// listen starts a server at a free port.
func listen(t *testing.T, command func(port string) *process) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{address: l.Addr().String(), command: command}
	l.Close()
	s.start(t)
	return s
}

// start waits until the server takes connections.
func (s *server) start(t *testing.T) {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.address)
	s.process = s.command(port)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", s.address)
		if err == nil {
			c.Close()
			return
		}
		if s.process.ended() || time.Now().After(deadline) {
			t.Fatalf("no server at %s: %v\n%s", s.address, err, s.process.output())
		}
	}
}

func startVersitygw(t *testing.T) (s *server, url string) {
	dir := t.TempDir()
	s = listen(t, func(port string) *process {
		return start(t, []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey},
			executable(t, "VERSITYGW"), "--port", "127.0.0.1:"+port, "posix", dir)
	})
	url = "http://" + s.address
	cl := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: &url, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, "")})
	if _, err := cl.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	return s, url
}

func startAzurite(t *testing.T) (s *server, url string) {
	dir := t.TempDir()
	s = listen(t, func(port string) *process {
		return start(t, []string{"AZURITE_ACCOUNTS=" + account + ":" + accountKey},
			executable(t, "AZURITE"), "--skipApiVersionCheck", "--disableTelemetry", "--silent", "--blobHost", "127.0.0.1", "--blobPort", port, "--location", dir)
	})
	url = "http://" + s.address + "/" + account
	key, err := container.NewSharedKeyCredential(account, accountKey)
	if err != nil {
		t.Fatal(err)
	}
	cl, err := container.NewClientWithSharedKeyCredential(fmt.Sprintf("%s/%s", url, bucket), key, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cl.Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return s, url
}
