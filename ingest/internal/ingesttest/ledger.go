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

// Append makes a batch durable: by one write, which a kill does not cut in two.
func Append(ledger string, b ingest.Batch) error {
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	to.SetEscapeHTML(false)
	for _, r := range b.Records {
		if err := to.Encode(Entry{r.Origin.Object, r.Origin.Position, string(r.Value), ""}); err != nil {
			return err
		}
	}
	for _, l := range b.DeadLetters {
		if err := to.Encode(Entry{l.Origin.Object, l.Origin.Position, string(l.Value), string(l.Reason)}); err != nil {
			return err
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
	f, err := os.Open(ledger)
	if errors.Is(err, fs.ErrNotExist) {
		return entries
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil { // the end, or what is being written just now
			return entries
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("ledger: %v", err)
		}
		entries[e]++
	}
}
