//go:build integration_gateway

// Package gateway holds weir's collectors of access logs against a real NGINX: one tails
// its log, to the other a sender pushes another log of the same requests in batches. The
// lines of both are in weir's lake, each once, although weir is killed while they come.
package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/weir-security/weir/test/integration/process"
)

const (
	clients = 4
	kills   = 4
	between = 500 // requests between two kills of weir
	token   = "3c1f9a4be0d64b0f8a52d8a1d1f5c6e7a8b9c0d1e2f3a4b5c6d7e8f901234567"
)

func TestAccessLogsArrive(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 8*time.Minute, errors.New("the test's time is over"))
	defer cancel()
	s := newServers(t)
	s.startNginx(ctx, t)
	s.startWeir(ctx, t)
	sender := s.startSender(ctx, t)

	var made atomic.Int64
	var working sync.WaitGroup
	enough := make(chan struct{})
	for c := range clients {
		working.Go(func() { visitUntil(ctx, t, s.nginxAddress, uint64(c), enough, &made) })
	}
	for i := range kills {
		more := made.Load() + between
		process.WaitFor(ctx, t, "requests", func() error {
			if n := made.Load(); n < more {
				return fmt.Errorf("%d are made", n)
			}
			return nil
		})
		s.weir.Kill()
		t.Logf("weir is killed after %d requests", made.Load())
		if i == 1 {
			s.rotate(t) // while nobody looks
		}
		s.startWeir(ctx, t)
	}
	close(enough)
	s.rotate(t)
	working.Wait()
	s.nginx.Stop(t, time.Minute) // it writes what it holds
	sender.finish(ctx, t)

	combined, pushed := s.lines(t, "tailed/combined.log*"), s.lines(t, "pushed.log")
	requests := int(made.Load())
	if combined.total() != requests || pushed.total() != requests {
		t.Fatalf("%d requests were made, the logs have %d and %d lines", requests, combined.total(), pushed.total())
	}
	if len(pushed) == requests {
		t.Error("no two lines are equal: the test would say nothing about those")
	}
	want := counts{}
	want.add(combined)
	want.add(pushed)
	process.WaitFor(ctx, t, "the lake to hold both logs", func() error {
		return errors.Join(s.weir.Running(), s.compareLake(t, want))
	})
	s.weir.Stop(t, time.Minute)
	if err := s.compareLake(t, want); err != nil {
		t.Errorf("after the end of weir: %v", err)
	}
	t.Logf("%d lines in the lake, %d of them pushed in %d batches, of which %d were sent more than once", want.total(), pushed.total(), sender.batches, sender.again)
	if sender.again == 0 {
		t.Error("no batch was sent twice, although weir was killed")
	}
}

// visitUntil makes requests, counts them, and does not give NGINX more than it takes.
func visitUntil(ctx context.Context, t *testing.T, address string, seed uint64, enough <-chan struct{}, made *atomic.Int64) {
	random := rand.New(rand.NewPCG(seed, 20261122))
	for {
		select {
		case <-enough:
			return
		case <-time.After(time.Duration(random.IntN(4)) * time.Millisecond):
		}
		if err := visit(ctx, address, random); err != nil {
			t.Errorf("request: %v", err)
			return
		}
		made.Add(1)
	}
}

// visit makes a request as one of a shop's clients, or of one that tries things.
func visit(ctx context.Context, address string, random *rand.Rand) error {
	paths := []string{"/", "/orders/7", "/orders/8?full=1", "/missing", "/admin", "/search?q=%22%27%3B--", "/gr%C3%BC%C3%9Fe", "/" + strings.Repeat("a", 300)}
	agents := []string{"shop/2.1", `Mozilla/5.0 "quoted" \x22`, "curl/8.5.0", "grüße", ""}
	method := []string{http.MethodGet, http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete}[random.IntN(5)]
	req, err := http.NewRequestWithContext(ctx, method, "http://"+address+paths[random.IntN(len(paths))], nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", agents[random.IntN(len(agents))])
	if random.IntN(3) == 0 {
		req.Header.Set("Referer", "https://shop.example.com/?a=\"b\"")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// servers are an NGINX and a weir.
type servers struct {
	dir                       string
	nginxAddress, pushAddress string
	nginx, weir               *process.Process
}

func newServers(t *testing.T) *servers {
	t.Helper()
	dir, err := os.MkdirTemp("", "weir-gateway-")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs and data are kept in %s", dir)
			return
		}
		must(t, os.RemoveAll(dir))
	})
	must(t, os.Chmod(dir, 0o755)) // NGINX's workers may be another user
	must(t, os.MkdirAll(filepath.Join(dir, "log", "tailed"), 0o755))
	return &servers{dir: dir, nginxAddress: process.FreeAddress(t), pushAddress: process.FreeAddress(t)}
}

const nginxConfig = `
daemon off;
worker_processes 2;
pid DIR/nginx.pid;
error_log DIR/error.log;
events { worker_connections 256; }
http {
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi; uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
  # Whole seconds and no id: equal requests give equal lines.
  log_format pushed escape=json '{"time_iso8601":"$time_iso8601","remote_addr":"$remote_addr","request":"$request","status":"$status",'
    '"body_bytes_sent":"$body_bytes_sent","http_referer":"$http_referer","http_user_agent":"$http_user_agent"}';
  access_log DIR/log/tailed/combined.log combined;
  access_log DIR/log/pushed.log pushed;
  server {
    listen ADDRESS;
    location / { return 200 "hello\n"; }
    location /orders { return 200 "[]\n"; }
    location /missing { return 404; }
    location /admin { return 403; }
  }
}
`

func (s *servers) startNginx(ctx context.Context, t *testing.T) {
	t.Helper()
	file := filepath.Join(s.dir, "nginx.conf")
	text := strings.NewReplacer("DIR", s.dir, "ADDRESS", s.nginxAddress).Replace(nginxConfig)
	must(t, os.WriteFile(file, []byte(text), 0o644))
	s.nginx = process.Start(t, process.Options{Name: "nginx", Dir: s.dir}, process.Executable(t, "NGINX"), "-p", s.dir, "-e", filepath.Join(s.dir, "error.log"), "-c", file)
	s.nginx.WaitListening(ctx, t, s.nginxAddress)
}

const weirConfig = `
kafka: {embedded: {dir: broker}}
collectors:
  - {name: tailed, type: file, source: gateway.nginx, path: log/tailed, poll_interval: 200ms}
  - name: pushed
    type: http
    source: gateway.nginx
    listen: ADDRESS
    token_sha256: {edge-1: [DIGEST]}
lake: {dir: lake, flush: {age: 2s, idle: 500ms}}
alerts: [{name: archive, type: file, path: alerts.ndjson}]
`

func (s *servers) startWeir(ctx context.Context, t *testing.T) {
	t.Helper()
	file := filepath.Join(s.dir, "weir.yaml")
	text := strings.NewReplacer("ADDRESS", s.pushAddress, "DIGEST", digest(token)).Replace(weirConfig)
	must(t, os.WriteFile(file, []byte(text), 0o600))
	s.weir = process.Start(t, process.Options{Name: "weir", Dir: s.dir}, process.Executable(t, "WEIR"), "run", "--config", file)
	s.weir.WaitListening(ctx, t, s.pushAddress)
}

// rotate moves the tailed log away and makes NGINX write a new one, as logrotate does.
func (s *servers) rotate(t *testing.T) {
	t.Helper()
	path := filepath.Join(s.dir, "log", "tailed", "combined.log")
	if _, err := os.Stat(path + ".1"); err == nil {
		must(t, os.Rename(path+".1", path+".2"))
	}
	must(t, os.Rename(path, path+".1"))
	s.nginx.Signal(t, syscall.SIGUSR1)
}

// sender pushes a log in batches of lines, each until it is answered 200.
type sender struct {
	url, path      string
	batches, again int
	ended          chan error
	last           chan struct{} // closed when the log is complete
}

func (s *servers) startSender(ctx context.Context, t *testing.T) *sender {
	t.Helper()
	p := &sender{url: "http://" + s.pushAddress + "/nginx", path: filepath.Join(s.dir, "log", "pushed.log"), ended: make(chan error, 1), last: make(chan struct{})}
	go func() { p.ended <- p.run(ctx) }() // ends with ctx, or after last
	return p
}

// finish waits until everything is pushed.
func (p *sender) finish(ctx context.Context, t *testing.T) {
	t.Helper()
	close(p.last)
	select {
	case err := <-p.ended:
		must(t, err)
	case <-ctx.Done():
		t.Fatal(context.Cause(ctx))
	}
}

func (p *sender) run(ctx context.Context) error {
	f, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer f.Close()
	offset := int64(0)
	for ctx.Err() == nil {
		complete := false
		select {
		case <-p.last:
			complete = true
		default:
		}
		batch := make([]byte, 16<<10)
		n, err := f.ReadAt(batch, offset)
		if err != nil && err != io.EOF {
			return err
		}
		end := bytes.LastIndexByte(batch[:n], '\n') + 1
		if end == 0 {
			if complete {
				return nil
			}
			time.Sleep(20 * time.Millisecond)
			continue
		}
		if err := p.push(ctx, batch[:end], offset); err != nil {
			return err
		}
		offset += int64(end)
	}
	return context.Cause(ctx)
}

// push sends a batch until it is answered 200. Every other one has a key, the rest are
// known by what they hold.
func (p *sender) push(ctx context.Context, batch []byte, offset int64) error {
	p.batches++
	for try := 0; ctx.Err() == nil; try++ {
		if try == 1 {
			p.again++
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(batch))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-ndjson")
		req.Header.Set("Authorization", "Bearer "+token)
		if p.batches%2 == 0 {
			req.Header.Set("Idempotency-Key", "pushed.log@"+strconv.FormatInt(offset, 10))
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			answer, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			switch resp.StatusCode {
			case http.StatusOK:
				return nil
			case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			default:
				return fmt.Errorf("answer %d %s", resp.StatusCode, answer)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return context.Cause(ctx)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
