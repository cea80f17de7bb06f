package sinks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/weir-security/weir/schemas/ocsf"
)

// TestRule is the rule that a test alert names. No rule can have this id.
const TestRule = "weir.deliver.test"

// NewTestAlert is an alert that says of itself that it is none: a valid OCSF Detection
// Finding, as that of a rule is, with unmapped.weir.test. Its id depends on the
// destination's name and the time.
func NewTestAlert(destination string, now time.Time) Alert {
	now = now.UTC().Truncate(time.Millisecond)
	sum := sha256.Sum256([]byte(TestRule + "\x00" + destination + "\x00" + now.Format(time.RFC3339Nano)))
	id := hex.EncodeToString(sum[:16])
	title := fmt.Sprintf("TEST of weir's destination %s, nothing happened", destination)

	ev := new(ocsf.Event)
	ev.SetClass(ocsf.ClassDetectionFinding)
	ev.SetActivityID(ocsf.DetectionFindingActivityIDCreate)
	ev.SetTime(now.UnixMilli())
	ev.SetStartTime(now.UnixMilli())
	ev.SetEndTime(now.UnixMilli())
	ev.SetCount(1)
	ev.SetSeverityID(ocsf.SeverityIDInformational)
	ev.SetStatusID(ocsf.DetectionFindingStatusIDNew)
	ev.SetIsAlert(true)
	ev.SetMessage(title)
	ev.Metadata.SetUID(id)
	ev.Metadata.SetVersion(ocsf.Version)
	ev.Metadata.Product.SetName("weir")
	ev.Metadata.Product.SetVendorName("weir")
	ev.Metadata.SetEventCode(TestRule)
	ev.Metadata.SetProcessedTime(now.UnixMilli())
	info := &ev.FindingInfo
	info.SetUID(id)
	info.SetTitle(title)
	info.SetDesc("weir deliver test sent this alert to see whether the destination takes alerts. It can be closed.")
	info.SetFirstSeenTime(now.UnixMilli())
	info.SetLastSeenTime(now.UnixMilli())
	info.Analytic.SetUID(TestRule)
	info.Analytic.SetName("Test of a destination")
	info.Analytic.SetTypeID(ocsf.AnalyticTypeIDRule)
	unmapped, err := json.Marshal(map[string]any{"weir": map[string]any{"kind": "alert", "alert": id, "rule": TestRule, "test": true, "hits": 1}})
	if err != nil {
		panic(fmt.Sprintf("encode test alert: %v", err)) // strings and numbers
	}
	ev.SetUnmapped(ocsf.JSON(unmapped))
	alert, err := new(Reader).Read(id, ev.AppendJSON(nil))
	if err != nil {
		panic(fmt.Sprintf("read test alert: %v", err))
	}
	return alert
}
