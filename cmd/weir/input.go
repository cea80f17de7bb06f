package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/normalize/redact"
	"github.com/weir-security/weir/schemas/event"
)

// inputFlags are the flags of the commands that read raw logs.
type inputFlags struct {
	source, origin, config, summary string
	mappings                        []string

	sources *sources.Table
	redact  *redact.Policy
	found   []inputCounts // by input, without those that had nothing
	shown   []string      // first rejects
	hint    string        // the source that a rejected record looks like
}

const inputHelp = `Reads files, directories, or standard input when there is neither (or for -): gzip and zstd are undone, and NDJSON,
arrays, {"Records": [...]}, {"records": [...]}, EventList, and documents of CloudWatch Logs and Firehose are unwrapped by themselves.
What each record is, its shape tells; --source names it. Credentials are redacted as --config says, by default with the built-in
key. What cannot be read or mapped is rejected, counted, and stops nothing.`

func (f *inputFlags) add(c *cobra.Command) {
	sourceFlag(c, &f.source)
	choiceFlag(c, &f.summary, "summary", "form of the summary on standard error", "text", "json", "none")
	c.Flags().StringArrayVar(&f.mappings, "mapping", nil, "`FILE` of a source of your own, see docs/custom-sources.md; may be given again")
	c.Flags().StringVar(&f.origin, "origin", "", "`NAME` that stands for the path in the origin of records, as the collector's origin does")
}

// inputs lists what to read. Nothing at all is an error of its own: a command
// that waits for a person to type logs has been misunderstood.
func (f *inputFlags) inputs(c *cobra.Command, args []string) ([]rawlog.Input, error) {
	var err error
	if f.sources, f.redact, err = loadSources(c, f.config, f.mappings...); err != nil {
		return nil, err
	}
	if f.auto() {
		f.source = rawlog.Auto
	} else if err := checkSource(f.sources, f.source); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		if isTerminal(c.InOrStdin()) {
			return nil, exitcode.Wrap(exitcode.Nothing, errors.New("no input"), c.CommandPath()+" FILE..., or pipe logs into it")
		}
		args = []string{rawlog.Stdin}
	}
	inputs, err := rawlog.Inputs(args, f.origin)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, exitcode.Wrap(exitcode.IO, err, "check the path; - is standard input")
	case err != nil:
		return nil, exitcode.Wrap(exitcode.IO, err, "")
	case len(inputs) == 0:
		return nil, exitcode.Wrap(exitcode.Nothing, fmt.Errorf("no files in %s", strings.Join(args, ", ")), "give files or directories that hold logs")
	}
	return inputs, nil
}

// auto tells whether each record says what it is.
func (f *inputFlags) auto() bool { return f.source == rawlog.Auto || f.source == "" }

// reader returns the reader that the flags ask for.
func (f *inputFlags) reader(h rawlog.Handler) *rawlog.Reader {
	return rawlog.New(rawlog.Options{Sources: f.sources, Source: f.source, Redact: f.redact}, h)
}

// read reads all inputs through r, with progress on standard error when that is
// a terminal. A file that cannot be opened or read ends it. What r's handler writes
// to out is flushed whenever standard input may have to be waited for.
func (f *inputFlags) read(c *cobra.Command, r *rawlog.Reader, inputs []rawlog.Input, out *bufio.Writer) error {
	bar := newProgress(c.ErrOrStderr(), inputs)
	defer bar.finish()
	stdin := &standardInput{ctx: c.Context(), in: c.InOrStdin(), out: out}
	for _, in := range inputs {
		if err := readOne(c.Context(), r, in, stdin, bar); err != nil {
			return err
		}
		f.found = append(f.found, inputCounts{in.Path, in.Object, r.Last})
	}
	return nil
}

func readOne(ctx context.Context, r *rawlog.Reader, in rawlog.Input, stdin io.Reader, bar progress) error {
	stream, err := in.Open(stdin)
	if err != nil {
		return exitcode.Wrap(exitcode.IO, err, "")
	}
	defer stream.Close()
	return r.Read(ctx, in.Object, bar.reader(stream))
}

// standardInput is standard input for somebody who waits: before a read that may
// block, what was made of the lines so far is flushed, and an interrupt ends it.
type standardInput struct {
	ctx   context.Context // of the command; a reader has no other way to hear of it
	in    io.Reader
	out   *bufio.Writer
	chunk []byte
}

func (s *standardInput) Read(p []byte) (int, error) {
	if err := s.out.Flush(); err != nil {
		return 0, err
	}
	type result struct {
		n   int
		err error
	}
	if s.chunk == nil {
		s.chunk = make([]byte, 64<<10)
	}
	done := make(chan result, 1)
	chunk := s.chunk[:min(len(p), len(s.chunk))]
	go func() { // ends with the read, at the latest with the process
		n, err := s.in.Read(chunk)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return copy(p, chunk[:r.n]), r.err
	case <-s.ctx.Done():
		s.chunk = nil // the read may still write to it
		return 0, s.ctx.Err()
	}
}

// reject remembers the first rejects for the summary.
func (f *inputFlags) reject(d *event.DeadLetter) {
	if len(f.shown) < maxShown {
		f.shown = append(f.shown, fmt.Sprintf("%v: %s: %s", d.Origin, d.Reason, d.Detail))
	}
	if (d.Reason == event.ReasonWrongSource || d.Reason == event.ReasonSyntax) && f.hint == "" {
		if found, _ := f.sources.Detect(d.Value); found != "" && found != f.source {
			f.hint = found
		}
	}
}

// maxShown is how many rejects the summary shows.
const maxShown = 3

// printAdvice says what to do about rejects; flag is what keeps them, file where
// they are kept.
func (f *inputFlags) printAdvice(stderr io.Writer, counts rawlog.Counts, flag, file string) {
	_, rejects := counts.Total()
	switch {
	case rejects == 0 || f.summary != "text":
	case f.hint != "" && !f.auto():
		fmt.Fprintf(stderr, "try: --source %s; that is what a rejected record looks like\n", f.hint)
	case file != "":
		fmt.Fprintf(stderr, "try: jq -r .detail %s; each reject is there with its reason and original text\n", file)
	default:
		fmt.Fprintf(stderr, "try: %s FILE keeps every reject with its reason and original text\n", flag)
	}
}

// isTerminal tells whether a stream is a person.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress is the bar on a terminal, or nothing.
type progress struct{ bar *progressbar.ProgressBar }

func newProgress(stderr io.Writer, inputs []rawlog.Input) progress {
	if !isTerminal(stderr) {
		return progress{}
	}
	total := int64(0)
	for _, in := range inputs {
		if in.Path == rawlog.Stdin {
			total = -1 // not known: a spinner
			break
		}
		total += in.Size
	}
	return progress{progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(stderr), progressbar.OptionShowBytes(true), progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())}
}

// newByteProgress shows how much of something is done that is not known yet.
func newByteProgress(stderr io.Writer) progress {
	return newProgress(stderr, []rawlog.Input{{Path: rawlog.Stdin}})
}

// at says how many bytes of how many are done.
func (p progress) at(done, all int64) {
	if p.bar != nil {
		p.bar.ChangeMax64(all)
		_ = p.bar.Set64(done) // the bar is a courtesy
	}
}

func (p progress) reader(r io.Reader) io.Reader {
	if p.bar == nil {
		return r
	}
	return io.TeeReader(r, p.bar)
}

func (p progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish() // the bar is a courtesy
	}
}
