package envelope

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-security/weir/schemas/event"
)

// transportSeeds are documents of transports, whole and strange, small enough for
// every truncation of them to be tried.
var transportSeeds = []string{
	cloudWatch("g", `{"a":1}`, "x y\n", ""),
	`{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","message":"CWL CONTROL MESSAGE: x"}]}{"logEvents":[{"message":"{}"}],"messageType":"CONTROL_MESSAGE"}`,
	`{"logEvents":[{"id":1,"message":"\ud800"},{"message":2},3,{"message":"b"},{"mess`,
	`{"awslogs":{"data":"` + zipped(cloudWatch("g", "1", "2")) + `"}}{"awslogs":{"data":"?"}}`,
	`{"requestId":"r","records":[{"data":"` + base64.StdEncoding.EncodeToString([]byte("{\"a\":1}\n{\"b\":")) + `"},{"data":1},{"data":"e30=","x":1}]}`,
	`{"Records":[{"kinesis":{"data":"eyJhIjoxfQ=="}},{"awsRegion":"r","kinesis":{"data":"YQpiCg=="}},{"eventVersion":"1"}]} ` + "\n[1]",
	"{\"requestId\":\"r\",\"ip\":\"192.0.2.1\"}\n{\"requestId\":\"s\"}\nno json\n",
}

// cloudWatch is a document of CloudWatch Logs with these messages.
func cloudWatch(group string, messages ...string) string {
	type logEvent struct {
		ID        string `json:"id"`
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	doc := struct {
		MessageType         string     `json:"messageType"`
		Owner               string     `json:"owner"`
		LogGroup            string     `json:"logGroup"`
		LogStream           string     `json:"logStream"`
		SubscriptionFilters []string   `json:"subscriptionFilters"`
		LogEvents           []logEvent `json:"logEvents"`
	}{"DATA_MESSAGE", "111122223333", group, "s", []string{"f"}, []logEvent{}}
	for i, m := range messages {
		doc.LogEvents = append(doc.LogEvents, logEvent{fmt.Sprint(i), 1794994880000, m})
	}
	text, _ := json.Marshal(doc)
	return string(text)
}

func compressed(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.Bytes()
}

// zipped is gzip in base64.
func zipped(text string) string { return base64.StdEncoding.EncodeToString(compressed(text)) }

func lambda(document string) string { return `{"awslogs":{"data":"` + zipped(document) + `"}}` }

func firehose(data ...string) string {
	var records []string
	for _, d := range data {
		records = append(records, `{"recordId":"4","data":"`+base64.StdEncoding.EncodeToString([]byte(d))+`"}`)
	}
	return `{"deliveryStreamArn":"arn:aws:firehose:eu-west-1:111122223333:deliverystream/logs","records":[` + strings.Join(records, ",") + `]}`
}

func values(pieces []Piece) (out []string) {
	for _, p := range pieces {
		if p.Reason != "" {
			out = append(out, string(p.Reason))
			continue
		}
		out = append(out, string(p.Value))
	}
	return out
}

var transported = Format{EnvelopeKeys: allKeys, Transports: Transports}

func TestTransports(t *testing.T) {
	lines := Format{Kind: Lines, Transports: Transports}
	control := strings.Replace(cloudWatch("", "CWL CONTROL MESSAGE: Checking health of destination Firehose."), "DATA_", "CONTROL_", 1)
	tests := []struct {
		name   string
		format Format
		stream string
		want   []string
	}{
		{"a subscription", transported, cloudWatch("/aws/eks/shop/cluster", `{"a":"\u00e9"}`, `{"b":2}`), []string{`{"a":"\u00e9"}`, `{"b":2}`}},
		{"documents that follow each other", transported, cloudWatch("a", "1") + control + cloudWatch("b", "2", "3"), []string{"1", "2", "3"}},
		{"sorted members", transported, `{"logEvents":[{"id":"","message":"CWL CONTROL MESSAGE: x","timestamp":1},{"id":"9","message":"m","timestamp":1}],"messageType":"DATA_MESSAGE"}`, []string{"m"}},
		{"lines of a text source", lines, cloudWatch("nginx", "192.0.2.1 - -\n", "two \t") + "\n" + cloudWatch("nginx", "three"), []string{"192.0.2.1 - -", "two \t", "three"}},
		{"lines of JSON that are no transport", lines, "{\"requestId\":\"r\"}\n{\"broken\nx\n", []string{`{"requestId":"r"}`, `{"broken`, "x"}},
		{"Lambda", transported, lambda(cloudWatch("g", "1", "2")) + lambda(cloudWatch("g", "3")), []string{"1", "2", "3"}},
		{"Firehose", transported, firehose(`{"a":1}`+"\n"+`{"b":2}`, string(compressed(cloudWatch("g", "3"))), `[{"c":4},5]`), []string{`{"a":1}`, `{"b":2}`, "3", `{"c":4}`, "5"}},
		{"Firehose with lines", lines, firehose("one\n", "two", cloudWatch("g", "three")), []string{"one", "two", "three"}},
		{"Firehose's request", lines, `{"requestId":"r","timestamp":1,"records":[{"data":"YQ=="}]}`, []string{"a"}},
		{"Kinesis to Lambda", transported, `{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","data":"eyJhIjoxfQ=="},"eventSource":"aws:kinesis"}]}`, []string{`{"a":1}`}},
		{"CloudTrail's own Records", transported, `{"Records":[{"eventVersion":"1.11","data":"YQ=="},{"awsRegion":"r"}]}`, []string{`{"eventVersion":"1.11","data":"YQ=="}`, `{"awsRegion":"r"}`}},
		{"a record with data of its own", transported, `{"records":[{"data":"YQ==","time":"2026"}]}`, []string{`{"data":"YQ==","time":"2026"}`}},
		{"no message", transported, `{"logEvents":[{"id":"1","message":{"a":1}},{"id":"2","message":"m"}]}`, []string{"syntax", "m"}},
		{"no base64", transported, `{"records":[{"data":"%"},{"data":"e30="}]}`, []string{"syntax", "{}"}},
		{"data that is cut off", transported, `{"records":[{"data":"` + base64.StdEncoding.EncodeToString(compressed(`{"a":1}`)[:14]) + `"},{"data":"e30="}]}`, []string{"syntax", "{}"}},
		{"a transport in a transport", transported, firehose(firehose(`{"a":1}`)), []string{`{"recordId":"4","data":"eyJhIjoxfQ=="}`}},
		{"nothing", transported, firehose("", "\n") + cloudWatch("g", " \n"), nil},
	}
	for _, tt := range tests {
		for _, kind := range []Kind{tt.format.Kind, Detect} {
			if kind == Detect && strings.HasPrefix(tt.name, "lines of JSON") {
				continue // they are JSON then
			}
			o := Options{Format: tt.format}
			o.Format.Kind = kind
			if diff := cmp.Diff(tt.want, values(split(t, strings.NewReader(tt.stream), o))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
			check(t, []byte(tt.stream), o)
		}
	}
}

// What the document says of its records goes with each of them.
func TestEnvelopeOfMessages(t *testing.T) {
	pieces := split(t, strings.NewReader(cloudWatch("/aws/eks/shop/cluster", "a")+`{"logEvents":[{"id":"7","message":"b"}],"owner":"1"}`), Options{Format: transported})
	want := []string{
		`{"cloudwatch":{"owner":"111122223333","logGroup":"/aws/eks/shop/cluster","logStream":"s","id":"0","timestamp":1794994880000}}`,
		`{"cloudwatch":{"id":"7"}}`,
	}
	var got []string
	for _, p := range pieces {
		got = append(got, p.Envelope)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	long := split(t, strings.NewReader(cloudWatch(strings.Repeat("g", maxContext), "a")), Options{Format: transported})
	if len(long) != 1 || long[0].Envelope != "" {
		t.Errorf("a context above the limit is kept: %+v", long)
	}
}

// An object as Firehose writes it: documents one after the other, each in gzip, and
// the whole in gzip again.
func TestFirehoseObject(t *testing.T) {
	var members []byte
	for i := range 3 {
		members = append(members, compressed(cloudWatch("g", fmt.Sprint(i)))...)
	}
	for name, object := range map[string][]byte{"gzip": members, "gzip of gzip": compressed(string(members)), "plain": []byte(cloudWatch("g", "0") + cloudWatch("g", "1", "2"))} {
		for _, r := range []func() *Decompressor{
			func() *Decompressor { return decompressor(t, bytes.NewReader(object)) },
			func() *Decompressor { return decompressor(t, iotest.OneByteReader(bytes.NewReader(object))) },
		} {
			if diff := cmp.Diff([]string{"0", "1", "2"}, values(split(t, r(), Options{Format: transported}))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
}

func decompressor(t *testing.T, r interface{ Read([]byte) (int, error) }) *Decompressor {
	t.Helper()
	d, err := Decompress(r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A text of base64 cannot make more records than it has bytes, nor bytes without
// end.
func TestBombs(t *testing.T) {
	many := split(t, strings.NewReader(lambda(strings.Repeat("1\n", 1<<20))), Options{Format: transported})
	if last := many[len(many)-1]; last.Reason != event.ReasonTooLarge || len(many) > len(lambda(strings.Repeat("1\n", 1<<20))) {
		t.Errorf("%d pieces, the last %+v", len(many), last)
	}
	long := split(t, strings.NewReader(lambda(strings.Repeat(" ", maxInflated+1))+"[1]"), Options{Format: transported})
	if len(long) != 2 || long[0].Reason != event.ReasonTooLarge || string(long[1].Value) != "1" {
		t.Errorf("%d pieces, the first %+v", len(long), long[0])
	}
}

// Streams of documents, made at random and always the same, give their messages,
// however they are wrapped, cut and resumed.
func TestTransportProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var want []string
		var stream strings.Builder
		for range 1 + random.IntN(4) {
			var messages []string
			for range random.IntN(4) {
				m := fmt.Sprintf(`{"n":%d,"text":%q}`, len(want), strings.Repeat("x\" ", random.IntN(6)))
				messages, want = append(messages, m), append(want, m)
			}
			doc := cloudWatch("g", messages...)
			switch random.IntN(4) {
			case 0:
				doc = lambda(doc)
			case 1:
				doc = firehose(string(compressed(doc)))
			case 2:
				doc = firehose(doc, "")
			}
			stream.WriteString(doc)
			stream.WriteString([]string{"", "\n", " "}[random.IntN(3)])
		}
		for _, o := range []Options{{Format: transported}, {Format: Format{Kind: Lines, Transports: Transports}}} {
			if diff := cmp.Diff(want, values(split(t, strings.NewReader(stream.String()), o))); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", stream.String(), diff)
			}
			check(t, []byte(stream.String()), o)
		}
	}
}
