package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

func newNormalize() *cobra.Command {
	var f inputFlags
	var to normalized
	c := &cobra.Command{
		Use:   "normalize [FILE...]",
		Short: "Print raw logs as OCSF events, or make a lake of them",
		Long: "Maps raw logs to OCSF and prints the events as NDJSON, in the order of the input. Needs no Kafka.\n\n" + inputHelp + `

With --lake the events are not printed but become a lake of Parquet files: for weir replay, for DuckDB, for whatever reads
those of weir run. The directory must be new or empty. Its files appear when all are there; if something goes wrong there
are none.

Rejects go to --dead-letter as NDJSON (source, stage, reason, detail, object, position, size, sha256, and value or
value_base64); their count is on standard error. Events and rejects together are every record that was read.`,
		Example: `  weir normalize trail.json.gz | jq .api.operation
  weir normalize --source gateway.nginx --dead-letter rejects.ndjson access.log
  weir normalize --lake case-42 dump/
  zcat audit.log.gz | weir normalize > events.ndjson`,
		RunE: func(c *cobra.Command, args []string) error { return runNormalize(c, args, &f, to) },
	}
	f.add(c)
	configFlag(c, &f.config)
	c.Flags().StringVar(&to.deadLetters, "dead-letter", "", "write rejects to `FILE` as NDJSON; it is replaced")
	c.Flags().StringVar(&to.lake, "lake", "", "make the lake `DIR` of the events, instead of printing them")
	return c
}

// normalized is where events and rejects go.
type normalized struct {
	deadLetters string // "" for nowhere
	lake        string // "" for standard output
}

// eventOutput takes the events.
type eventOutput interface {
	add(rec *event.Record, ev *ocsf.Event) error
	// buffer is flushed whenever standard input may have to be waited for.
	buffer() *bufio.Writer
	// end completes the output, unless the reading has failed, and returns all that went
	// wrong, the reading's error included.
	end(reading error) error
	// print says what there is now.
	print(stderr io.Writer)
}

func runNormalize(c *cobra.Command, args []string, f *inputFlags, to normalized) error {
	inputs, err := f.inputs(c, args)
	if err != nil {
		return err
	}
	var events eventOutput = newPrinted(c.OutOrStdout())
	if c.Flags().Changed("lake") {
		if events, err = createLake(c.Context(), to.lake); err != nil {
			return err
		}
	}
	rejects, err := createRejects(to.deadLetters, inputs)
	if err != nil {
		return events.end(err)
	}
	r := f.reader(rawlog.Handler{
		Event: events.add,
		Reject: func(d *event.DeadLetter) error {
			f.reject(d)
			return rejects.write(d)
		},
	})
	// The rejects are kept whatever becomes of the events, and there is no lake without
	// them. Both buffers tell of one failure at every write from then on: it is said once.
	err = f.read(c, r, inputs, events.buffer())
	err = join(err, rejects.close())
	if err = events.end(err); err != nil {
		return err
	}
	stderr := c.ErrOrStderr()
	if err := f.printCounts(stderr, r.Counts, to.deadLetters != ""); err != nil {
		return err
	}
	f.printAdvice(stderr, r.Counts, "--dead-letter", to.deadLetters)
	if f.summary == "text" {
		events.print(stderr)
	}
	return nil
}

// printed are events as NDJSON.
type printed struct {
	out  *bufio.Writer
	line []byte
}

func newPrinted(out io.Writer) *printed { return &printed{out: bufio.NewWriterSize(out, 64<<10)} }

func (p *printed) add(_ *event.Record, ev *ocsf.Event) error {
	p.line = append(ev.AppendJSON(p.line[:0]), '\n')
	_, err := p.out.Write(p.line)
	return err
}

func (p *printed) buffer() *bufio.Writer   { return p.out }
func (p *printed) end(reading error) error { return join(reading, p.out.Flush()) }
func (p *printed) print(io.Writer)         {} // the events are there to see

// rejectFile is where dead letters go: nowhere when there is no file.
type rejectFile struct {
	file *os.File
	out  *bufio.Writer
	dead rawlog.DeadLetterWriter
}

// createRejects makes the file of dead letters. One that is an input is refused:
// it would be emptied before it is read.
func createRejects(path string, inputs []rawlog.Input) (rejectFile, error) {
	if path == "" {
		return rejectFile{}, nil
	}
	if old, err := os.Stat(path); err == nil {
		for _, in := range inputs {
			if info, err := os.Stat(in.Path); err == nil && os.SameFile(old, info) {
				return rejectFile{}, exitcode.Wrap(exitcode.Usage, fmt.Errorf("--dead-letter %s is also an input", path), "give a file of its own")
			}
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return rejectFile{}, exitcode.Wrap(exitcode.IO, fmt.Errorf("create file of dead letters: %w", err), "give a --dead-letter in a directory that can be written")
	}
	out := bufio.NewWriter(file)
	return rejectFile{file, out, rawlog.NewDeadLetterWriter(out)}, nil
}

func (r rejectFile) write(d *event.DeadLetter) error {
	if r.file == nil {
		return nil
	}
	return r.dead.Write(d)
}

func (r rejectFile) close() error {
	if r.file == nil {
		return nil
	}
	return join(r.out.Flush(), r.file.Close())
}
