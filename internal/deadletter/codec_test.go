package deadletter

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/schemas/event"
)

const digestOfABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

func TestCodec(t *testing.T) {
	origin := event.Origin{Collector: "trail", Object: "s3://trail/2026/11/18/a.json.gz", Position: 18285}
	for _, test := range []struct {
		name     string
		in, want event.DeadLetter
		key      string
	}{
		{
			name: "a value without a digest",
			in:   event.DeadLetter{Source: "aws.cloudtrail", Stage: event.StageNormalize, Reason: event.ReasonMissing, Detail: "no eventTime", Origin: origin, Value: []byte("abc")},
			want: event.DeadLetter{
				Source: "aws.cloudtrail", Stage: event.StageNormalize, Reason: event.ReasonMissing, Detail: "no eventTime", Origin: origin,
				Value: []byte("abc"), Size: 3, SHA256: digestOfABC,
			},
			key: "s3://trail/2026/11/18/a.json.gz@18285/ba7816bf8f01cfea",
		},
		{
			name: "the beginning of a large one",
			in:   event.DeadLetter{Stage: event.StageCollect, Reason: event.ReasonTooLarge, Origin: origin, Value: []byte("abc"), Size: 9 << 20, SHA256: strings.Repeat("0f", 32)},
			want: event.DeadLetter{Stage: event.StageCollect, Reason: event.ReasonTooLarge, Origin: origin, Value: []byte("abc"), Size: 9 << 20, SHA256: strings.Repeat("0f", 32)},
			key:  "s3://trail/2026/11/18/a.json.gz@18285/0f0f0f0f0f0f0f0f",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := Encode("weir.dlq", &test.in)
			got, err := Decode(r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("after a round trip (-want +got):\n%s", diff)
			}
			if string(r.Key) != test.key || r.Topic != "weir.dlq" {
				t.Errorf("the record goes to %s under the key %s", r.Topic, r.Key)
			}
		})
	}
}

// What the topic would not take is kept as its beginning, and says so.
func TestEncodeCutsHugeValues(t *testing.T) {
	huge := event.DeadLetter{Stage: event.StageDetect, Reason: event.ReasonTooLarge, Value: bytes.Repeat([]byte("x"), maxValue+1)}
	got, err := Decode(Encode("weir.dlq", &huge))
	if err != nil {
		t.Fatal(err)
	}
	l := Letter{DeadLetter: got}
	if len(got.Value) != KeptHead || got.Size != maxValue+1 || l.Whole() {
		t.Errorf("%d of %d bytes are kept", len(got.Value), got.Size)
	}
}

func TestDecodeRefusesForeignRecords(t *testing.T) {
	for name, r := range map[string]*kgo.Record{
		"no headers": {Value: []byte("hello")},
		"no size":    {Headers: []kgo.RecordHeader{{Key: "stage", Value: []byte("detect")}, {Key: "reason", Value: []byte("panic")}}},
	} {
		if _, err := Decode(r); !errors.Is(err, errForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlace(t *testing.T) {
	for text, want := range map[string]Place{"17": {0, 17}, "2/17": {2, 17}, "0": {}} {
		got, ok := ParsePlace(text)
		if !ok || got != want || got.String() != text {
			t.Errorf("%q is read as %+v, %v, and written as %s", text, got, ok, got)
		}
	}
	for _, text := range []string{"", "-1", "1/", "/1", "x", "1/2/3", "file:a@0/00", "+1"} {
		if got, ok := ParsePlace(text); ok {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
