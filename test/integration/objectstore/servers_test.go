//go:build integration_objectstore

package objectstore

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/test/integration/process"
)

const (
	bucket     = "logs-lake" // and container
	accessKey  = "weirtest"
	secretKey  = "weir-test-secret"
	account    = "weirlake"
	accountKey = "d2VpcidzIHRlc3RzIG9uIGxvb3BiYWNr"
)

// startWeir starts a run over the sample logs.
func startWeir(t *testing.T, c *config.Config) *process.Process {
	t.Helper()
	return process.Start(t, process.Options{Name: "weir"}, process.Executable(t, "WEIR"), "run", "--config", c.File, "--once")
}

func runOnce(t *testing.T, c *config.Config) {
	t.Helper()
	finish(t, c, startWeir(t, c))
}

// finish waits for the end of a run and wants it to be good.
func finish(t *testing.T, c *config.Config, p *process.Process) {
	t.Helper()
	select {
	case <-p.Gone():
	case <-time.After(2 * time.Minute):
		t.Fatalf("weir does not end\n%s", p.Output())
	}
	if code := p.ExitCode(); code != 0 {
		t.Fatalf("weir ended with %d\n%s", code, p.Output())
	}
	// A run that was killed may have done everything before.
	if out := p.Output(); !strings.Contains(out, c.Lake.URL) && !strings.Contains(out, "Nothing new") {
		t.Errorf("the output does not name the lake:\n%s", out)
	}
	if out := p.Output(); strings.Contains(out, secretKey) || strings.Contains(out, accountKey) {
		t.Errorf("the output shows a secret:\n%s", out)
	}
}

// server can be stopped and started again, at the same address and with its data.
type server struct {
	address string
	command func(port string) *process.Process
	process *process.Process
}

// listen starts a server at a free port.
func listen(t testing.TB, command func(port string) *process.Process) *server {
	t.Helper()
	s := &server{address: process.FreeAddress(t), command: command}
	s.start(t)
	return s
}

// start waits until the server takes connections.
func (s *server) start(t testing.TB) {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.address)
	s.process = s.command(port)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s.process.WaitListening(ctx, t, s.address)
}

func startVersitygw(t testing.TB) (s *server, url string) {
	dir := t.TempDir()
	s = listen(t, func(port string) *process.Process {
		return process.Start(t, process.Options{Name: "versitygw", Env: []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey}},
			process.Executable(t, "VERSITYGW"), "--port", "127.0.0.1:"+port, "posix", dir)
	})
	url = "http://" + s.address
	cl := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: &url, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, "")})
	if _, err := cl.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Fatal(err)
	}
	return s, url
}

func startAzurite(t testing.TB) (s *server, url string) {
	dir := t.TempDir()
	s = listen(t, func(port string) *process.Process {
		return process.Start(t, process.Options{Name: "azurite", Env: []string{"AZURITE_ACCOUNTS=" + account + ":" + accountKey}},
			process.Executable(t, "AZURITE"), "--skipApiVersionCheck", "--disableTelemetry", "--silent", "--blobHost", "127.0.0.1", "--blobPort", port, "--location", dir)
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
