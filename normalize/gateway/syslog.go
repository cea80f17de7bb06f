package gateway

import "strings"

// maxHeaders is how often a line is tried: as it is, and behind headers of relays.
const maxHeaders = 4

// cutHeader takes the header of syslog off a line: RFC 5424's, RFC 3164's with or
// without its priority, and what shippers make of that ("host tag[1]: "). What is no
// header stays.
func cutHeader(line string) (header, rest string, ok bool) {
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
