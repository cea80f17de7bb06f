package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/weir-security/weir/internal/config"
	"github.com/weir-security/weir/internal/exitcode"
	"github.com/weir-security/weir/internal/pipeline"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/sinks"
)

type deliverRender struct{ config, alert, format string }

func newDeliverRender() *cobra.Command {
	var o deliverRender
	c := &cobra.Command{
		Use:   "render NAME",
		Short: "Print what a destination would be sent, without sending it",
		Long: `Prints the requests, messages or records that a destination would be sent for an alert, byte for byte, but for secrets, which
are masked. It uses no network. The alert is that of weir deliver test, or with --alert one of a file: NDJSON as weir replay
prints it, or one alert as printed JSON.

A compressed body is printed as it is before. The route is not asked; standard error says what it would leave out.`,
		Example: `  weir deliver render pager --config weir.yaml
  weir deliver render pager -c weir.yaml --alert alert.json --format body | jq .payload`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, a, err := destinationArg(c, o.config, args)
			if err != nil {
				return err
			}
			return o.run(c, cfg, a)
		},
	}
	configFlag(c, &o.config)
	c.Flags().StringVar(&o.alert, "alert", "", "`FILE` of alerts, - for standard input")
	formatFlag(c, &o.format, "text", "json", "body")
	return c
}

func (o *deliverRender) run(c *cobra.Command, cfg *config.Config, a *config.Alert) error {
	alerts, err := o.alerts(c, a.Name)
	if err != nil {
		return err
	}
	route, skipped := pipeline.RouteOf(a), 0
	for i := range alerts {
		if !route.Takes(&alerts[i].Attributes) {
			skipped++
		}
	}
	if skipped > 0 && o.alert != "" {
		fmt.Fprintf(c.ErrOrStderr(), "the route of %s leaves out %s of %d\n", a.Name, count(skipped, "alert"), len(alerts))
	}
	messages, err := pipeline.RenderAlerts(cfg, a, alerts)
	if printErr := o.print(c.OutOrStdout(), messages); printErr != nil {
		return printErr
	}
	var partial *sinks.PartialError
	if errors.As(err, &partial) {
		for _, f := range partial.Failures {
			fmt.Fprintf(c.ErrOrStderr(), "alert %s cannot be sent: %v\n", alerts[f.Index].ID, f.Err)
		}
		return exitcode.Wrap(exitcode.No, fmt.Errorf("%s of %d cannot be sent", count(len(partial.Failures), "alert"), len(alerts)), "")
	}
	return err
}

// alerts are those to render.
func (o *deliverRender) alerts(c *cobra.Command, destination string) ([]sinks.Alert, error) {
	if o.alert == "" {
		return []sinks.Alert{sinks.NewTestAlert(destination, time.Now())}, nil
	}
	in := c.InOrStdin()
	if o.alert != "-" {
		f, err := os.Open(o.alert)
		if err != nil {
			return nil, exitcode.Wrap(exitcode.IO, fmt.Errorf("open alerts: %w", err), "")
		}
		defer f.Close()
		in = f
	}
	alerts, err := readAlerts(in)
	if err == nil && len(alerts) == 0 {
		err = exitcode.Wrap(exitcode.Nothing, errors.New("no alerts there"), "weir replay --format ndjson FILE prints some")
	}
	return alerts, err
}

// maxAlerts bounds in bytes what is read of alerts.
const maxAlerts = 64 << 20

// readAlerts reads NDJSON, or one document over several lines.
func readAlerts(in io.Reader) ([]sinks.Alert, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxAlerts+1))
	if err == nil && len(data) > maxAlerts {
		err = fmt.Errorf("above %d bytes", maxAlerts)
	}
	if err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	var compact bytes.Buffer
	if json.Compact(&compact, data) == nil {
		data = compact.Bytes()
	}
	var reader sinks.Reader
	doc := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
	var alerts []sinks.Alert
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxAlerts)
	for n := 1; lines.Scan(); n++ {
		value := bytes.TrimSpace(bytes.Clone(lines.Bytes()))
		if len(value) == 0 {
			continue
		}
		if err := doc.Parse(value); err != nil {
			return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("line %d: %w", n, err), "give NDJSON, as weir replay prints it")
		}
		alert, err := reader.Read(doc.Root().Path("metadata", "uid").Text(), value)
		if err != nil {
			return nil, exitcode.Wrap(exitcode.Usage, fmt.Errorf("line %d: %w", n, err), "give alerts, as weir replay prints them")
		}
		alerts = append(alerts, alert)
	}
	return alerts, lines.Err()
}

// renderedMessage is a message as JSON.
type renderedMessage struct {
	Target  string      `json:"target"`
	Headers [][2]string `json:"headers"`
	Body    string      `json:"body,omitempty"`
	Base64  []byte      `json:"body_base64,omitempty"` // of a body that is no text
}

func (o *deliverRender) print(w io.Writer, messages []sinks.Message) error {
	out := bufio.NewWriter(w)
	for i, m := range messages {
		switch o.format {
		case "body":
			fmt.Fprintf(out, "%s\n", bytes.TrimSuffix(m.Body, []byte("\n")))
		case "json":
			r := renderedMessage{Target: m.Target, Headers: [][2]string{}, Body: string(m.Body)}
			if !utf8.Valid(m.Body) {
				r.Body, r.Base64 = "", m.Body
			}
			for _, h := range m.Header {
				r.Headers = append(r.Headers, [2]string{h.Name, h.Value})
			}
			enc := json.NewEncoder(out)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(r); err != nil {
				return err
			}
		default:
			if i > 0 {
				fmt.Fprintln(out)
			}
			fmt.Fprintln(out, m.Target)
			for _, h := range m.Header {
				fmt.Fprintf(out, "%s: %s\n", h.Name, h.Value)
			}
			fmt.Fprintf(out, "\n%s\n", bytes.TrimSuffix(m.Body, []byte("\n")))
		}
	}
	return out.Flush()
}
