package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/deadletter"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/internal/suggest"
	"github.com/weir-security/weir/schemas/event"
)

func newDLQ() *cobra.Command {
	c := &cobra.Command{
		Use:   "dlq",
		Short: "List, show and replay what could not be processed",
		Long: `Dead letters are the records that weir could not process, with their original bytes, the reason and where they came from.
They stop nothing and stay in Kafka for kafka.retention.dlq. After a fix, replay sends them the normal way.

With the embedded broker, weir run has to be stopped first: it serves one process at a time.`,
		Args: cobra.ArbitraryArgs,
	}
	c.RunE = group(c)
	c.AddCommand(newDLQList(), newDLQShow(), newDLQReplay())
	return c
}

// letterFlags choose dead letters.
type letterFlags struct {
	sources, stages, reasons []string
	since                    string
}

func (f *letterFlags) add(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.reasons, "reason", nil, "only these `REASONS`: "+strings.Join(words(event.Reasons), ", "))
	c.Flags().StringSliceVar(&f.sources, "source", nil, "only of these `SOURCES`, see weir sources")
	c.Flags().StringSliceVar(&f.stages, "stage", nil, "only of these `STAGES`: "+strings.Join(words(event.Stages), ", "))
	c.Flags().StringVar(&f.since, "since", "", "only of the last `DURATION`, such as 30m, 12h or 2d")
}

// filter is what the flags choose, at the time now.
func (f *letterFlags) filter(now time.Time) (deadletter.Filter, error) {
	var filter deadletter.Filter
	var err error
	if filter.Reasons, err = known("reason", f.reasons, event.Reasons); err != nil {
		return filter, err
	}
	if filter.Stages, err = known("stage", f.stages, event.Stages); err != nil {
		return filter, err
	}
	for _, name := range f.sources {
		if err := checkSource(sources.Builtin(), name); err != nil {
			return filter, err
		}
	}
	filter.Sources = f.sources
	if f.since != "" {
		d, err := config.ParseDuration(f.since)
		if err != nil {
			return filter, exitcode.Errorf(exitcode.Usage, "--since: %w", err)
		}
		filter.Since = now.Add(-d)
	}
	return filter, nil
}

// none is the error for a topic without a letter that the flags choose.
func (f *letterFlags) none(topic string) error {
	if len(f.reasons)+len(f.sources)+len(f.stages) > 0 || f.since != "" {
		return exitcode.Wrap(exitcode.Nothing, fmt.Errorf("no dead letters in %s that these flags choose", topic), "weir dlq list, without them")
	}
	return exitcode.Errorf(exitcode.Nothing, "no dead letters in %s", topic)
}

// known turns words into values of a closed set.
func known[T ~string](what string, given []string, all []T) ([]T, error) {
	var out []T
	for _, word := range given {
		at := -1
		for i, x := range all {
			if string(x) == word {
				at = i
			}
		}
		if at < 0 {
			return nil, exitcode.Errorf(exitcode.Usage, "unknown %s %q%s (one of %s)", what, word,
				suggest.Hint(word, words(all)), strings.Join(words(all), ", "))
		}
		out = append(out, all[at])
	}
	return out, nil
}

func words[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, x := range all {
		out[i] = string(x)
	}
	return out
}

// letterBox is Kafka, opened for dead letters.
type letterBox struct {
	opts   broker.Options
	names  broker.Names
	config *config.Config
	log    *slog.Logger
	close  func() error
}

// openLetterBox reads the configuration and reaches its Kafka. Nothing is made: a
// pipeline that has never run has no letters.
func openLetterBox(c *cobra.Command, file string) (*letterBox, error) {
	cfg, err := loadConfig(c, file)
	if err != nil {
		return nil, err
	}
	b := &letterBox{
		names: broker.Names{Prefix: cfg.Kafka.TopicPrefix}, config: cfg, log: newLogger(c.ErrOrStderr(), cfg.Log),
		close: func() error { return nil },
	}
	seeds := cfg.Kafka.Brokers
	if cfg.Kafka.Embedded != nil {
		if seeds, err = b.startEmbedded(cfg.Kafka.Embedded.Dir); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(c.Context(), reachTimeout)
	defer cancel()
	if err := b.connect(ctx, seeds); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// reachTimeout bounds the wait for a broker to answer: a service waits, a person
// wants to know.
const reachTimeout = 30 * time.Second

func (b *letterBox) startEmbedded(dir string) ([]string, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, exitcode.Wrap(exitcode.Nothing, fmt.Errorf("no dead letters: the embedded broker has no data in %s", dir),
			"weir run; or give the configuration that it ran with, with --config")
	}
	embedded, err := broker.StartEmbedded(dir, b.log)
	if errors.Is(err, broker.ErrInUse) {
		return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("%w: %s", broker.ErrInUse, dir),
			"stop weir run first: the embedded broker serves one process at a time; with kafka.brokers both may run")
	}
	if err != nil {
		return nil, exitcode.Wrap(exitcode.IO, err, "")
	}
	b.close = embedded.Close
	return embedded.Addrs(), nil
}

func (b *letterBox) connect(ctx context.Context, seeds []string) error {
	var err error
	if b.opts, err = broker.NewOptions(&b.config.Kafka, seeds, b.log); err != nil {
		return err
	}
	cl, err := b.opts.New(ctx)
	if err != nil {
		return err
	}
	defer cl.Close()
	topics := []string{b.names.DLQ(), b.names.Events()}
	for _, name := range sources.Builtin().Names() {
		topics = append(topics, b.names.Raw(name))
	}
	b.opts.MaxMessage, err = broker.MessageLimit(ctx, kadm.NewClient(cl), topics)
	return err
}

// read opens the topic of dead letters.
func (b *letterBox) read(c *cobra.Command) (*deadletter.Log, error) {
	log, err := deadletter.Open(c.Context(), b.opts, b.names.DLQ())
	return log, explainLetters(err)
}

// explainLetters adds the exit code to an error of the topic.
func explainLetters(err error) error {
	if errors.Is(err, deadletter.ErrNoTopic) {
		return exitcode.Wrap(exitcode.Nothing, err, "weir run makes it; check kafka.topic_prefix")
	}
	return err
}
