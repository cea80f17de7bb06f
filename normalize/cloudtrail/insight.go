package cloudtrail

import (
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// isInsight tells whether a record is an Insights event. A call that merely has
// details of that name is none.
func isInsight(root jsondoc.Value) bool {
	if root.Get("eventName").Text() != "" {
		return false
	}
	return root.Get("insightDetails").Kind() == jsondoc.Object || root.Get("insightType").Text() != ""
}

// mapInsight maps an unusual rate of calls or errors that CloudTrail noticed: its
// start, or its end. A trail has the facts in insightDetails, an event data store at
// the top, each with a prefix. The statistics stay in unmapped.
func mapInsight(root jsondoc.Value, ev *ocsf.Event) {
	ev.SetClass(ocsf.ClassDetectionFinding)
	details := root.Get("insightDetails")
	either := func(inner, outer string) jsondoc.Value {
		if v := details.Get(inner); v.Exists() {
			return v
		}
		return root.Get(outer)
	}
	switch state := either("state", "insightState"); state.Text() {
	case "Start":
		state.Use()
		ev.SetActivityID(ocsf.DetectionFindingActivityIDCreate)
		ev.SetStatusID(ocsf.DetectionFindingStatusIDNew)
		ev.SetStatusDetail("Start")
	case "End":
		state.Use()
		ev.SetActivityID(ocsf.DetectionFindingActivityIDClose)
		ev.SetStatusID(ocsf.DetectionFindingStatusIDResolved)
		ev.SetStatusDetail("End")
	default:
		ev.SetActivityID(ocsf.DetectionFindingActivityIDUnknown)
		normalize.Text(state, ev.SetStatusDetail)
	}
	info := &ev.FindingInfo
	info.SetUID(ev.Metadata.UID())
	if ev.Metadata.HasCorrelationUID() { // of both the start and the end
		info.SetUID(ev.Metadata.CorrelationUID())
	}
	info.SetTitle("CloudTrail Insights")
	normalize.Text(either("insightType", "insightType"), func(kind string) {
		info.SetTitle(kind)
		info.Types = append(info.Types, kind)
		info.Analytic.SetName(kind)
		info.Analytic.SetTypeID(ocsf.AnalyticTypeIDStatistical)
		ev.SetMessage(kind)
	})
	mapUnusualCall(either("eventSource", "insightEventSource"), either("eventName", "insightEventName"),
		either("errorCode", "insightErrorCode"), ev)
}

// mapUnusualCall sets which calls were unusually many.
func mapUnusualCall(service, operation, errorCode jsondoc.Value, ev *ocsf.Event) {
	if operation.Text() == "" {
		return
	}
	api := &ev.AddEvidences().API
	normalize.Text(operation, api.SetOperation)
	normalize.Text(service, api.Service.SetName)
	normalize.Text(errorCode, api.Response.SetError)
	ev.API.SetOperation(api.Operation())
	if api.Service.HasName() {
		ev.API.Service.SetName(api.Service.Name())
	}
	if api.Response.HasError() {
		ev.SetStatusCode(api.Response.Error())
	}
}
