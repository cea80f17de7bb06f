package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// gateway collects the access log of the public gateway, in the format combined.
type gateway struct {
	dice
	expected *expectation
	lines    []accessLine
}

type accessLine struct {
	at   time.Time
	text string
}

// hit is one request as the log has it.
type hit struct {
	ip, user, request string
	status            int
	bytes             int
	referer, agent    string
}

func (g *gateway) log(at time.Time, h hit) {
	dash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	g.lines = append(g.lines, accessLine{at, fmt.Sprintf(`%s - %s [%s] "%s" %d %d "%s" "%s"`, h.ip, dash(h.user), at.Format("02/Jan/2006:15:04:05 -0700"),
		h.request, h.status, h.bytes, dash(h.referer), dash(h.agent))})
}

// nginx makes the access log: a rotated part and the current file.
func nginx(expected *expectation) []file {
	g := &gateway{dice: newDice("nginx"), expected: expected}
	g.customers()
	g.integrations()
	g.machines()
	g.noise()
	g.attack()
	slices.SortStableFunc(g.lines, func(a, b accessLine) int { return a.at.Compare(b.at) })
	expected.read("gateway.nginx", len(g.lines))

	rotated := clock("08:00:01")
	var old, current bytes.Buffer
	for i, l := range g.lines {
		part := &current
		if l.at.Before(rotated) {
			part = &old
		}
		part.WriteString(l.text + "\n")
		switch i {
		case len(g.lines) / 2:
			part.WriteString(l.text[:strings.IndexByte(l.text, '"')+9] + "\n")
			expected.deadLetter("gateway.nginx", "a line of access.log is cut short, as a full disk leaves it")
		case len(g.lines) * 4 / 5:
			part.WriteString("nginx: [alert] 31#31: *48211 open socket #12 left in connection 7\n")
			expected.deadLetter("gateway.nginx", "a line of access.log belongs into the error log")
		}
	}
	return []file{{"nginx/access.log.1.gz", old.Bytes()}, {"nginx/access.log", current.Bytes()}}
}

var browsers = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
	"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
}

const portal = "https://portal." + domain

// customers are people at the portal, one visit each.
func (g *gateway) customers() {
	for _, at := range g.every(4*time.Minute, dayStart, dayEnd) {
		ip, agent := customerAddress(g.dice), pick(g.dice, browsers)
		get := func(path string, status, bytes int, referer string) {
			g.log(at, hit{ip: ip, request: "GET " + path + " HTTP/2.0", status: status, bytes: bytes, referer: referer, agent: agent})
			at = at.Add(time.Duration(1+g.IntN(9)) * time.Second)
		}
		login := func(status int) {
			g.log(at, hit{ip: ip, request: "POST /auth/login HTTP/2.0", status: status, bytes: 180 + g.IntN(300), referer: portal + "/login", agent: agent})
			at = at.Add(time.Duration(3+g.IntN(12)) * time.Second)
		}
		get("/login", 200, 5120+g.IntN(90), "")
		get("/assets/app-"+"8c1f0e"+".js", pick(g.dice, []int{200, 304}), 218112, portal+"/login")
		for g.chance(12) { // a password mistyped
			login(401)
		}
		login(200)
		for range 2 + g.IntN(5) {
			shipment := fmt.Sprintf("HL%08d", g.IntN(90000000))
			switch g.IntN(6) {
			case 0:
				get("/shipments?page="+fmt.Sprint(1+g.IntN(20))+"&sort=-created", 200, 30000+g.IntN(20000), portal+"/")
			case 1:
				get("/shipments/"+shipment, pick(g.dice, []int{200, 200, 200, 404}), 2000+g.IntN(9000), portal+"/shipments")
			case 2:
				get("/api/v1/shipments/"+shipment+"/events", 200, 700+g.IntN(5000), portal+"/shipments/"+shipment)
			case 3:
				get("/documents/"+shipment+".pdf", 200, 90000+g.IntN(400000), portal+"/shipments/"+shipment)
			case 4:
				get("/assets/img/caf%C3%A9-hub.webp", 200, 48211, portal+"/")
			default:
				get("/favicon.ico", 304, 0, portal+"/")
			}
		}
	}
}

// integrations are the customers' programs at the API.
func (g *gateway) integrations() {
	agents := []string{"okhttp/5.1.0", "python-requests/2.32.5", "Go-http-client/2.0", "axios/1.12.2", "Apache-HttpClient/5.5 (Java/21.0.8)"}
	for i, customer := range customers {
		ip := fmt.Sprintf("198.51.100.%d", 70+3*i)
		if i%3 == 2 {
			ip = fmt.Sprintf("2001:db8:a0%02x:17::%x", i, 0x40+i)
		}
		for _, at := range g.every(5*time.Minute, dayStart, dayEnd) {
			h := hit{ip: ip, user: customer, status: 200, bytes: 300 + g.IntN(4000), agent: agents[i%len(agents)]}
			switch n := g.IntN(100); {
			case n < 35:
				h.request = "POST /api/v1/shipments HTTP/1.1"
				h.status = pick(g.dice, []int{201, 201, 201, 201, 422})
			case n < 75:
				h.request = fmt.Sprintf("GET /api/v1/shipments/HL%08d/tracking HTTP/1.1", g.IntN(90000000))
			case n < 85:
				h.request = "PUT /api/v1/webhooks/" + g.uuid() + " HTTP/1.1"
				h.status, h.bytes = 204, 0
			case n < 93:
				h.request = "GET /api/v1/rates?from=DUB&to=RTM&weight=" + fmt.Sprint(1+g.IntN(900)) + " HTTP/1.1"
				h.status = pick(g.dice, []int{200, 200, 200, 429, 503})
			default: // the daily export of the customer's own shipments
				h.request = "GET /exports/" + customer + "/2026-11-17.csv.gz HTTP/1.1"
				h.bytes = 3_000_000 + g.IntN(70_000_000)
			}
			g.log(at, h)
		}
	}
}

// machines are health checks and crawlers that say who they are.
func (g *gateway) machines() {
	for _, at := range g.every(3*time.Minute, dayStart, dayEnd) {
		g.log(at, hit{ip: pick(g.dice, []string{"10.20.1.7", "10.20.2.7"}), request: "GET /healthz HTTP/1.1", status: 200, bytes: 2, agent: "ELB-HealthChecker/2.0"})
	}
	crawlers := []string{"Mozilla/5.0 (compatible; examplebot/2.1; +https://search.example/bot.html)", "Mozilla/5.0 (compatible; archivebot/1.4; +https://archive.example/bot)"}
	for _, at := range g.every(11*time.Minute, dayStart, dayEnd) {
		g.log(at, hit{ip: fmt.Sprintf("203.0.113.%d", 16+g.IntN(6)), request: "GET " + pick(g.dice, []string{"/robots.txt", "/", "/sitemap.xml", "/tracking", "/prices"}) + " HTTP/1.1",
			status: pick(g.dice, []int{200, 200, 301, 404}), bytes: 150 + g.IntN(9000), agent: pick(g.dice, crawlers)})
	}
}

// noise is what every public address hears: single probes, wrong protocols,
// clients that go away.
func (g *gateway) noise() {
	for _, at := range g.every(17*time.Minute, dayStart, dayEnd) {
		ip := fmt.Sprintf("203.0.113.%d", 2+g.IntN(12))
		switch g.IntN(5) {
		case 0: // TLS spoken to the plain port
			g.log(at, hit{ip: ip, request: `\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03`, status: 400, bytes: 157})
		case 1:
			g.log(at, hit{ip: ip, request: "", status: 400, bytes: 0})
		case 2:
			g.log(at, hit{ip: ip, request: "GET /.env HTTP/1.1", status: 404, bytes: 153, agent: "Mozilla/5.0 (compatible; InternetMeasurement/1.0)"})
			g.log(at.Add(time.Second), hit{ip: ip, request: "GET /.git/config HTTP/1.1", status: 404, bytes: 153, agent: "Mozilla/5.0 (compatible; InternetMeasurement/1.0)"})
		case 3:
			g.log(at, hit{ip: ip, request: "GET http://ip.example/ HTTP/1.1", status: 400, bytes: 157, agent: "curl/8.14.1"})
		default: // the client hung up
			g.log(at, hit{ip: customerAddress(g.dice), request: "GET /shipments HTTP/2.0", status: 499, bytes: 0, referer: portal + "/", agent: pick(g.dice, browsers)})
		}
	}
}

// attack is the gateway's part of the attack: a look around, a list of stolen
// passwords tried until one fits, and the exports in the end.
func (g *gateway) attack() {
	const tool = "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:52.0) Gecko/20100101 Firefox/52.0"
	g.scan(tool)

	at := clock("09:02:04")
	var failed []time.Time
	for range 83 {
		g.log(at, hit{ip: proxyIP, request: "POST /auth/login HTTP/1.1", status: pick(g.dice, []int{401, 401, 401, 401, 401, 429}), bytes: 212, agent: tool})
		failed = append(failed, at.Truncate(time.Second))
		at = at.Add(time.Duration(4+g.IntN(3)) * time.Second)
	}
	g.expected.burst("gateway.nginx.login_brute_force", proxyIP, failed, 20, time.Hour)
	g.log(at, hit{ip: proxyIP, request: "POST /auth/login HTTP/1.1", status: 200, bytes: 418, agent: tool})
	for i, path := range []string{"/", "/account", "/account/sessions", "/admin/exports", "/api/v1/admin/users?limit=500"} {
		g.log(at.Add(time.Duration(6+9*i)*time.Second), hit{ip: proxyIP, request: "GET " + path + " HTTP/1.1", status: []int{200, 200, 200, 200, 403}[i], bytes: 4000 + g.IntN(9000), referer: portal + "/login", agent: tool})
	}

	for _, d := range []struct {
		at, path string
		bytes    int
	}{{"10:36:05", "/exports/all/2026-11.tar.zst", 3_117_440_512}, {"10:43:51", "/exports/all/2026-10.tar.zst", 2_884_901_888}} {
		g.log(clock(d.at), hit{ip: serverIP, request: "GET " + d.path + " HTTP/1.1", status: 200, bytes: d.bytes, agent: "curl/8.14.1"})
		g.expected.hit("gateway.nginx.large_download", serverIP, clock(d.at), time.Hour)
	}
}

// scan is the look around, twenty minutes before.
func (g *gateway) scan(tool string) {
	paths := []string{
		"/.env", "/.env.production", "/.git/HEAD", "/.git/config", "/.aws/credentials", "/.ssh/id_rsa", "/wp-login.php", "/wp-config.php.bak", "/phpinfo.php", "/phpmyadmin/index.php",
		"/actuator/env", "/actuator/heapdump", "/server-status", "/.DS_Store", "/backup.zip", "/db.sql", "/config.json", "/.svn/entries", "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", "/cgi-bin/luci",
		"/.vscode/sftp.json", "/admin/.env", "/api/.env", "/xmlrpc.php",
	}
	at := clock("08:41:10")
	var probes []time.Time
	for _, path := range paths {
		g.log(at, hit{ip: proxyIP, request: "GET " + path + " HTTP/1.1", status: 404, bytes: 153, agent: tool})
		probes = append(probes, at)
		at = at.Add(time.Duration(1+g.IntN(2)) * time.Second)
	}
	g.expected.burst("gateway.nginx.scanner_probe", proxyIP, probes, 15, time.Hour)

	for _, path := range []string{"/documents/..%2f..%2f..%2fetc%2fpasswd", "/documents/%2e%2e/%2e%2e/%2e%2e/proc/self/environ", "/assets/....//....//etc/shadow"} {
		at = at.Add(2 * time.Second)
		g.log(at, hit{ip: proxyIP, request: "GET " + path + " HTTP/1.1", status: 400, bytes: 157, agent: tool})
		g.expected.hit("gateway.nginx.path_traversal", proxyIP, at, time.Hour)
	}
}
