// Package sinktest is for the tests of destinations: alerts, a server that fails in
// every way, and the deliver role's loop without its waits.
package sinktest

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/weir-security/weir/sinks"
)

// Alerts gives n alerts of different rules, days and severities; every seventh is the
// roll-up of the one before it.
func Alerts(n int) []sinks.Alert {
	alerts := make([]sinks.Alert, n)
	for i := range alerts {
		alerts[i] = Alert(i)
	}
	return alerts
}

var severities = []string{"Informational", "Low", "Medium", "High", "Critical"}

// Alert is the alert of that number, always the same.
func Alert(i int) sinks.Alert {
	finding, kind, activity := i, "alert", `"activity_id":1,"activity_name":"Create"`
	if i%7 == 6 {
		finding, kind, activity = i-1, "rollup", `"activity_id":2,"activity_name":"Update"`
	}
	id := ID(i)
	at := int64(1794996483579) + int64(i)*61_003 // 2026-11-18, a minute apart
	return sinks.Alert{ID: id, Value: fmt.Appendf(nil, `{%s,"class_uid":2004,"class_name":"Detection Finding","count":%d,`+
		`"evidences":[{"actor":{"user":{"name":"dana.lindqvist@harbourline.example","uid":"AIDAEXAMPLE%06d"}},"api":{"operation":"StopLogging","service":{"name":"cloudtrail.amazonaws.com"}},"src_endpoint":{"ip":"203.0.113.%d"},"uid":"ev-%d"}],`+
		`"finding_info":{"analytic":{"name":"CloudTrail logging disabled","type_id":1,"uid":"aws.cloudtrail.logging_disabled","version":"915706245b4d"},"attacks":[{"sub_technique":{"uid":"T1562.008"},"technique":{"uid":"T1562"}}],"desc":"A trail was stopped.\nAttackers do this first.","first_seen_time":%d,"last_seen_time":%d,"title":"CloudTrail StopLogging by \"dana\" <%d>","types":["defense-evasion"],"uid":"%s"},`+
		`"is_alert":true,"metadata":{"event_code":"aws.cloudtrail.logging_disabled","log_provider":"aws.cloudtrail","processed_time":%d,"product":{"name":"weir","vendor_name":"weir"},"uid":"%s","version":"1.8.0"},`+
		`"severity":"%s","severity_id":%d,"time":%d,"type_uid":200401,"unmapped":{"weir":{"kind":"%s","alert":"%s","rule":"aws.cloudtrail.logging_disabled","group":{"cloud.account.uid":"111122223333"},"hits":%d}}}`,
		activity, i%5+1, i, i%250, i, at, at, i, ID(finding), at+2000, id, severities[i%5], i%5+1, at, kind, ID(finding), i%5+1)}
}

// Small gives n alerts from the one of that number on, of a few attributes each: for
// tests with very many.
func Small(from, n int) []sinks.Alert {
	alerts := make([]sinks.Alert, n)
	for i := range alerts {
		id, at := ID(from+i), 1794996483579+int64(from+i)*1009
		alerts[i] = sinks.Alert{ID: id, Value: fmt.Appendf(nil, `{"class_uid":2004,"finding_info":{"analytic":{"uid":"aws.iam.key_created"},"title":"Key of user %d","uid":"%s"},`+
			`"metadata":{"processed_time":%d,"uid":"%s"},"severity":"High","severity_id":4,"time":%d}`, from+i, id, at+2000, id, at)}
	}
	return alerts
}

// ID is the id of alert i.
func ID(i int) string { return fmt.Sprintf("%032x", uint64(i)*0x9e3779b97f4a7c15+1) }

// Refused are the alerts that a destination refused for good, by id.
type Refused map[string]error

// Deliver hands alerts over until each is delivered or refused, as the deliver role
// does. It ends the test after a thousand calls for one batch, or with ctx.
func Deliver(ctx context.Context, t testing.TB, d sinks.Destination, alerts []sinks.Alert) Refused {
	t.Helper()
	all := Refused{}
	for range 1000 {
		err := d.Deliver(ctx, alerts)
		retry, refused := sinks.Outcome(len(alerts), err)
		for _, f := range refused {
			all[alerts[f.Index].ID] = f.Err
		}
		left := make([]sinks.Alert, len(retry))
		for i, at := range retry {
			left[i] = alerts[at]
		}
		if alerts = left; len(alerts) == 0 {
			return all
		}
		if ctx.Err() != nil {
			t.Fatalf("%d alerts are not delivered: %v: %v", len(alerts), ctx.Err(), err)
		}
	}
	t.Fatalf("%d alerts are not delivered after a thousand calls", len(alerts))
	return nil
}

// Serve serves h over TLS until the test ends. The file holds the authority to trust.
func Serve(t testing.TB, h http.Handler) (url, caFile string) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(caFile, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return s.URL, caFile
}

// Secret reads a secret that never changes.
func Secret(s string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return s, nil }
}

// PermanentOnly returns the failures of err and ends the test unless all are refused
// for good.
func PermanentOnly(t testing.TB, err error) []sinks.Failure {
	t.Helper()
	var partial *sinks.PartialError
	if !errors.As(err, &partial) {
		t.Fatalf("got error %v, want a *sinks.PartialError", err)
	}
	for _, f := range partial.Failures {
		if !f.Permanent {
			t.Fatalf("alert %d is to be sent again: %v", f.Index, f.Err)
		}
	}
	return partial.Failures
}
