package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/weir-security/weir/internal/logkey"
)

// The paths of the server. PathReady followed by a slash and a role asks for that
// role alone.
const (
	PathHealth  = "/healthz"
	PathReady   = "/readyz"
	PathMetrics = "/metrics"
	pathPprof   = "/debug/pprof/"
)

// Server shows a Telemetry over HTTP.
type Server struct {
	http     http.Server
	listener net.Listener
	done     chan struct{}
}

// Start serves at the address until Close; profiles too, if asked to: the caller
// has made sure that the address is a loopback one then.
func Start(t *Telemetry, address string, profiles bool, log *slog.Logger) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w; set metrics.listen to a free address, or empty for none", err)
	}
	s := &Server{
		http: http.Server{
			Handler:           t.Handler(profiles),
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
		listener: listener,
		done:     make(chan struct{}),
	}
	go func() { // ends with Close
		defer close(s.done)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics server has ended", slog.Any(logkey.Error, err))
		}
	}()
	log.Info("serving metrics", slog.String(logkey.Address, s.Addr()))
	return s, nil
}

// Addr is the address that the server listens at.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close stops the server; requests under way have a second to end.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) { // a profile, say: nobody waits for it
		err = s.http.Close()
	}
	<-s.done
	return err
}

// Handler answers for the server.
func (t *Telemetry) Handler(profiles bool) http.Handler {
	mux := http.NewServeMux()
	// Alive is who answers. A role that fails ends the process by itself, and no
	// other trouble gets better by a restart.
	mux.HandleFunc("GET "+PathHealth, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	mux.HandleFunc("GET "+PathReady, func(w http.ResponseWriter, _ *http.Request) { t.replyReady(w, "") })
	mux.HandleFunc("GET "+PathReady+"/{role}", func(w http.ResponseWriter, r *http.Request) { t.replyReady(w, r.PathValue("role")) })
	mux.Handle("GET "+PathMetrics, promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{Registry: t.registry, MaxRequestsInFlight: 4}))
	if profiles {
		mux.HandleFunc("GET "+pathPprof, pprof.Index) // heap, goroutine, ... by name
		mux.HandleFunc("GET "+pathPprof+"cmdline", pprof.Cmdline)
		mux.HandleFunc("GET "+pathPprof+"profile", pprof.Profile)
		mux.HandleFunc("GET "+pathPprof+"symbol", pprof.Symbol)
		mux.HandleFunc("GET "+pathPprof+"trace", pprof.Trace)
	}
	return mux
}

// readiness is the body of /readyz.
type readiness struct {
	Ready bool         `json:"ready"`
	Roles []RoleHealth `json:"roles"`
}

// replyReady answers for one role, or with "" for all: 200 or 503, and 404 for a
// role that this process does not run.
func (t *Telemetry) replyReady(w http.ResponseWriter, role string) {
	all := readiness{Ready: true, Roles: []RoleHealth{}}
	for _, r := range t.Health.Roles() {
		if role == "" || r.Role == role {
			all.Roles = append(all.Roles, r)
			all.Ready = all.Ready && r.Ready
		}
	}
	switch {
	case len(all.Roles) == 0 && role != "":
		reply(w, http.StatusNotFound, map[string]string{"error": "this process does not run that role"})
	case len(all.Roles) == 0 || !all.Ready:
		all.Ready = false
		reply(w, http.StatusServiceUnavailable, all)
	default:
		reply(w, http.StatusOK, all)
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the asker has gone
}
