package push

import (
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/weir-security/weir/internal/logkey"
)

// rates lets each client send so many requests a second, and after a pause as many
// at once.
type rates struct {
	perSecond float64
	mu        sync.Mutex
	clients   map[string]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// maxClients bounds the memory for clients; names of certificates come from outside.
const maxClients = 4096

func newRates(perSecond int) *rates {
	return &rates{perSecond: float64(perSecond), clients: map[string]bucket{}}
}

// take returns 0 if the client may send now, else how long it should wait.
func (r *rates) take(client string, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, known := r.clients[client]
	if known {
		b.left = min(r.perSecond, b.left+max(0, now.Sub(b.at).Seconds())*r.perSecond)
	} else {
		if len(r.clients) >= maxClients {
			clear(r.clients)
		}
		b.left = r.perSecond
	}
	b.at = now
	var wait time.Duration
	if b.left < 1 {
		wait = time.Duration((1 - b.left) / r.perSecond * float64(time.Second))
	} else {
		b.left--
	}
	r.clients[client] = b
	return wait
}

// boundedListener closes a connection at once when too many are open: who waits in the
// backlog would not know why.
type boundedListener struct {
	net.Listener
	slots      chan struct{} // holds one for each open connection
	complaints *complaints
}

func newBoundedListener(l net.Listener, most int, c *complaints) *boundedListener {
	return &boundedListener{l, make(chan struct{}, most), c}
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.slots <- struct{}{}:
			return &boundedConn{Conn: conn, release: sync.OnceFunc(func() { <-l.slots })}, nil
		default:
			l.complaints.add("Connections", "too many connections are open", "", conn.RemoteAddr().String())
			_ = conn.Close() // nothing was sent over it
		}
	}
}

type boundedConn struct {
	net.Conn
	release func()
}

func (c *boundedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

// complaints logs what is refused: of each kind the first, and then how many there
// were, every ten seconds at most.
type complaints struct {
	log *slog.Logger
	mu  sync.Mutex
	of  map[string]complaint // by kind, which is one of a few
}

type complaint struct {
	count int
	until time.Time
}

const complaintEvery = 10 * time.Second

func newComplaints(log *slog.Logger) *complaints {
	return &complaints{log: log, of: map[string]complaint{}}
}

// add counts a refusal, and logs it if it is time.
func (c *complaints) add(kind, message, client, remote string) {
	now := time.Now()
	c.mu.Lock()
	k := c.of[kind]
	k.count++
	tell, count := now.After(k.until), k.count
	if tell {
		k = complaint{until: now.Add(complaintEvery)}
	}
	c.of[kind] = k
	c.mu.Unlock()
	if tell {
		c.log.Warn("refused", slog.String(logkey.Reason, message), slog.Int(logkey.Count, count),
			slog.String(logkey.Client, client), slog.String(logkey.Remote, remote))
	}
}
