package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/internal/deadletter"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/sinks/terminal"
)

func newDLQShow() *cobra.Command {
	var file string
	var raw bool
	c := &cobra.Command{
		Use:   "show OFFSET|KEY",
		Short: "Print a dead letter: why, whence, and its original bytes",
		Long: `Prints the headers of a dead letter and its original bytes: text with control characters escaped, or a hex dump where it
is no UTF-8. --raw prints nothing but the bytes, as they are.

A letter is named by its offset (PARTITION/OFFSET in any partition but the first) or by its key; of several letters with
one key it is the last. The bytes are what the source wrote, credentials included.`,
		Example: `  weir dlq show --config weir.yaml 17
  weir dlq show -c weir.yaml --raw 17 | weir normalize --source aws.cloudtrail`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return exitcode.Wrap(exitcode.Usage, errors.New("name one dead letter"), "weir dlq list shows the offset of one; weir dlq list --each of all")
		},
		RunE: func(c *cobra.Command, args []string) error { return runDLQShow(c, file, args[0], raw) },
	}
	configFlag(c, &file)
	c.Flags().BoolVar(&raw, "raw", false, "print the original bytes and nothing else")
	return c
}

func runDLQShow(c *cobra.Command, file, name string, raw bool) (err error) {
	box, err := openLetterBox(c, file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.close()) }()
	log, err := box.read(c)
	if err != nil {
		return err
	}
	letter, err := findLetter(c, log, name)
	if err != nil {
		return err
	}
	if letter == nil {
		return exitcode.Wrap(exitcode.Nothing, fmt.Errorf("no dead letter %s in %s", name, box.names.DLQ()), "weir dlq list --each lists them")
	}
	if raw {
		_, err := c.OutOrStdout().Write(letter.Value)
		return err
	}
	return printLetter(c.OutOrStdout(), letter)
}

// findLetter finds a letter by its place, else the last one of a key.
func findLetter(c *cobra.Command, log *deadletter.Log, name string) (found *deadletter.Letter, err error) {
	if place, ok := deadletter.ParsePlace(name); ok {
		return log.At(c.Context(), place)
	}
	err = log.Each(c.Context(), deadletter.Filter{}, func(l *deadletter.Letter) error {
		if l.Key == name {
			found = l
		}
		return nil
	})
	return found, err
}

func printLetter(w io.Writer, l *deadletter.Letter) error {
	size := fmt.Sprintf("%d bytes", l.Size)
	if !l.Whole() {
		size += fmt.Sprintf(", of which the first %d are kept", len(l.Value))
	}
	replayed := "no"
	if l.Replayed {
		replayed = "yes"
	}
	for _, line := range [][2]string{
		{"offset", l.Place.String()}, {"key", l.Key}, {"time", l.Time.UTC().Format(time.RFC3339Nano)},
		{"source", l.Source}, {"stage", string(l.Stage)}, {"reason", string(l.Reason)}, {"detail", l.Detail},
		{"collector", l.Origin.Collector}, {"object", l.Origin.Object}, {"position", fmt.Sprint(l.Origin.Position)},
		{"size", size}, {"sha256", l.SHA256}, {"replayed", replayed},
	} {
		text := terminal.AppendSafe(nil, line[1], math.MaxInt)
		if _, err := fmt.Fprintf(w, "%-10s %s\n", line[0], text); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "\n"+safeText(l.Value))
	return err
}

// safeText is bytes for a terminal: lines with everything escaped that a terminal
// would not simply draw, or a hex dump of what is no text.
func safeText(value []byte) string {
	if !isText(value) {
		return hex.Dump(value)
	}
	var b strings.Builder
	for line := range strings.Lines(string(value)) {
		line, _ = strings.CutSuffix(line, "\n")
		b.Write(terminal.AppendSafe(nil, line, math.MaxInt))
		b.WriteByte('\n')
	}
	return b.String()
}

// isText reports whether the bytes are UTF-8. The kept beginning of a text may end
// inside of a character.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			return !utf8.FullRune(b)
		}
		b = b[size:]
	}
	return true
}
