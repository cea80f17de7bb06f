// Command write makes a lake of random events of every class, for readers of
// other make to be tried on: sparse and dense, with nested lists, with all of
// Unicode, in several files and row groups.
//
//	write LAKE EXPECTED    the events, as JSON, go to EXPECTED
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
)

const (
	eventsPerClass = 60
	batches        = 3
)

// noon is about when the events happen.
var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: write LAKE EXPECTED")
		os.Exit(3)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(5)
	}
}

func run(root, expected string) (err error) {
	out, err := os.Create(expected)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	dir, err := lake.NewDir(root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	writer := lake.NewWriter(dir)
	lines := bufio.NewWriter(out)
	r := rand.New(rand.NewPCG(2026, 11))
	offset := int64(0)
	for range batches {
		batch := lake.Batch{TopicID: [16]byte{0xa1, 0xb2}, Start: offset}
		var rows []lake.Row
		for _, class := range ocsf.Classes {
			for range eventsPerClass / batches {
				value, err := event(r, &class, offset)
				if err != nil {
					return err
				}
				rows = append(rows, lake.Row{Offset: offset, Value: value, KafkaTime: noon})
				offset++
				lines.Write(value)
				lines.WriteByte('\n')
			}
		}
		batch.End = offset
		res, err := writer.Write(context.Background(), lake.Events, batch, rows)
		if err != nil {
			return err
		}
		for _, rejected := range res.Rejected {
			return fmt.Errorf("row %d was rejected: %w", rejected.Index, rejected.Err)
		}
	}
	return lines.Flush()
}

// event makes an event whose attributes are there with a probability of their
// own each: most events are sparse, some nearly full.
func event(r *rand.Rand, class *ocsf.Class, n int64) ([]byte, error) {
	m := object(r, class.Attributes, []float64{0.02, 0.1, 0.3}[r.IntN(3)])
	m["class_uid"] = int32(class.UID)
	m["time"] = noon.Add(time.Duration(r.IntN(47)-36) * time.Hour).UnixMilli()
	if r.IntN(20) == 0 {
		m["time"] = noon.AddDate(-5, 0, 0).UnixMilli()
	}
	metadata, _ := m["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
	}
	metadata["uid"] = fmt.Sprintf("event-%d", n)
	m["metadata"] = metadata
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var ev ocsf.Event
	if err := ev.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	return ev.AppendJSON(nil), nil
}

func object(r *rand.Rand, attributes []ocsf.Attribute, density float64) map[string]any {
	m := map[string]any{}
	for _, a := range attributes {
		if r.Float64() > density {
			continue
		}
		if !a.Array {
			m[a.Name] = value(r, a, density)
			continue
		}
		list := make([]any, 1+r.IntN(4))
		for i := range list {
			list[i] = value(r, a, density)
		}
		m[a.Name] = list
	}
	return m
}

func value(r *rand.Rand, a ocsf.Attribute, density float64) any {
	switch a.Kind {
	case ocsf.KindObject:
		return object(r, ocsf.ObjectByName(a.Object).Attributes, density)
	case ocsf.KindInt32:
		return int32(r.Uint32())
	case ocsf.KindInt64:
		if a.Type == "timestamp_t" {
			return noon.UnixMilli() - r.Int64N(1e12)
		}
		return int64(r.Uint64())
	case ocsf.KindFloat64:
		return float64(r.Int32()) / 1024
	case ocsf.KindBool:
		return r.IntN(2) == 0
	case ocsf.KindJSON:
		return map[string]any{"n": r.IntN(10), "deep": []any{map[string]any{"ключ": nil}, "x\u2028y"}}
	}
	return []string{"", "alice", "Zoë 東京 \U0001F40C", "line\nbreak \"quoted\" \\", strings.Repeat("long ", r.IntN(2000))}[r.IntN(5)]
}
