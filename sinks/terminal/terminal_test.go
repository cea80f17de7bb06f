package terminal

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks"
)

// finding is an alert as weir.alerts holds it.
func finding(title string, severity int32, weir string) sinks.Alert {
	var ev ocsf.Event
	ev.SetClass(ocsf.ClassDetectionFinding)
	ev.SetTime(1793700902000)
	ev.SetSeverityID(severity)
	ev.Metadata.SetUID("5f0c")
	ev.Metadata.SetLogProvider("aws.cloudtrail")
	ev.SetCount(12)
	ev.FindingInfo.SetTitle(title)
	ev.FindingInfo.Analytic.SetUID("aws.cloudtrail.logging_disabled")
	e := ev.AddEvidences()
	e.Actor.User.SetName("alice")
	e.SrcEndpoint.SetIP("198.51.100.7")
	if weir != "" {
		ev.SetUnmapped(ocsf.JSON(`{"weir":` + weir + `}`))
	}
	return sinks.Alert{ID: "5f0c", Value: ev.AppendJSON(nil)}
}

func print(t *testing.T, color bool, alerts ...sinks.Alert) string {
	t.Helper()
	var out strings.Builder
	if err := New(&out, Options{Color: color}).Deliver(context.Background(), alerts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestDeliver(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm-256color")
	title := "CloudTrail StopLogging by alice"
	tests := []struct {
		name  string
		color bool
		alert sinks.Alert
		want  string
	}{
		{"a group", false, finding(title, ocsf.SeverityIDHigh, `{"kind":"alert","group":{"cloud.account.uid":"111122223333","api.operation":"StopLogging","n":3}}`),
			"2026-11-03 10:15:02Z  HIGH      CloudTrail StopLogging by alice\n" +
				"    aws.cloudtrail.logging_disabled  aws.cloudtrail  cloud.account.uid=111122223333  api.operation=StopLogging  n=3\n"},
		{"evidence instead of a group", false, finding(title, ocsf.SeverityIDCritical, ""),
			"2026-11-03 10:15:02Z  CRITICAL  CloudTrail StopLogging by alice\n" +
				"    aws.cloudtrail.logging_disabled  aws.cloudtrail  actor.user.name=alice  src_endpoint.ip=198.51.100.7\n"},
		{"a roll-up", false, finding(title, ocsf.SeverityIDLow, `{"kind":"rollup","hits":3,"group":{"a":"b"}}`),
			"2026-11-03 10:15:02Z  LOW       CloudTrail StopLogging by alice (12 events in all)\n" +
				"    aws.cloudtrail.logging_disabled  aws.cloudtrail  a=b\n"},
		{"colour", true, finding(title, ocsf.SeverityIDMedium, `{"group":{"a":"b"}}`),
			"2026-11-03 10:15:02Z  \x1b[33mMEDIUM\x1b[0m    CloudTrail StopLogging by alice\n" +
				"    aws.cloudtrail.logging_disabled  aws.cloudtrail  a=b\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, print(t, tt.color, tt.alert)); diff != "" {
				t.Errorf("printed (-want +got):\n%s", diff)
			}
		})
	}
}

// brokenPipe is an output whose reader has gone.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}
}

func TestClosedOutput(t *testing.T) {
	err := New(brokenPipe{}, Options{}).Deliver(context.Background(), []sinks.Alert{finding("t", ocsf.SeverityIDLow, "")})
	if !errors.Is(err, sinks.ErrClosed) {
		t.Errorf("have %v, want sinks.ErrClosed", err)
	}
}

func TestNoColor(t *testing.T) {
	for _, env := range [][2]string{{"NO_COLOR", "1"}, {"TERM", "dumb"}} {
		t.Run(env[0], func(t *testing.T) {
			t.Setenv(env[0], env[1])
			if got := print(t, true, finding("t", ocsf.SeverityIDHigh, "")); strings.Contains(got, "\x1b") {
				t.Errorf("coloured in spite of %s=%s: %q", env[0], env[1], got)
			}
		})
	}
}

// TestHostileText prints what an attacker would like a terminal to obey.
func TestHostileText(t *testing.T) {
	hostile := "a\x1b[2J\x1b]0;owned\x07\r\nb\tc\x00\x7f\u009b31m\u202eexe.txt\u2066\u200b\u2028\ufeff end"
	got := print(t, false, finding(hostile, ocsf.SeverityIDHigh, `{"group":{"x\u001b[2J":"\u001b[31m","deep":{"k":"\u001b[0m"}}}`))
	for i, r := range got {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("byte %d: %q reaches the terminal in %q", i, r, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 2 {
		t.Errorf("%d lines, want 2: %q", n, got)
	}
	if want := `a\x1b[2J\x1b]0;owned\a\r\nb\tc\x00\x7f\u009b31m\u202eexe.txt`; !strings.Contains(got, want) {
		t.Errorf("have %q, want it to contain %q", got, want)
	}
}

func TestInvalidUTF8AndLength(t *testing.T) {
	if got, want := string(AppendSafe(nil, "a\xff\xc3(", 10)), `a\xff\xc3(`; got != want {
		t.Errorf("have %s, want %s", got, want)
	}
	if got, want := string(AppendSafe(nil, "äöüß", 3)), "äöü..."; got != want {
		t.Errorf("have %s, want %s", got, want)
	}
	if got, want := string(AppendSafe(nil, "äöü", 3)), "äöü"; got != want {
		t.Errorf("have %s, want %s", got, want)
	}
}

type brokenWriter struct{}

var errPipe = errors.New("broken pipe")

func (brokenWriter) Write([]byte) (int, error) { return 0, errPipe }

func TestErrors(t *testing.T) {
	var out strings.Builder
	err := New(&out, Options{}).Deliver(context.Background(), []sinks.Alert{finding("a", 1, ""), {ID: "x", Value: []byte("{")}})
	retry, refused := sinks.Outcome(2, err)
	if len(retry) != 0 || len(refused) != 1 || refused[0].Index != 1 {
		t.Errorf("retry %v, refused %v: want only the second refused", retry, refused)
	}
	if out.Len() == 0 {
		t.Error("the good alert was not printed")
	}
	err = New(brokenWriter{}, Options{}).Deliver(context.Background(), []sinks.Alert{finding("a", 1, "")})
	if retry, _ := sinks.Outcome(1, err); !errors.Is(err, errPipe) || len(retry) != 1 {
		t.Errorf("broken output: %v, want it to be retried", err)
	}
}

// FuzzAppendSafe wants nothing but printable characters, whatever the text.
func FuzzAppendSafe(f *testing.F) {
	f.Add("alice", 10)
	f.Add("a\x1b[31m\u202e\xff\r\n\u2028", 100)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = max(limit%300, 1)
		got := string(AppendSafe(nil, text, limit))
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q of %q is printed as %q", r, text, got)
			}
		}
		if !utf8.ValidString(got) {
			t.Errorf("%q is printed as %q, which is no UTF-8", text, got)
		}
	})
}
