package gateway

import "strings"

// maxHeaders is how often a line is tried: as it is, and behind headers of relays.
const maxHeaders = 4

// cutHeader takes the header of syslog off a line: RFC 5424's, RFC 3164's with or
// without its priority, and what shippers make of that ("host tag[1]: "); and that of
// container runtimes. What is no header stays.
func cutHeader(line string) (header, rest string, ok bool) {
	if header, rest, ok := cutContainer(line); ok {
		return header, rest, true
	}
	end := 0
	if strings.HasPrefix(line, "<") {
		if i := strings.IndexByte(line, '>'); i > 1 && i <= 4 {
			end = i + 1
		}
	}
	if end > 0 && strings.HasPrefix(line[end:], "1 ") {
		return cut5424(line, end+2)
	}
	if i := strings.Index(line[end:], ": "); i > 0 && isTag(line[end:end+i]) {
		return line[:end+i+1], line[end+i+2:], true
	}
	return "", line, false
}

// cutContainer takes off what container runtimes (CRI) put before each line of a
// container: "2026-11-18T09:04:05.123456789Z stdout F ".
func cutContainer(line string) (header, rest string, ok bool) {
	stamp, rest, _ := strings.Cut(line, " ")
	if len(stamp) < 20 || stamp[4] != '-' || stamp[10] != 'T' {
		return "", line, false
	}
	stream, rest, _ := strings.Cut(rest, " ")
	flag, rest, ok := strings.Cut(rest, " ")
	if !ok || stream != "stdout" && stream != "stderr" || flag != "F" && flag != "P" {
		return "", line, false
	}
	return line[:len(line)-len(rest)-1], rest, true
}

// cutDated is cutHeader for a line that begins with a date: its header is taken off
// before the line is tried, for a format with a user's name of any text would take it.
func cutDated(line string) (header, rest string, ok bool) {
	if len(line) < 20 {
		return "", line, false
	}
	switch {
	case line[3] == ' ' && line[6] == ' ' && line[9] == ':' && line[12] == ':' && monthOf(line[:3]) > 0:
	case line[4] == '-' && line[7] == '-' && line[10] == 'T' && line[13] == ':':
	default:
		return "", line, false
	}
	return cutHeader(line)
}

// isTag tells whether a text before a colon is a header of at most six words (month,
// day, time, host, tag) without any of the marks of a log line.
func isTag(text string) bool {
	return len(text) <= 256 && strings.Count(text, " ") <= 5 && strings.IndexAny(text, `"{}=`) < 0 &&
		(strings.IndexByte(text, '[') < 0 || text[len(text)-1] == ']') && strings.Count(text, "[") <= 1
}

// cut5424 takes TIMESTAMP HOST APP PROCID MSGID and structured data off.
func cut5424(line string, at int) (header, rest string, ok bool) {
	for range 5 {
		i := strings.IndexByte(line[at:], ' ')
		if i < 0 {
			return "", line, false
		}
		at += i + 1
	}
	switch {
	case strings.HasPrefix(line[at:], "- "):
		at += 2
	case strings.HasPrefix(line[at:], "["):
		end := strings.Index(line[at:], "] ")
		if end < 0 {
			return "", line, false
		}
		at += end + 2
	default:
		return "", line, false
	}
	rest = strings.TrimPrefix(line[at:], "\ufeff")
	return strings.TrimRight(line[:at], " "), rest, rest != ""
}
