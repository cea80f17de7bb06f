package lake

import (
	"math/rand/v2"
	"testing"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// checkScan holds scanHead against the document, where it says anything.
func checkScan(t *testing.T, value []byte) (ok bool) {
	t.Helper()
	class, millis, ok := scanHead(value)
	if !ok {
		return false
	}
	doc := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
	if doc.Parse(value) != nil || doc.Flags()&jsondoc.DuplicateKey != 0 {
		return true // decode refuses it
	}
	wantClass, isClass := doc.Root().Get("class_uid").Int()
	wantMillis, isTime := doc.Root().Get("time").Int()
	if !isClass || !isTime || class != wantClass || millis != wantMillis {
		t.Errorf("%s: class %d, time %d; the document has %d (%v) and %d (%v)", value, class, millis, wantClass, isClass, wantMillis, isTime)
	}
	return true
}

// TestScanHead reads what weir writes without parsing it, whatever the event holds.
func TestScanHead(t *testing.T) {
	for _, class := range ocsf.Classes {
		for i := range 20 {
			r := rand.New(rand.NewPCG(uint64(i), uint64(class.UID)))
			ev := randomEvent(t, r, &class, 0.2)
			ev.SetTime(noon.UnixMilli() + int64(i))
			if value := ev.AppendJSON(nil); !checkScan(t, value) {
				t.Errorf("%s was not scanned: %s", class.Name, value)
			}
		}
	}
}

func TestScanHeadOfOddities(t *testing.T) {
	tests := []struct {
		value string
		ok    bool
	}{
		{`{"class_uid":0,"time":5}`, true},
		{`{"time":5,"class_uid":6003,"x":1}`, true},
		{`{"a":{"class_uid":1,"time":2},"class_uid":0,"time":5}`, true},
		{`{"a":"\"class_uid\":1,","b":["}",{"c":null}],"class_uid":0,"time":5}`, true},
		{`{"a":"\\","class_uid":0,"time":5}`, true},
		{`{"class_uid":0,"time":5,"time":6}`, true}, // decode refuses it
		{`{"class_uid":0,"time":5`, false},
		{`{"cl\u0061ss_uid":0,"time":5}`, false},
		{`{"class_uid":0, "time":5}`, false},
		{`{"class_uid":"0","time":5}`, false},
		{`{"class_uid":0,"time":-5}`, false},
		{`{"class_uid":0,"time":05}`, false},
		{`{"class_uid":0,"time":5.0}`, false},
		{`{"class_uid":0,"time":5e3}`, false},
		{`{"class_uid":0,"time":1234567890123456789}`, false},
		{`{"class_uid":0}`, false},
		{`{"a":,"class_uid":0,"time":5}`, false},
		{`{"a":1]`, false},
		{`{"a":"`, false},
		{`{"a":"\`, false},
		{`{"a"`, false},
		{`{`, false},
		{``, false},
		{`[]`, false},
		{`null`, false},
	}
	for _, tt := range tests {
		if ok := checkScan(t, []byte(tt.value)); ok != tt.ok {
			t.Errorf("%s: scanned %v, want %v", tt.value, ok, tt.ok)
		}
	}
}

// FuzzScanHead looks for a text that the scanner and the document read differently.
func FuzzScanHead(f *testing.F) {
	var ev ocsf.Event
	cloudTrailEvent(&ev, 1)
	f.Add(ev.AppendJSON(nil))
	f.Add([]byte(`{"a":"\"class_uid\":1,","b":["}",{"c":null}],"class_uid":0,"time":5}`))
	f.Add([]byte(`{"a":1,"cl\u0061ss_uid":6003,"class_uid":0,"time":5}`))
	f.Fuzz(func(t *testing.T, value []byte) { checkScan(t, value) })
}

// BenchmarkHead places a CloudTrail event, with and without the scanner.
func BenchmarkHead(b *testing.B) {
	value := cloudTrailRows(1)[0].Value
	e := newEncoder(1, &columnsPool{})
	for name, head := range map[string]func(Table, []byte) (ocsf.ClassUID, int64, error){"scan": e.head, "parse": e.parseHead} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(value)))
			for b.Loop() {
				if _, _, err := head(Events, value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
