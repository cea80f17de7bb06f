package ocsf_test

import (
	"encoding/json"
	"testing"

	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
)

// The event of these benchmarks is a CloudTrail API call with its raw_data.

func BenchmarkAppendJSON(b *testing.B) {
	var ev ocsf.Event
	stopLogging(&ev)
	dst := ev.AppendJSON(nil)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		dst = ev.AppendJSON(dst[:0])
	}
}

func BenchmarkUnmarshalJSON(b *testing.B) {
	var ev ocsf.Event
	stopLogging(&ev)
	text := ev.AppendJSON(nil)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := ev.UnmarshalJSON(text); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeJSON is UnmarshalJSON with a document that is reused.
func BenchmarkDecodeJSON(b *testing.B) {
	var ev ocsf.Event
	stopLogging(&ev)
	text := ev.AppendJSON(nil)
	d := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Parse(text); err != nil {
			b.Fatal(err)
		}
		if err := ev.DecodeJSON(d.Root()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodingJSON is the standard library on the same event, for comparison.
func BenchmarkEncodingJSON(b *testing.B) {
	var ev ocsf.Event
	stopLogging(&ev)
	var v map[string]any
	if err := json.Unmarshal(ev.AppendJSON(nil), &v); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(v); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBuild sets an event as a mapper does, in the memory of the last one.
func BenchmarkBuild(b *testing.B) {
	var ev ocsf.Event
	b.ReportAllocs()
	for b.Loop() {
		stopLogging(&ev)
	}
}

// BenchmarkReset clears an event that is empty already: the part of Reset that
// every event pays.
func BenchmarkReset(b *testing.B) {
	var ev ocsf.Event
	for b.Loop() {
		ev.Reset()
	}
}
