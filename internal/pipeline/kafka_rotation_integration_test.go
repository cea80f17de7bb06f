//go:build integration

package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weir-security/weir/detections"
	"github.com/weir-security/weir/internal/broker"
	"github.com/weir-security/weir/test/integration/kafka"
)

// sessions is the time after which no connection is authenticated by what was
// valid before.
const sessions = 2 * kafka.Reauthentication

// testKafkaRotated changes credentials under a pipeline that runs: half of the
// input goes through before, half after.
func testKafkaRotated(t *testing.T, c *kafka.Cluster, want books) {
	dir := t.TempDir()
	trust := fmt.Sprintf("tls: {ca_file: %s}", c.CAFile())
	t.Run("password", func(t *testing.T) {
		t.Parallel()
		const user, before, after = "weir-rotated", "upstream", "downstream"
		alterSCRAM(t, c, user, before)
		write(t, dir, "password", []byte(before))
		w := secureWorld(t, dir, cluster{Brokers: c.SASL(), Prefix: "rotated.password.", Replication: brokers},
			trust+", sasl: {mechanism: scram-sha-512, username: "+user+", password_file: password}")
		grant(t, c, user, w)
		halfByHalf(t, c, w, want, func() {
			// The brokers know one password of a user. While the file has the other,
			// every session has to be renewed once, and cannot be.
			alterSCRAM(t, c, user, after)
			time.Sleep(kafka.Reauthentication)
			write(t, dir, "password", []byte(after))
			time.Sleep(sessions)
		})
	})
	t.Run("token", func(t *testing.T) {
		t.Parallel()
		const user, lifetime = "weir-rotated-token", 20 * time.Second
		writeToken := func(lifetime time.Duration) {
			token, err := c.Issuer.Token(user, lifetime)
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir, "token", []byte(token))
		}
		writeToken(lifetime)
		expiry := time.Now().Add(lifetime)
		w := secureWorld(t, dir, cluster{Brokers: c.SASL(), Prefix: "rotated.token.", Replication: brokers},
			trust+", sasl: {mechanism: oauthbearer, token_file: token}")
		grant(t, c, user, w)
		halfByHalf(t, c, w, want, func() {
			writeToken(time.Hour)
			time.Sleep(time.Until(expiry))
		})
	})
	t.Run("certificate", func(t *testing.T) {
		const user = "weir-rotated-certificate"
		writePair := func(a *kafka.Authority) {
			pair, err := a.Issue(user)
			if err != nil {
				t.Fatal(err)
			}
			// Not both at once: for a moment they do not belong together.
			write(t, dir, "key.pem", pair.Key)
			time.Sleep(500 * time.Millisecond)
			write(t, dir, "cert.pem", pair.Certificate)
		}
		writePair(c.Authority)
		next, err := kafka.NewAuthority("next")
		if err != nil {
			t.Fatal(err)
		}
		w := secureWorld(t, dir, cluster{Brokers: c.MTLS(), Prefix: "rotated.certificate.", Replication: brokers},
			fmt.Sprintf("tls: {ca_file: %s, cert_file: cert.pem, key_file: key.pem}", c.CAFile()))
		grant(t, c, "CN="+user, w)
		halfByHalf(t, c, w, want, func() {
			succeed(t, c.TrustClients(t.Context(), c.Authority, next))
			writePair(next)
			succeed(t, c.TrustClients(t.Context(), next))
			succeed(t, c.Roll(t.Context())) // which ends every connection
		})
		succeed(t, c.TrustClients(t.Context(), c.Authority))
	})
}

func succeed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// halfByHalf runs one pipeline on the first half of the input, calls between, and
// gives it the second half.
func halfByHalf(t *testing.T, c *kafka.Cluster, w *world, want books, between func()) {
	t.Helper()
	w.writeLogs(t)
	path := filepath.Join(w.dir, "logs", "trail.ndjson")
	logs, err := os.ReadFile(path)
	succeed(t, err)
	half := len(logs)/2 + bytes.IndexByte(logs[len(logs)/2:], '\n') + 1
	succeed(t, os.Truncate(path, int64(half)))

	p := w.background(t)
	w.waitForEvents(t, c, p, total(want.Events)/3)
	between()
	w.appendLines(t, string(logs[half:])) // not written anew: a collector would see it shorter
	w.waitForEvents(t, c, p, total(want.Events))
	if err := p.stop(); err != nil {
		t.Errorf("the pipeline ended with %v", err)
	}
	succeed(t, w.run(t.Context(), Options{Once: true})) // to the last roll-up
	checkUndisturbed(t, w, want)
	if t.Failed() {
		logSignals(t, c, w)
	}
}

// logSignals tells what correlate heard: heartbeats, and between them how many
// signals of which times.
func logSignals(t *testing.T, c *kafka.Cluster, w *world) {
	t.Helper()
	opts := broker.Options{Seeds: c.Plaintext(), Log: slog.New(slog.DiscardHandler)}
	topic := broker.Names{Prefix: w.config.Kafka.TopicPrefix}.Signals()
	ranges, err := opts.VisibleRanges(t.Context(), topic)
	succeed(t, err)
	var out strings.Builder
	n, least, most := 0, int64(math.MaxInt64), int64(0)
	err = opts.ReadRange(t.Context(), topic, ranges[topic], func(r *kgo.Record) {
		signal, beat, err := detections.ParseSignal(r.Value)
		switch {
		case err != nil:
			fmt.Fprintf(&out, "%d/%d: %v\n", r.Partition, r.Offset, err)
		case signal != nil:
			n, least, most = n+1, min(least, signal.Time), max(most, signal.Time)
		default:
			if n > 0 {
				fmt.Fprintf(&out, "%d: %d signals of %s to %s\n", r.Partition, n, time.UnixMilli(least).UTC().Format(time.TimeOnly), time.UnixMilli(most).UTC().Format(time.TimeOnly))
				n, least, most = 0, math.MaxInt64, 0
			}
			fmt.Fprintf(&out, "%d/%d at %s: %s idle=%v %s\n", r.Partition, r.Offset, r.Timestamp.Format(time.StampMilli), beat.Partition, beat.Idle, time.UnixMilli(beat.MaxTime).UTC().Format(time.TimeOnly))
		}
	})
	succeed(t, err)
	t.Logf("signals of %s:\n%s", topic, out.String())
}

// inBackground is a pipeline that runs until it is stopped.
type inBackground struct {
	drain context.CancelFunc
	done  chan struct{}
	err   error // once done
}

// background runs roles of the world's pipeline, or all, until stop or the end of the
// test.
func (w *world) background(t *testing.T, roles ...Role) *inBackground {
	t.Helper()
	rules, err := detections.Load(w.config.Rules.Dir, detections.LoadOptions{})
	succeed(t, err)
	var log bytes.Buffer
	o := Options{
		Config: w.config, Sources: w.sources(), Rules: rules, Terminal: io.Discard, Roles: roles,
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	drain, cancel := context.WithCancel(context.Background())
	p := &inBackground{drain: cancel, done: make(chan struct{})}
	go func() { // ends when drain is done
		defer close(p.done)
		p.err = Run(context.Background(), drain, o)
	}()
	t.Cleanup(func() {
		_ = p.stop() // the test has seen what it returns
		if t.Failed() {
			t.Logf("log of the pipeline:\n%s", log.String())
		}
	})
	return p
}

func (p *inBackground) stop() error {
	p.drain()
	<-p.done
	return p.err
}

// waitForRows waits until n events are in the lake.
func (w *world) waitForRows(t *testing.T, n int) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%d rows", n), func(context.Context) error {
		if _, err := os.Stat(filepath.Join(w.config.Lake.Dir, "events")); err != nil {
			return err // no file yet
		}
		if rows := total(w.rows(t, "events")); rows < n {
			return fmt.Errorf("only %d", rows)
		}
		return nil
	})
}

// waitForEvents waits until n events are there.
func (w *world) waitForEvents(t *testing.T, c *kafka.Cluster, p *inBackground, n int) {
	t.Helper()
	opts := broker.Options{Seeds: c.Plaintext(), Log: slog.New(slog.DiscardHandler)}
	topic := broker.Names{Prefix: w.config.Kafka.TopicPrefix}.Events()
	waitFor(t, fmt.Sprintf("%d events", n), func(ctx context.Context) error {
		select {
		case <-p.done:
			t.Fatalf("the pipeline has ended: %v", p.err)
		default:
		}
		ranges, err := opts.VisibleRanges(ctx, topic)
		if err != nil {
			return err
		}
		there := 0
		err = opts.ReadRange(ctx, topic, ranges[topic], func(*kgo.Record) { there++ })
		if there < n {
			err = errors.Join(err, fmt.Errorf("only %d", there))
		}
		return err
	})
}
