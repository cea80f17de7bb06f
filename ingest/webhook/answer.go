package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// retryAfter is when to come back while something is full or slow. An API server's
// client comes back up to ten times within the 30 s that it has for a request.
const retryAfter = time.Second

// answer is what a request gets. It is written as a Kubernetes Status, whose message
// an API server shows in its log.
type answer struct {
	code    int
	reason  string // of metav1.StatusReason
	message string
	retry   time.Duration // 0: no Retry-After
	// hangUp closes the connection, so that who may not come in holds none open.
	hangUp bool
	header [2]string // a further header, if its name is not empty
}

func (a *answer) write(w http.ResponseWriter) {
	status := struct {
		Kind       string   `json:"kind"`
		APIVersion string   `json:"apiVersion"`
		Metadata   struct{} `json:"metadata"`
		Status     string   `json:"status"`
		Message    string   `json:"message,omitempty"`
		Reason     string   `json:"reason,omitempty"`
		Code       int      `json:"code"`
	}{Kind: "Status", APIVersion: "v1", Status: "Failure", Message: a.message, Reason: a.reason, Code: a.code}
	if a.code == http.StatusOK {
		status.Status = "Success"
	}
	body, err := json.Marshal(status)
	if err != nil { // of strings and a number
		body = []byte("{}")
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if a.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((a.retry+time.Second-1)/time.Second)))
	}
	if a.header[0] != "" {
		h.Set(a.header[0], a.header[1])
	}
	if a.hangUp {
		h.Set("Connection", "close")
	}
	w.WriteHeader(a.code)
	_, _ = w.Write(body) // who does not take the answer sends again
}

func unavailable(message string) *answer {
	return &answer{code: http.StatusServiceUnavailable, reason: "ServiceUnavailable", message: message, retry: retryAfter}
}

func tooMany(message string, wait time.Duration) *answer {
	return &answer{code: http.StatusTooManyRequests, reason: "TooManyRequests", message: message, retry: wait}
}

func tooLarge(message string) *answer {
	return &answer{code: http.StatusRequestEntityTooLarge, reason: "RequestEntityTooLarge", message: message}
}

func badBody(message string) *answer {
	return &answer{code: http.StatusBadRequest, reason: "BadRequest", message: message}
}

func unsupported(message string) *answer {
	return &answer{code: http.StatusUnsupportedMediaType, reason: "UnsupportedMediaType", message: message}
}

func methodNotAllowed(method string) *answer {
	return &answer{
		code: http.StatusMethodNotAllowed, reason: "MethodNotAllowed",
		message: fmt.Sprintf("audit events come by POST, got %s", short(method)),
		header:  [2]string{"Allow", http.MethodPost},
	}
}

func unauthorized(message string) *answer {
	return &answer{
		code: http.StatusUnauthorized, reason: "Unauthorized", message: message, hangUp: true,
		header: [2]string{"WWW-Authenticate", `Bearer realm="weir"`},
	}
}

func forbidden(message string) *answer {
	return &answer{code: http.StatusForbidden, reason: "Forbidden", message: message, hangUp: true}
}

// short is a text from outside, cut to what a message can take.
func short(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// badRequest is a request that its sender has to change.
type badRequest struct{ *answer }

func (b *badRequest) Error() string { return b.message }

func bad(format string, args ...any) error {
	return &badRequest{badBody(fmt.Sprintf(format, args...))}
}
