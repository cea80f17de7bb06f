// Compare measures weir as its users meet it, as processes of the real binary: on
// the embedded broker and on Apache Kafka. It prints a table for docs/benchmarks.md.
//
//	rate      records through all five roles with --once, by the clock
//	latency   from the record's line in the log file to its alert in the alerts file,
//	          at half of that rate (or -load)
//	recovery  from kill -9 of the process under that load, which is started again at
//	          once, to the first alert of a record written after the kill
//	memory    resident: at rest, and the most under that load
//
// Figures depend on whatever else the machine does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/weir-security/weir/test/integration/kafka"
)

// options is what is measured, and how much of it.
type options struct {
	binary  string
	rules   string        // directory of the rules that run beside the marker's
	records int           // of the measurement of the rate
	load    int           // records a second; 0: half of the rate
	period  time.Duration // of the measurement of the latency
	kills   int
}

func main() {
	var o options
	flag.StringVar(&o.binary, "weir", "bin/weir", "the `binary` to measure")
	flag.StringVar(&o.rules, "rules", "detections/rules", "`directory` of the rules")
	flag.IntVar(&o.records, "records", 200_000, "how many records the rate is measured with")
	flag.IntVar(&o.load, "load", 0, "records a second for latency and recovery; 0: half of the rate")
	flag.DurationVar(&o.period, "period", time.Minute, "how long the latency is measured")
	flag.IntVar(&o.kills, "kills", 5, "how often the process is killed")
	libs := flag.String("kafka", os.Getenv(kafka.LibsVariable), "`directory` of Kafka's libraries; empty: no Kafka")
	brokers := flag.Int("brokers", 3, "of the Kafka cluster")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := compare(ctx, o, *libs, *brokers, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func compare(ctx context.Context, o options, libs string, brokers int, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "weir-compare-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	columns := []figures{}
	embedded, err := measure(ctx, o, site{name: "embedded", dir: filepath.Join(dir, "embedded"), kafka: "embedded: {dir: broker}"})
	if err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	columns = append(columns, embedded)
	if libs != "" {
		data := filepath.Join(dir, "kafka")
		if err := os.Mkdir(data, 0o700); err != nil {
			return err
		}
		cluster, err := kafka.Start(ctx, kafka.Options{Libs: libs, Dir: data, Brokers: brokers})
		if err != nil {
			return err
		}
		name := fmt.Sprintf("Kafka, %d brokers", brokers)
		real, err := measure(ctx, o, site{
			name: name, dir: filepath.Join(dir, "real"),
			kafka: fmt.Sprintf("{brokers: [%s], replication_factor: %d}", join(cluster.Plaintext()), brokers),
		})
		if err := errors.Join(err, cluster.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		columns = append(columns, real)
	}
	render(columns, out)
	return nil
}

// figures are what one site came to.
type figures struct {
	name       string
	rate       float64 // records a second
	load       int
	latencies  []time.Duration // sorted
	recoveries []time.Duration // sorted
	atRest     int64           // bytes
	underLoad  int64
}

func measure(ctx context.Context, o options, s site) (figures, error) {
	f := figures{name: s.name}
	var err error
	if f.rate, err = s.rate(ctx, o); err != nil {
		return f, fmt.Errorf("rate: %w", err)
	}
	if f.load = o.load; f.load == 0 {
		f.load = int(f.rate / 2)
	}
	if err := s.underLoad(ctx, o, &f); err != nil {
		return f, fmt.Errorf("under load: %w", err)
	}
	slices.Sort(f.latencies)
	slices.Sort(f.recoveries)
	return f, nil
}

// percentile of sorted durations.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*p/100]
}

func render(columns []figures, out io.Writer) {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	header := table.Row{""}
	for _, f := range columns {
		header = append(header, f.name)
	}
	t.AppendHeader(header)
	line := func(name string, of func(f figures) string) {
		row := table.Row{name}
		for _, f := range columns {
			row = append(row, of(f))
		}
		t.AppendRow(row)
	}
	const ms = time.Millisecond
	line("rate, records a second", func(f figures) string { return fmt.Sprintf("%.0f", f.rate) })
	line("load for what follows", func(f figures) string { return fmt.Sprint(f.load) })
	line("alerts measured", func(f figures) string { return fmt.Sprint(len(f.latencies)) })
	for _, p := range []int{50, 99, 100} {
		line(fmt.Sprintf("latency, p%d", p), func(f figures) string { return percentile(f.latencies, p).Round(ms).String() })
	}
	line("recovery, median", func(f figures) string { return percentile(f.recoveries, 50).Round(10 * ms).String() })
	line("recovery, longest", func(f figures) string { return percentile(f.recoveries, 100).Round(10 * ms).String() })
	line("memory at rest, MB", func(f figures) string { return fmt.Sprint(f.atRest / 1e6) })
	line("memory under load, MB", func(f figures) string { return fmt.Sprint(f.underLoad / 1e6) })
	t.RenderMarkdown()
}
