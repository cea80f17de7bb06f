package gateway

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/event"
)

// timeLayout is $time_local.
const timeLayout = "02/Jan/2006:15:04:05 -0700"

// parseLine reads a line of
//
//	$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"
//
// with a virtual host before it or further fields behind it.
func parseLine(line string) (access, *normalize.Error) {
	a := access{bodyBytes: -1, bytesSent: -1}
	quote := strings.IndexByte(line, '"')
	if quote < 0 {
		return a, syntax(0, "no quoted request: not a line of the combined format")
	}
	head, ok := strings.CutSuffix(line[:quote], "] ")
	open := strings.LastIndex(head, " [")
	if !ok || open < 0 {
		return a, syntax(quote, "want [time] before the request: not a line of the combined format")
	}
	if err := a.parseTime(head[open+2:], open+2); err != nil {
		return a, err
	}
	if err := a.parseClient(head[:open]); err != nil {
		return a, err
	}
	rest := fields{line: line, pos: quote}
	request, ok := rest.quoted()
	if !ok {
		return a, syntax(quote, "the request's closing quote is missing")
	}
	a.parseRequest(decode(request))
	return a, a.parseResponse(&rest)
}

func syntax(offset int, detail string) *normalize.Error {
	return &normalize.Error{Reason: event.ReasonSyntax, Detail: detail, Offset: offset}
}

func (a *access) parseTime(text string, offset int) *normalize.Error {
	t, err := time.Parse(timeLayout, text)
	if err != nil {
		return syntax(offset, "want a time like 02/Jan/2006:15:04:05 -0700")
	}
	_, seconds := t.Zone()
	a.time, a.offset, a.hasOffset = t.UnixMilli(), int32(seconds/60), true
	return nil
}

// parseClient reads what is before the time: the address, or addresses, a dash,
// the user. A word before the address is the virtual host, what ends with a colon
// the header of syslog.
func (a *access) parseClient(text string) *normalize.Error {
	address, user, ok := strings.Cut(text, " - ")
	if !ok || address == "" {
		return syntax(0, "want an address, a dash and a user before the time")
	}
	if i := strings.LastIndex(address, ": "); i >= 0 {
		a.extra = append(a.extra, address[:i+1])
		address = address[i+2:]
	}
	if host, rest, ok := strings.Cut(address, " "); ok && !strings.HasSuffix(host, ",") {
		a.host, address = host, rest
	}
	if strings.Contains(strings.ReplaceAll(address, ", ", ","), " ") {
		return syntax(0, "want an address, a dash and a user before the time")
	}
	a.remoteAddr = address
	a.remoteUser = decode(absent(user))
	return nil
}

// parseResponse reads the fields behind the request.
func (a *access) parseResponse(rest *fields) *normalize.Error {
	status, ok := rest.word()
	code, err := strconv.ParseInt(status, 10, 32)
	if !ok || err != nil || code < 0 || code > 999 {
		return syntax(rest.pos, "want a status of three digits behind the request")
	}
	a.status = int32(code)
	sent, ok := rest.word()
	if a.bodyBytes, err = strconv.ParseInt(sent, 10, 64); !ok || err != nil || a.bodyBytes < 0 {
		if sent != "-" {
			return syntax(rest.pos, "want the number of bytes behind the status")
		}
		a.bodyBytes = -1
	}
	for i := 0; ; i++ {
		field, ok := rest.next()
		if !ok {
			break
		}
		field = decode(absent(field))
		switch {
		case field == "":
		case i == 0:
			a.referer = field
		case i == 1:
			a.userAgent = field
		case i == 2 && a.parseForwarded(field):
		default:
			a.extra = append(a.extra, field)
		}
	}
	return nil
}

// parseForwarded takes a list of addresses as X-Forwarded-For.
func (a *access) parseForwarded(list string) bool {
	var addresses []string
	for address := range strings.SplitSeq(list, ",") {
		address = strings.TrimSpace(address)
		if !normalize.IsIP(address) {
			return false
		}
		addresses = append(addresses, address)
	}
	a.forwarded = addresses
	return true
}

// absent is "" for the dash that NGINX writes for an empty variable.
func absent(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

func statusText(code int32) string {
	if code < 100 {
		return fmt.Sprintf("%03d", code)
	}
	return strconv.Itoa(int(code))
}

// fields reads the fields of a line: words between spaces, and quoted texts.
type fields struct {
	line string
	pos  int
}

// next is the coming field, without its quotes.
func (f *fields) next() (string, bool) {
	f.space()
	if f.pos < len(f.line) && f.line[f.pos] == '"' {
		start := f.pos
		if text, ok := f.quoted(); ok {
			return text, true
		}
		f.pos = len(f.line) // an open quote at the end of a line that was cut
		return f.line[start+1:], true
	}
	return f.word()
}

func (f *fields) space() {
	for f.pos < len(f.line) && f.line[f.pos] == ' ' {
		f.pos++
	}
}

func (f *fields) word() (string, bool) {
	f.space()
	start := f.pos
	for f.pos < len(f.line) && f.line[f.pos] != ' ' {
		f.pos++
	}
	return f.line[start:f.pos], f.pos > start
}

// quoted reads a text at its opening quote. NGINX writes a quote inside as \x22;
// others as \", which is read too.
func (f *fields) quoted() (string, bool) {
	for i := f.pos + 1; i < len(f.line); i++ {
		switch f.line[i] {
		case '\\':
			i++
		case '"':
			text := f.line[f.pos+1 : i]
			f.pos = i + 1
			return text, true
		}
	}
	return "", false
}
