package sources_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/weir-security/weir/internal/corpus"
	"github.com/weir-security/weir/internal/rawlog"
	"github.com/weir-security/weir/internal/sources"
	"github.com/weir-security/weir/normalize"
	"github.com/weir-security/weir/normalize/redact"
	"github.com/weir-security/weir/schemas/event"
	"github.com/weir-security/weir/schemas/jsondoc"
	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/schemas/ocsf/facts"
)

// set is records of which the outcome is counted.
type set struct {
	name    string
	records [][]byte
	source  string // what the records are, if it is certain
}

// goldenSets are the records of the mappers' fixtures, by directory.
func goldenSets(t *testing.T) []set {
	t.Helper()
	bySet := map[string][][]byte{}
	err := filepath.WalkDir("../../normalize", func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".txtar" {
			return err
		}
		archive, err := txtar.ParseFile(path)
		if err != nil || len(archive.Files) < 2 || archive.Files[1].Name != "event.json" {
			return err // refused ones say so themselves
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		bySet[dir+" "+providerOf(archive.Files[1].Data)] = append(bySet[dir+" "+providerOf(archive.Files[1].Data)], bytes.TrimSuffix(archive.Files[0].Data, []byte("\n")))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var sets []set
	for _, name := range slices.Sorted(maps.Keys(bySet)) {
		_, source, _ := strings.Cut(name, " ")
		sets = append(sets, set{strings.TrimPrefix(name, "../../normalize/"), bySet[name], source})
	}
	return sets
}

// providerOf is metadata.log_provider of an event.
func providerOf(ev []byte) string {
	doc := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
	if doc.Parse(ev) != nil {
		return ""
	}
	s, _ := doc.Root().Path("metadata", "log_provider").Str()
	return s
}

// corpusSets are the files of the corpus of real logs, if it lies beside the project.
func corpusSets(t *testing.T) []set {
	t.Helper()
	root, ok := corpus.Find(t, "raw")
	if !ok {
		t.Log("no corpus of real logs beside the checkout: the fixtures alone are tested")
		return nil
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "*.ndjson"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files below %s: %v", root, err)
	}
	certain := map[string]string{"cloudtrail": normalize.AWSCloudTrail, "k8s_audit": normalize.KubernetesAudit}
	var sets []set
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kind := filepath.Base(filepath.Dir(file))
		s := set{name: kind + "/" + filepath.Base(file), source: certain[kind]}
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, 32<<20)
		for lines.Scan() {
			if len(lines.Bytes()) > 0 {
				s.records = append(s.records, bytes.Clone(lines.Bytes()))
			}
		}
		sets = append(sets, s)
	}
	return sets
}

// Every fixture and every record of the corpus goes the way of a live one: told by
// its shape, redacted, mapped. Its source is its own, its event is valid OCSF, and
// what the redacted record holds is in the event. What is printed is by set: the
// events by source and dialect, the rejects by reason.
func TestEveryRecord(t *testing.T) {
	policy, err := redact.New(redact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	table := sources.Builtin()
	mappers := rawlog.NewMappers(table, policy)
	detector := sources.NewDetector(table)
	total := map[string]int{}
	for _, s := range append(goldenSets(t), corpusSets(t)...) {
		outcomes := map[string]int{}
		for i, record := range s.records {
			outcome := one(t, mappers, detector, &s, i, record)
			outcomes[outcome]++
			total[outcome]++
		}
		var parts []string
		for _, o := range slices.Sorted(maps.Keys(outcomes)) {
			parts = append(parts, fmt.Sprintf("%s %d", o, outcomes[o]))
		}
		t.Logf("%s: %s", s.name, strings.Join(parts, ", "))
	}
	for _, o := range slices.Sorted(maps.Keys(total)) {
		t.Logf("in all: %s %d", o, total[o])
	}
}

// one is what became of a record.
func one(t *testing.T, mappers *rawlog.Mappers, detector *sources.Detector, s *set, i int, record []byte) string {
	t.Helper()
	source, dialect := detector.Detect(record)
	if source == "" {
		return "nobody's"
	}
	var ev ocsf.Event
	rec := event.Record{Source: source, Value: record, Origin: event.Origin{Object: "file:/var/log/test", Position: 1}}
	if err := mappers.Map(&rec, &ev); err != nil {
		var refused *normalize.Error
		if !errors.As(err, &refused) || refused.Reason == event.ReasonPanic {
			t.Errorf("%s: record %d: %v", s.name, i, err)
			return "panic"
		}
		return source + " rejected: " + string(refused.Reason)
	}
	text := ev.AppendJSON(nil)
	for _, v := range facts.Validate(text) {
		t.Errorf("%s: record %d of %s (%s) is invalid: %s: %s", s.name, i, source, dialect, v.Path, v.Message)
	}
	if provider := ev.Metadata.LogProvider(); s.source != "" && provider != s.source && !ambiguous[[2]string{s.source, dialect}] {
		t.Errorf("%s: record %d is taken for one of %s (%s)", s.name, i, source, dialect)
	}
	ev.ClearRawData()
	if lost := lostLeaves(rec.Value, ev.AppendJSON(nil)); len(lost) > 0 {
		t.Errorf("%s: record %d of %s (%s) loses %q", s.name, i, source, dialect, lost)
	}
	return source + " (" + dialect + ")"
}

// ambiguous are shapes that several sources write: which one it was, nothing tells.
var ambiguous = map[[2]string]bool{
	{normalize.GatewayApache, "combined"}: true, {normalize.GatewayApache, "common"}: true, {normalize.GatewayApache, "vhost_combined"}: true,
}

// lostLeaves are the texts of a JSON record's scalars of which an event has no trace.
// It asks for less than the tests of the mappers, which know what each source turns
// into what: a text is there when its words are, which a mapper may have put into
// several attributes; times and words like true may have been converted.
func lostLeaves(record, ev []byte) (lost []string) {
	var doc jsondoc.Doc
	if doc.Parse(record) != nil {
		return nil // a line: its mapper's test says what it keeps
	}
	held := jsondoc.Doc{Wrapped: jsondoc.MaxWrapped}
	if held.Parse(ev) != nil {
		return []string{"everything"}
	}
	event := strings.ToLower(held.Root().Raw()) // the names too: a text may have become an object
	var texts strings.Builder
	walk(held.Root(), func(text string) { texts.WriteString("\n" + strings.ToLower(text)) })
	event += texts.String()
	walk(doc.Root(), func(text string) {
		if !holds(event, text) {
			lost = append(lost, text)
		}
	})
	return lost
}

// holds tells whether the words of a text are in an event, or what it was converted to.
func holds(event, text string) bool {
	if _, ok := normalize.ParseTime(text); ok {
		return true
	}
	if _, ok := normalize.ParseBool(text); ok {
		return true
	}
	var doc jsondoc.Doc
	if strings.ContainsAny(text, "{[") && doc.ParseString(text) == nil && doc.Root().Kind() > jsondoc.String {
		there := true
		walk(doc.Root(), func(leaf string) { there = there && holds(event, leaf) })
		return there
	}
	if data, err := base64.StdEncoding.DecodeString(text); err == nil && json.Valid(data) {
		return true // of Pub/Sub: the mapper's tests look into it
	}
	if plain, err := url.QueryUnescape(text); err == nil && plain != text && holds(event, plain) {
		return true
	}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		isWord := len(word) > 3 && strings.ContainsAny(word, "abcdefghijklmnopqrstuvwxyz")
		if isWord && !strings.Contains(event, word) && (synonyms[word] == "" || !strings.Contains(event, synonyms[word])) {
			return false
		}
	}
	return true
}

// synonyms are words for which OCSF has another.
var synonyms = map[string]string{"egress": "outbound", "ingress": "inbound", "accept": "allowed", "reject": "denied"}

func walk(v jsondoc.Value, leaf func(string)) {
	for _, m := range v.Members {
		walk(m, leaf)
	}
	for e := range v.Elements {
		walk(e, leaf)
	}
	if text := v.Text(); text != "" {
		leaf(text)
	}
}
