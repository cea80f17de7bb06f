package s3fake

import (
	"crypto/md5" //nolint:gosec // as SQS's protocol has it
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// queue is a standard queue: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
type queue struct {
	messages []*message
	dead     []string // bodies that were received too often
	most     int      // receives before that; 0 for no bound
	received int      // of all messages
	deleted  int
	arrived  chan struct{} // closed and made anew when one may have become visible
}

type message struct {
	id, body string
	visible  time.Time
	handle   string // of the last receive
	receives int
}

// QueueURL is the URL of a queue, which is made if it is not there.
func (s *Server) QueueURL(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue(name)
	return s.URL + "/111122223333/" + name
}

func (s *Server) queue(name string) *queue {
	if s.queues[name] == nil {
		s.queues[name] = &queue{arrived: make(chan struct{})}
	}
	return s.queues[name]
}

// Send puts a message into a queue.
func (s *Server) Send(name, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue(name)
	q.messages = append(q.messages, &message{id: fmt.Sprintf("m-%d-%d", len(q.messages), time.Now().UnixNano()), body: body})
	q.wake()
}

// Redrive moves messages aside that were received more often than most.
func (s *Server) Redrive(name string, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue(name).most = most
}

// Depth is how many messages a queue has, and how many were moved aside.
func (s *Server) Depth(name string) (waiting, dead int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue(name)
	return len(q.messages), len(q.dead)
}

// Counts are how many receives and deletions a queue has had.
func (s *Server) Counts(name string) (received, deleted int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue(name)
	return q.received, q.deleted
}

// Expire ends the invisibility of every message that is being worked on.
func (s *Server) Expire(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue(name)
	for _, m := range q.messages {
		m.visible = time.Time{}
	}
	q.wake()
}

func (q *queue) wake() {
	close(q.arrived)
	q.arrived = make(chan struct{})
}

type sqsRequest struct {
	QueueUrl                    string //nolint:revive // the protocol's name
	MaxNumberOfMessages         *int
	WaitTimeSeconds             int
	VisibilityTimeout           *int
	ReceiptHandle               string
	MessageSystemAttributeNames []string
}

func (s *Server) serveSQS(w http.ResponseWriter, r *http.Request) {
	op, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	var in sqsRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || !ok || r.Header.Get("Content-Type") != "application/x-amz-json-1.0" {
		sqsFail(w, http.StatusBadRequest, "InvalidAction", "no SQS request of the JSON protocol")
		return
	}
	u, err := url.Parse(in.QueueUrl)
	if err != nil {
		sqsFail(w, http.StatusBadRequest, "QueueDoesNotExist", in.QueueUrl)
		return
	}
	name := u.Path[strings.LastIndex(u.Path, "/")+1:]
	trouble := s.troubleOf(Request{Op: op, Bucket: name})
	if trouble.Status != 0 {
		sqsFail(w, trouble.Status, trouble.Code, "trouble")
		return
	}
	s.mu.Lock()
	q := s.queues[name]
	s.mu.Unlock()
	if q == nil {
		sqsFail(w, http.StatusBadRequest, "QueueDoesNotExist", name)
		return
	}
	var answer any
	status, code := http.StatusOK, ""
	switch op {
	case "ReceiveMessage":
		answer, status, code = s.receive(r, q, &in)
	case "DeleteMessage":
		status, code = s.remove(q, in.ReceiptHandle)
	case "ChangeMessageVisibility":
		status, code = s.change(q, &in)
	default:
		status, code = http.StatusBadRequest, "InvalidAction"
	}
	switch {
	case code != "":
		sqsFail(w, status, code, op)
	case trouble.Lost:
		panic(http.ErrAbortHandler)
	default:
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		if answer == nil {
			answer = struct{}{}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func sqsFail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.sqs#" + code, "message": message})
}

type given struct {
	MessageId, ReceiptHandle, MD5OfBody, Body string //nolint:revive // the protocol's names
	Attributes                                map[string]string
}

func (s *Server) receive(r *http.Request, q *queue, in *sqsRequest) (any, int, string) {
	most, hidden := 1, 30
	if in.MaxNumberOfMessages != nil {
		most = *in.MaxNumberOfMessages
	}
	if in.VisibilityTimeout != nil {
		hidden = *in.VisibilityTimeout
	}
	if most < 1 || most > 10 || in.WaitTimeSeconds < 0 || in.WaitTimeSeconds > 20 || hidden < 0 || hidden > 43200 {
		return nil, http.StatusBadRequest, "InvalidParameterValue"
	}
	for end := time.Now().Add(time.Duration(in.WaitTimeSeconds) * time.Second); ; {
		s.mu.Lock()
		messages, next := q.take(most, time.Duration(hidden)*time.Second, len(in.MessageSystemAttributeNames) > 0)
		arrived := q.arrived
		s.mu.Unlock()
		if next.IsZero() || next.After(end) {
			next = end
		}
		if len(messages) > 0 || !time.Now().Before(end) {
			return map[string]any{"Messages": messages}, http.StatusOK, ""
		}
		select {
		case <-arrived:
		case <-time.After(time.Until(next)):
		case <-r.Context().Done():
			return nil, http.StatusOK, ""
		}
	}
}

// take hands out visible messages, and tells when the next becomes visible.
func (q *queue) take(most int, hidden time.Duration, attributes bool) (out []given, next time.Time) {
	kept := q.messages[:0]
	for _, m := range q.messages {
		now := time.Now()
		if m.visible.After(now) || len(out) == most {
			if m.visible.After(now) && (next.IsZero() || m.visible.Before(next)) {
				next = m.visible
			}
			kept = append(kept, m)
			continue
		}
		if q.most > 0 && m.receives >= q.most {
			q.dead = append(q.dead, m.body)
			continue
		}
		m.receives++
		q.received++
		m.visible = now.Add(hidden)
		m.handle = fmt.Sprintf("%s#%d", m.id, m.receives)
		sum := md5.Sum([]byte(m.body)) //nolint:gosec // no secret
		g := given{MessageId: m.id, ReceiptHandle: m.handle, MD5OfBody: hex.EncodeToString(sum[:]), Body: m.body}
		if attributes {
			g.Attributes = map[string]string{"ApproximateReceiveCount": strconv.Itoa(m.receives)}
		}
		out = append(out, g)
		kept = append(kept, m)
	}
	q.messages = kept
	return out, next
}

func (s *Server) remove(q *queue, handle string) (int, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, m := range q.messages {
		if m.handle != handle {
			continue
		}
		if !m.visible.After(time.Now()) {
			return http.StatusBadRequest, "ReceiptHandleIsInvalid" // it has expired
		}
		q.messages = append(q.messages[:i:i], q.messages[i+1:]...)
		q.deleted++
		return http.StatusOK, ""
	}
	if strings.Contains(handle, "#") { // of an earlier receive: nothing happens
		return http.StatusOK, ""
	}
	return http.StatusBadRequest, "ReceiptHandleIsInvalid"
}

func (s *Server) change(q *queue, in *sqsRequest) (int, string) {
	if in.VisibilityTimeout == nil || *in.VisibilityTimeout < 0 || *in.VisibilityTimeout > 43200 {
		return http.StatusBadRequest, "InvalidParameterValue"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range q.messages {
		if m.handle != in.ReceiptHandle {
			continue
		}
		if !m.visible.After(time.Now()) {
			return http.StatusBadRequest, "MessageNotInflight"
		}
		m.visible = time.Now().Add(time.Duration(*in.VisibilityTimeout) * time.Second)
		if *in.VisibilityTimeout == 0 {
			m.visible = time.Time{}
			q.wake()
		}
		return http.StatusOK, ""
	}
	return http.StatusBadRequest, "ReceiptHandleIsInvalid"
}
