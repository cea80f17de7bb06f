package file

import (
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// register holds the cursor of each object: stored ones, and those of tails, which
// change with them.
type register struct {
	byObject map[string]*cursor
	families map[string]map[string]bool // objects by family
}

func newRegister() *register {
	return &register{byObject: map[string]*cursor{}, families: map[string]map[string]bool{}}
}

func (r *register) get(object string) *cursor { return r.byObject[object] }

func (r *register) set(object string, c *cursor) {
	r.byObject[object] = c
	name := family(object)
	if r.families[name] == nil {
		r.families[name] = map[string]bool{}
	}
	r.families[name][object] = true
}

func (r *register) remove(object string) {
	delete(r.byObject, object)
	delete(r.families[family(object)], object)
}

// objects lists all that has a cursor, in order.
func (r *register) objects() []string { return slices.Sorted(maps.Keys(r.byObject)) }

// relatives are the cursors of the other objects of the family, in order of their
// names, and those of the files that had the family's names before.
func (r *register) relatives(object string) []*cursor {
	var all []*cursor
	for _, o := range slices.Sorted(maps.Keys(r.families[family(object)])) {
		c := r.byObject[o]
		if o != object {
			all = append(all, c)
		}
		if c.Before != nil {
			all = append(all, c.Before)
		}
	}
	return all
}

// forgetAfter is how long the cursor of a file that is gone is kept, counted from
// the file's last change: the directory may be a mount that comes back.
const forgetAfter = 30 * 24 * time.Hour

func (c *cursor) forgotten(now time.Time) bool {
	if now.Sub(time.Unix(0, c.ModTime)) < forgetAfter {
		return false
	}
	_, err := os.Stat(c.Path)
	return os.IsNotExist(err)
}

// family is what a log and its rotated files have in common: the directory and the
// name up to the number or date that rotation adds, without extensions. access.log,
// access.log.1, access.log-20260312.gz and access-2026-03-12.log are one family. A name
// that begins with a digit is a family of its own: such files are not rotated.
func family(name string) string {
	dir, base := path.Split(name)
	stem := base
	if i := strings.IndexAny(stem, "0123456789"); i >= 0 {
		stem = stem[:i]
	}
	for _, ext := range []string{".gz", ".zst", ".log", ".json", ".ndjson", ".jsonl", ".txt"} {
		stem = strings.TrimSuffix(strings.TrimRight(stem, "-_."), ext)
	}
	if stem == "" {
		stem = base
	}
	return dir + stem
}
