package elastic

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/weir-security/weir/sinks"
	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// bulkAnswer is what _bulk answers: an item for each action, in their order.
type bulkAnswer struct {
	Items []struct {
		Create *item `json:"create"`
	} `json:"items"`
}

type item struct {
	ID     string  `json:"_id"`
	Status int     `json:"status"`
	Error  problem `json:"error"`
}

// problem is an error of the server's; some are a mere text.
type problem struct {
	Type, Reason string
}

// UnmarshalJSON reads an object or a text.
func (p *problem) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &p.Reason)
	}
	type plain problem
	return json.Unmarshal(data, (*plain)(p))
}

// read judges an answer. Each item of a 200 has its own outcome; another status is
// that of the whole request.
func read(answer *httpsend.Answer, part []httpsend.Item) httpsend.Result {
	if answer.Status == http.StatusOK {
		return readItems(answer, part)
	}
	var whole struct {
		Error problem `json:"error"`
	}
	known := json.Unmarshal(answer.Body, &whole) == nil && whole.Error.Type != ""
	kind, advice := judge(answer.Status, whole.Error)
	if kind == httpsend.Delivered || !known && kind == httpsend.Refused {
		kind, advice = httpsend.Misconfigured, notElastic // a proxy's 400 refuses no alert, nor does its 202 take one
	}
	return httpsend.Result{Kind: kind, Err: answer.Err(advice), Suspect: -1}
}

const notElastic = "what answers is no Elasticsearch or OpenSearch; look at url"

func readItems(answer *httpsend.Answer, part []httpsend.Item) httpsend.Result {
	var bulk bulkAnswer
	if err := json.Unmarshal(answer.Body, &bulk); err != nil || len(bulk.Items) == 0 {
		return httpsend.Result{Kind: httpsend.Misconfigured, Err: answer.Err(notElastic)}
	}
	if len(bulk.Items) != len(part) {
		return httpsend.Result{Kind: httpsend.Retry, Err: fmt.Errorf("the answer has %d items for %d alerts", len(bulk.Items), len(part))}
	}
	var result httpsend.Result
	for i, of := range bulk.Items {
		if of.Create == nil || of.Create.ID != part[i].ID {
			return httpsend.Result{Kind: httpsend.Retry, Err: fmt.Errorf("item %d of the answer is not that of alert %s", i, part[i].ID)}
		}
		if f := of.Create.failure(); f != nil {
			f.Index = i
			result.Failures = append(result.Failures, *f)
		}
	}
	return result
}

// failure is what was not taken; nil of what is there, now or since an earlier time.
func (it *item) failure() *sinks.Failure {
	if it.Status == http.StatusConflict && it.Error.Type == "version_conflict_engine_exception" {
		return nil
	}
	kind, advice := judge(it.Status, it.Error)
	if kind == httpsend.Delivered {
		return nil
	}
	text := fmt.Sprintf("status %d: %s: %s", it.Status, it.Error.Type, it.Error.Reason)
	if advice != "" {
		text = advice + ": " + text
	}
	return &sinks.Failure{
		Permanent: kind == httpsend.Refused || kind == httpsend.TooLarge,
		Err:       fmt.Errorf("%s", httpsend.Safe(text, httpsend.MaxExcerpt)),
	}
}

// configured are errors of status 400 that are not the document's: its index is closed
// or has no such name, the cluster may have no further shard.
var configured = []string{"index_closed_exception", "invalid_index_name_exception", "validation_exception", "invalid_alias_name_exception"}

// judge tells what a status and its error mean for the alert.
func judge(status int, p problem) (httpsend.Kind, string) {
	kind := httpsend.Classify(status)
	switch {
	case p.Type == "cluster_block_exception":
		return httpsend.Retry, "the index takes no documents; is the disk full?"
	case kind == httpsend.Unauthenticated:
		return kind, "the credentials are wrong, or lack the privileges create_doc and auto_configure on the index"
	case p.Type == "index_not_found_exception":
		return httpsend.Misconfigured, "there is no such index, and it may not be made; create it, or allow its creation"
	case kind == httpsend.Refused && slices.Contains(configured, p.Type),
		kind == httpsend.Refused && strings.HasPrefix(p.Reason, "pipeline with id"): // that does not exist
		return httpsend.Misconfigured, "the index is not as it must be"
	}
	return kind, ""
}
