package syslog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/leodido/go-syslog/v4/rfc5424"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks"
)

// builder makes messages of alerts.
type builder struct {
	facility int
	hostname string
	element  string // SD-ID
	most     int    // bytes of a message
	doc      jsondoc.Doc
}

// message is the alert as a SYSLOG-MSG: PRI by severity, APP-NAME weir, MSGID alert,
// what one filters by as structured data, and the finding's JSON as MSG.
//
// MSG has no byte order mark, and so is MSG-ANY: RFC 5424, 6.4, wants the mark before
// a text in UTF-8, but RFC 8259, 8.1, forbids it before JSON, which is always UTF-8.
func (b *builder) message(a *sinks.Alert) ([]byte, error) {
	if a.Attributes.Finding == "" {
		return nil, errors.New("not an OCSF Detection Finding")
	}
	m, err := b.build(a, oneLine(a.Value), false)
	if err != nil || len(m) <= b.most {
		return m, err
	}
	short, err := b.short(a)
	if err != nil {
		return nil, err
	}
	if m, err = b.build(a, short, true); err == nil && len(m) > b.most {
		err = fmt.Errorf("the alert has %d bytes and its short form %d, max_message is %d", len(a.Value), len(m), b.most)
	}
	return m, err
}

func (b *builder) build(a *sinks.Alert, msg string, short bool) ([]byte, error) {
	at := &a.Attributes
	m := &rfc5424.SyslogMessage{}
	m.SetPriority(uint8(b.facility*8 + level(at.Severity))).SetVersion(1).SetAppname("weir").SetMsgID("alert")
	if !at.Time.IsZero() {
		m.SetTimestamp(at.Time.Format("2006-01-02T15:04:05.000Z07:00"))
	}
	if b.hostname != "" {
		m.SetHostname(b.hostname)
	}
	kind := "alert"
	if at.Rollup {
		kind = "rollup"
	}
	params := [][2]string{
		{"id", a.ID}, {"alert", at.Finding}, {"kind", kind}, {"rule", at.Rule}, {"severity", at.SeverityName()}, {"source", at.Source},
	}
	if short {
		params = append(params, [2]string{"short", "true"})
	}
	if at.Test {
		params = append(params, [2]string{"test", "true"})
	}
	for _, p := range params {
		value := bounded(p[1])
		if value == "" {
			continue
		}
		m.SetParameter(b.element, p[0], escapes.Replace(value))
		// The builder leaves out in silence what its grammar does not take.
		if m.StructuredData == nil || (*m.StructuredData)[b.element][p[0]] == "" {
			return nil, fmt.Errorf("%s cannot stand in structured data", p[0])
		}
	}
	m.SetMessage(msg)
	text, err := m.String()
	if err != nil || !strings.HasSuffix(text, msg) {
		return nil, errors.Join(errors.New("no syslog message can be made of it"), err)
	}
	return []byte(text), nil
}

// escapes are those of PARAM-VALUE: RFC 5424, 6.3.3.
var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)

// maxParam bounds a value of structured data in bytes. Those that weir makes are
// shorter.
const maxParam = 300

// bounded is a value without control characters, which receivers mangle, and not
// longer than maxParam.
func bounded(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return cut(s, maxParam)
}

// cut shortens a text to at most n bytes, whole characters, with a mark.
func cut(s string, n int) string {
	const mark = "…"
	if len(s) <= n {
		return s
	}
	s = s[:n-len(mark)]
	for s != "" {
		if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size > 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s + mark
}

// level is the severity of RFC 5424 for one of OCSF. Nothing is an emergency (0), which
// many receivers write to every terminal.
func level(severity int32) int {
	switch severity {
	case ocsf.SeverityIDFatal:
		return 1
	case ocsf.SeverityIDCritical:
		return 2
	case ocsf.SeverityIDHigh:
		return 3
	case ocsf.SeverityIDMedium:
		return 4
	case ocsf.SeverityIDInformational:
		return 6
	}
	return 5
}

// oneLine is a JSON document without line breaks, which can only stand between its
// tokens.
func oneLine(value []byte) string {
	return strings.NewReplacer("\n", " ", "\r", " ").Replace(string(bytes.TrimSpace(value)))
}

// maxText bounds the texts of a short form in bytes.
const maxText = 500

// short is the alert without evidence, related events and prose, still a valid
// Detection Finding. unmapped.weir says that it is short, how long it was, and the id
// by which the whole one is found in the lake.
func (b *builder) short(a *sinks.Alert) (string, error) {
	b.doc.Wrapped = jsondoc.MaxWrapped
	if err := b.doc.Parse(a.Value); err != nil {
		return "", err
	}
	root := b.doc.Root()
	info := root.Get("finding_info")
	at := &a.Attributes
	ev := new(ocsf.Event)
	ev.SetClass(ocsf.ClassDetectionFinding)
	activity, _ := root.Get("activity_id").Int()
	ev.SetActivityID(int32(activity))
	ev.SetSeverityID(at.Severity)
	ev.SetTime(millis(at.Time))
	for path, set := range map[string]func(int64){"start_time": ev.SetStartTime, "end_time": ev.SetEndTime} {
		if ms, ok := root.Get(path).Int(); ok {
			set(ms)
		}
	}
	if n, ok := root.Get("count").Int(); ok {
		ev.SetCount(int32(n))
	}
	ev.SetIsAlert(true)
	ev.Metadata.SetUID(cut(a.ID, maxText))
	ev.Metadata.SetVersion(ocsf.Version)
	ev.Metadata.Product.SetName("weir")
	ev.Metadata.Product.SetVendorName("weir")
	if at.Source != "" {
		ev.Metadata.SetLogProvider(cut(at.Source, maxText))
	}
	ev.FindingInfo.SetUID(cut(at.Finding, maxText))
	ev.FindingInfo.SetTitle(cut(at.Title, maxText))
	ev.FindingInfo.Analytic.SetUID(cut(at.Rule, maxText))
	ev.FindingInfo.Analytic.SetName(cut(info.Path("analytic", "name").Text(), maxText))
	ev.FindingInfo.Analytic.SetTypeID(ocsf.AnalyticTypeIDRule)
	kind := "alert"
	if at.Rollup {
		kind = "rollup"
	}
	unmapped, err := json.Marshal(map[string]any{"weir": map[string]any{
		"kind": kind, "alert": cut(at.Finding, maxText), "rule": cut(at.Rule, maxText), "short": true, "bytes": len(a.Value), "test": at.Test,
	}})
	if err != nil {
		return "", fmt.Errorf("encode short form: %w", err)
	}
	ev.SetUnmapped(ocsf.JSON(unmapped))
	return string(ev.AppendJSON(nil)), nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
