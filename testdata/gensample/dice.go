package main

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// dice is a named stream of chance. Streams are independent, so that a change
// to one part of the sample leaves the others as they were.
type dice struct{ *rand.Rand }

func newDice(name string) dice {
	return dice{rand.New(rand.NewChaCha8(sha256.Sum256([]byte("weir sample " + name))))}
}

func pick[T any](d dice, from []T) T { return from[d.IntN(len(from))] }

// chance is true in percent of 100 cases.
func (d dice) chance(percent int) bool { return d.IntN(100) < percent }

// between is a moment in [from, to), to the millisecond.
func (d dice) between(from, to time.Time) time.Time {
	return from.Add(time.Duration(d.Int64N(to.Sub(from).Milliseconds())) * time.Millisecond)
}

// every is a moment about each step in [from, to), with jitter of half a step.
func (d dice) every(step time.Duration, from, to time.Time) []time.Time {
	var out []time.Time
	for t := from.Add(time.Duration(d.Int64N(int64(step)))); t.Before(to); t = t.Add(step/2 + time.Duration(d.Int64N(int64(step)))) {
		out = append(out, t.Truncate(time.Microsecond))
	}
	return out
}

// text is n characters of an alphabet.
func (d dice) text(alphabet string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[d.IntN(len(alphabet))])
	}
	return b.String()
}

const (
	hexDigits   = "0123456789abcdef"
	upperDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	lowerDigits = "bcdfghjklmnpqrstvwxz2456789" // of names that Kubernetes generates
	mixedDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

func (d dice) hex(n int) string { return d.text(hexDigits, n) }

func (d dice) uuid() string {
	return fmt.Sprintf("%s-%s-4%s-%s%s-%s", d.hex(8), d.hex(4), d.hex(3), d.text("89ab", 1), d.hex(3), d.hex(12))
}

// awsID is an AWS identifier such as an access key's. Its end marks it as an
// example for people and for scanners of leaked keys.
func (d dice) awsID(prefix string) string { return prefix + d.text(upperDigits, 9) + "EXAMPLE" }
