// Package terminal prints alerts for a person who watches them fire.
//
//	2026-11-03 10:15:02Z  HIGH      CloudTrail StopLogging by alice
//	    aws.cloudtrail.logging_disabled  aws.cloudtrail  cloud.account.uid=111122223333
//
// Much of an alert is text that an attacker chose. What could move the cursor,
// recolour the terminal or reorder the line is printed as an escape.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks"
)

// The longest texts that are printed, in characters.
const (
	maxTitle = 200
	maxValue = 80
	maxPairs = 6 // of group values
)

// Destination prints each alert on two lines.
type Destination struct {
	out   io.Writer
	color bool
	doc   jsondoc.Doc
	buf   []byte
}

// Options say how alerts are printed.
type Options struct {
	// Color colours the severity: for an output that is a terminal. NO_COLOR in
	// the environment overrides it.
	Color bool
}

// New gives a destination that prints to out, which stays the caller's.
func New(out io.Writer, opts Options) *Destination {
	return &Destination{
		out:   out,
		color: opts.Color && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		doc:   jsondoc.Doc{Wrapped: jsondoc.MaxWrapped},
	}
}

// Name implements sinks.Destination.
func (d *Destination) Name() string { return "terminal" }

// Deliver prints alerts. One that is no JSON document is refused for good. An
// output whose reader has gone is sinks.ErrClosed.
func (d *Destination) Deliver(ctx context.Context, alerts []sinks.Alert) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var partial sinks.PartialError
	d.buf = d.buf[:0]
	for i, a := range alerts {
		if err := d.doc.Parse(a.Value); err != nil {
			partial.Failures = append(partial.Failures, sinks.Failure{Index: i, Permanent: true, Err: err})
			continue
		}
		d.buf = d.appendAlert(d.buf, d.doc.Root())
	}
	if _, err := d.out.Write(d.buf); err != nil {
		if errors.Is(err, syscall.EPIPE) {
			err = fmt.Errorf("%w: %w", sinks.ErrClosed, err)
		}
		return fmt.Errorf("print alerts: %w", err)
	}
	if len(partial.Failures) > 0 {
		return &partial
	}
	return nil
}

// Close does nothing: the output is the caller's.
func (d *Destination) Close() error { return nil }

// severity is how a severity_id looks. Color is an SGR parameter.
type severity struct{ name, color string }

func severityOf(id int64) severity {
	switch int32(id) {
	case ocsf.SeverityIDInformational:
		return severity{"INFO", ""}
	case ocsf.SeverityIDLow:
		return severity{"LOW", "36"}
	case ocsf.SeverityIDMedium:
		return severity{"MEDIUM", "33"}
	case ocsf.SeverityIDHigh:
		return severity{"HIGH", "31"}
	case ocsf.SeverityIDCritical:
		return severity{"CRITICAL", "1;31"}
	case ocsf.SeverityIDFatal:
		return severity{"FATAL", "1;31"}
	}
	return severity{"UNKNOWN", ""}
}

func (d *Destination) appendAlert(dst []byte, alert jsondoc.Value) []byte {
	if millis, ok := alert.Get("time").Int(); ok {
		dst = time.UnixMilli(millis).UTC().AppendFormat(dst, "2006-01-02 15:04:05Z  ")
	}
	id, _ := alert.Get("severity_id").Int()
	s := severityOf(id)
	pad := strings.Repeat(" ", len("CRITICAL")-len(s.name))
	if d.color && s.color != "" {
		dst = append(dst, "\x1b["+s.color+"m"+s.name+"\x1b[0m"...)
	} else {
		dst = append(dst, s.name...)
	}
	dst = append(dst, pad+"  "...)
	dst = AppendSafe(dst, alert.Path("finding_info", "title").Text(), maxTitle)
	weir := alert.Path("unmapped", "weir")
	if events, ok := alert.Get("count").Int(); ok && weir.Get("kind").Text() == "rollup" {
		dst = fmt.Appendf(dst, " (%d events in all)", events)
	}
	dst = append(dst, "\n    "...)
	dst = AppendSafe(dst, alert.Path("finding_info", "analytic", "uid").Text(), maxTitle)
	if source := alert.Path("metadata", "log_provider").Text(); source != "" {
		dst = AppendSafe(append(dst, "  "...), source, maxValue)
	}
	if group := weir.Get("group"); group.Len() > 0 {
		dst = appendPairs(dst, group)
	} else {
		dst = appendEvidence(dst, alert.Get("evidences").Index(0))
	}
	return append(dst, '\n')
}

// appendPairs appends the values of a group by name.
func appendPairs(dst []byte, group jsondoc.Value) []byte {
	n := 0
	group.Members(func(key string, v jsondoc.Value) bool {
		if n++; n > maxPairs {
			dst = append(dst, "  ..."...)
			return false
		}
		dst = appendPair(dst, key, v)
		return true
	})
	return dst
}

// evidencePaths are what is shown of an alert that has no group: who did it, from
// where.
var evidencePaths = [][]string{
	{"actor", "user", "name"},
	{"user", "name"},
	{"src_endpoint", "ip"},
}

func appendEvidence(dst []byte, evidence jsondoc.Value) []byte {
	for _, path := range evidencePaths {
		if v := evidence.Path(path...); v.Exists() {
			dst = appendPair(dst, strings.Join(path, "."), v)
		}
	}
	return dst
}

func appendPair(dst []byte, key string, v jsondoc.Value) []byte {
	dst = AppendSafe(append(dst, "  "...), key, maxValue)
	text := v.Text()
	if v.Kind() == jsondoc.Object || v.Kind() == jsondoc.Array {
		text = string(v.Raw())
	}
	return AppendSafe(append(dst, '='), text, maxValue)
}

// AppendSafe appends at most limit characters of text that may come from an
// attacker. Every character that a terminal would not simply draw is escaped:
// control characters, bidirectional and other format characters, line and
// paragraph separators, bytes that are no UTF-8.
func AppendSafe(dst []byte, text string, limit int) []byte {
	for n := 0; text != ""; n++ {
		if n == limit {
			return append(dst, "..."...)
		}
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			dst = fmt.Appendf(dst, `\x%02x`, text[0])
		case unicode.IsPrint(r):
			dst = append(dst, text[:size]...)
		default:
			quoted := strconv.QuoteRuneToASCII(r) // '\n', '\u202e'
			dst = append(dst, quoted[1:len(quoted)-1]...)
		}
		text = text[size:]
	}
	return dst
}
