package ingesttest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/weir-security/weir/ingest"
)

// Entry is a record or a dead letter with its place: what is equal in all of it, detect
// takes for a copy.
type Entry struct {
	Object   string
	Position int64
	Value    string
	Letter   string `json:",omitempty"` // the reason, if it is a dead letter
}

// line is one of a ledger: an entry or a cursor.
type line struct {
	*Entry
	Cursor *ingest.Cursor `json:",omitempty"`
}

// Append makes a batch durable: by one write, which a kill does not cut in two.
func Append(ledger string, b ingest.Batch) error {
	var lines []line
	for _, r := range b.Records {
		lines = append(lines, line{Entry: &Entry{r.Origin.Object, r.Origin.Position, string(r.Value), ""}})
	}
	for _, l := range b.DeadLetters {
		lines = append(lines, line{Entry: &Entry{l.Origin.Object, l.Origin.Position, string(l.Value), string(l.Reason)}})
	}
	for _, c := range b.Cursors {
		lines = append(lines, line{Cursor: &c})
	}
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	for _, l := range lines {
		if err := to.Encode(l); err != nil {
			return fmt.Errorf("encode ledger: %w", err)
		}
	}
	f, err := os.OpenFile(ledger, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	defer f.Close()
	_, err = f.Write(text.Bytes())
	return err
}

// Read counts the entries of a ledger.
func Read(t testing.TB, ledger string) map[Entry]int {
	t.Helper()
	entries := map[Entry]int{}
	err := each(ledger, func(l line) {
		if l.Entry != nil {
			entries[*l.Entry]++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// Cursors are those of a ledger: of each key the last.
func Cursors(ledger string) (map[string][]byte, error) {
	cursors := map[string][]byte{}
	err := each(ledger, func(l line) {
		switch c := l.Cursor; {
		case c == nil:
		case c.Value == nil:
			delete(cursors, c.Key)
		default:
			cursors[c.Key] = c.Value
		}
	})
	return cursors, err
}

// each visits the whole lines of a ledger; the last may be being written just now.
func each(ledger string, visit func(line)) error {
	f, err := os.Open(ledger)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	defer f.Close()
	for in := bufio.NewReader(f); ; {
		text, err := in.ReadBytes('\n')
		if err != nil {
			return nil // the end
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return fmt.Errorf("read ledger: %w", err)
		}
		visit(l)
	}
}
