package sentinel

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/weir-security/weir/sinks/internal/httpsend"
)

// read judges an answer. Only 204 says that the rows were taken.
func read(answer *httpsend.Answer) httpsend.Result {
	if answer.Status == http.StatusNoContent {
		return httpsend.Result{}
	}
	var body struct {
		Error struct{ Code string } `json:"error"`
	}
	_ = json.Unmarshal(answer.Body, &body) // what is no JSON has no code
	kind, advice := httpsend.Classify(answer.Status), ""
	switch kind {
	case httpsend.Delivered:
		kind, advice = httpsend.Misconfigured, "what answers is no logs ingestion endpoint; look at endpoint"
	case httpsend.Refused:
		switch {
		case body.Error.Code == "":
			kind, advice = httpsend.Misconfigured, "what answers is no logs ingestion endpoint; look at endpoint"
		case configured(body.Error.Code):
			kind, advice = httpsend.Misconfigured, "the data collection rule does not fit; look at rule_id and stream"
		}
	case httpsend.Unauthenticated:
		advice = "Azure does not accept the token; look at scope and endpoint"
		if answer.Status == http.StatusForbidden {
			advice = "the application needs the role Monitoring Metrics Publisher on the data collection rule; a new role takes up to 30 minutes"
		}
	case httpsend.Misconfigured:
		advice = "there is no such rule or stream at this endpoint; look at rule_id and stream"
	}
	return httpsend.Result{Kind: kind, Err: answer.Err(advice), Suspect: -1}
}

// configured tells the codes of a 400 that are about the rule and not about the rows:
// InvalidStream, InvalidDcrImmutableId, InvalidApiVersion and their kin. A row must not
// be given up for a typo in the configuration.
func configured(code string) bool {
	code = strings.ToLower(code)
	for _, word := range []string{"stream", "dcr", "datacollection", "apiversion", "endpoint", "notfound"} {
		if strings.Contains(code, word) {
			return true
		}
	}
	return false
}
