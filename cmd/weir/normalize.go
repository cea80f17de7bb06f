package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/ocsf"
)

func newNormalize() *cobra.Command {
	var f inputFlags
	var deadLetters string
	c := &cobra.Command{
		Use:   "normalize [FILE...]",
		Short: "Print raw logs as OCSF events, one JSON object a line",
		Long: "Maps raw logs to OCSF and prints the events as NDJSON, in the order of the input. Needs no Kafka.\n\n" + inputHelp + `

Rejects go to --dead-letter as NDJSON (source, stage, reason, detail, object, position, size, sha256, and value or
value_base64); their count is on standard error. Events and rejects together are every record that was read.`,
		Example: `  weir normalize trail.json.gz | jq .api.operation
  weir normalize --source gateway.nginx --dead-letter rejects.ndjson access.log
  zcat audit.log.gz | weir normalize > events.ndjson`,
		RunE: func(c *cobra.Command, args []string) error { return runNormalize(c, args, &f, deadLetters) },
	}
	f.add(c)
	configFlag(c, &f.config)
	c.Flags().StringVar(&deadLetters, "dead-letter", "", "write rejects to `FILE` as NDJSON; it is replaced")
	return c
}

func runNormalize(c *cobra.Command, args []string, f *inputFlags, deadLetters string) (err error) {
	inputs, err := f.inputs(c, args)
	if err != nil {
		return err
	}
	rejects, err := createRejects(deadLetters, inputs)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(c.OutOrStdout(), 64<<10)
	var line []byte
	r := f.reader(rawlog.Handler{
		Event: func(_ *event.Record, ev *ocsf.Event) error {
			line = append(ev.AppendJSON(line[:0]), '\n')
			_, err := out.Write(line)
			return err
		},
		Reject: func(d *event.DeadLetter) error {
			f.reject(d)
			return rejects.write(d)
		},
	})
	// The rejects are kept whatever becomes of the events. Both buffers tell of one
	// failure at every write from then on: it is said once.
	err = f.read(c, r, inputs, out)
	err = join(err, out.Flush())
	err = join(err, rejects.close())
	if err != nil {
		return err
	}
	stderr := c.ErrOrStderr()
	if err := f.printCounts(stderr, r.Counts, deadLetters != ""); err != nil {
		return err
	}
	f.printAdvice(stderr, r.Counts, "--dead-letter", deadLetters)
	return nil
}

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
