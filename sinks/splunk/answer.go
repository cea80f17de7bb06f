package splunk

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// hecAnswer is what HEC answers to events.
type hecAnswer struct {
	Text    string `json:"text"`
	Code    *int   `json:"code"`
	Invalid *int   `json:"invalid-event-number"` // from 0
	AckID   *int64 `json:"ackId"`
}

// kinds are HEC's status codes ("Possible error codes" in Splunk's Getting Data In,
// and 21 to 27 of its newer versions).
var kinds = map[int]struct {
	kind   httpsend.Kind
	advice string
}{
	0:  {httpsend.Delivered, ""},
	24: {httpsend.Delivered, ""}, // the queue is nearly full
	25: {httpsend.Delivered, ""}, // the acknowledgements are nearly too many

	1:  {httpsend.Unauthenticated, "the token is disabled; enable it in Splunk"},
	2:  {httpsend.Unauthenticated, "no token reached Splunk; something on the way removes the header Authorization"},
	3:  {httpsend.Unauthenticated, "Splunk does not understand the token; give the GUID alone"},
	4:  {httpsend.Unauthenticated, "Splunk does not know the token"},
	16: {httpsend.Unauthenticated, ""},
	21: {httpsend.Unauthenticated, "Splunk does not know the token"},
	22: {httpsend.Unauthenticated, "the token is disabled; enable it in Splunk"},

	7:  {httpsend.Misconfigured, "the token may not write to the index; allow it, or configure another index"},
	10: {httpsend.Misconfigured, "the token wants indexer acknowledgement; configure ack: true"},
	11: {httpsend.Misconfigured, ""},
	14: {httpsend.Misconfigured, "the token has no indexer acknowledgement; enable it in Splunk, or configure ack: false"},

	6:  {httpsend.Refused, ""},
	12: {httpsend.Refused, ""},
	13: {httpsend.Refused, ""},
	15: {httpsend.Refused, ""},

	5:  {httpsend.Retry, ""}, // "No data": the body was lost on the way
	8:  {httpsend.Retry, ""},
	9:  {httpsend.Retry, ""},
	18: {httpsend.Retry, ""},
	19: {httpsend.Retry, ""},
	20: {httpsend.Retry, ""},
	23: {httpsend.Retry, ""},
	26: {httpsend.Retry, ""},
	27: {httpsend.Retry, ""},
}

// post sends events. The number is that of the acknowledgement to wait for, -1 if
// Splunk gave none.
func (d *Destination) post(ctx context.Context, token string, part []httpsend.Item) (httpsend.Result, int64) {
	answer, err := d.client.Post(ctx, httpsend.Request{
		URL: d.url + eventPath, Header: d.header(token), Body: body(part), Gzip: true, Secrets: []string{token},
	})
	if err != nil {
		return httpsend.Result{Kind: httpsend.Retry, Err: fmt.Errorf("send events: %w", err)}, -1
	}
	return read(answer)
}

// read judges an answer by HEC's code. Without one, what answered is no HEC: a 200 of
// a proxy is no delivery, and its 400 no refusal.
func read(answer *httpsend.Answer) (httpsend.Result, int64) {
	var hec hecAnswer
	known := json.Unmarshal(answer.Body, &hec) == nil && hec.Code != nil
	kind, advice := httpsend.Classify(answer.Status), ""
	if !known {
		switch kind {
		case httpsend.Delivered, httpsend.Refused:
			kind, advice = httpsend.Misconfigured, "what answers is no HTTP Event Collector; look at url"
		}
	} else if meaning, ok := kinds[*hec.Code]; ok && kind != httpsend.TooLarge {
		if meaning.kind == httpsend.Delivered && kind != httpsend.Delivered {
			meaning.kind = httpsend.Retry // "Success" with a status that denies it
		}
		kind, advice = meaning.kind, meaning.advice
	} else if kind == httpsend.Delivered || kind == httpsend.Refused {
		kind = httpsend.Retry // a code that weir does not know
	}
	if kind == httpsend.Delivered {
		id := int64(-1)
		if hec.AckID != nil {
			id = *hec.AckID
		}
		return httpsend.Result{}, id
	}
	result := httpsend.Result{Kind: kind, Err: answer.Err(advice), Suspect: -1}
	if hec.Invalid != nil {
		result.Suspect = *hec.Invalid
	}
	return result, -1
}
