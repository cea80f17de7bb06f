// Package scan reads events back from a lake, and as little of it as the question
// allows: only the partitions of its time range and classes, only the row groups
// whose statistics and bloom filters leave a chance, only the columns that are
// looked at, and of those only the few that decide, unless a row passes.
package scan

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/weir-security/weir/schemas/ocsf"
	"github.com/weir-security/weir/sinks/lake"
)

// Query says which events are wanted.
type Query struct {
	Table lake.Table
	// From and To bound the events' time: [From, To). Zero is no bound.
	From, To time.Time
	// Classes are those that are wanted, and what of them; nil for everything.
	Classes map[ocsf.ClassUID]Columns
}

// Columns is what of a class is wanted.
type Columns struct {
	// Attributes are the paths that are looked at, as "actor.user.uid"; of an object or
	// a list all that is below. Nil for all. Events come without the others.
	Attributes []string
	// Conditions narrow down the events: one that misses an equality of each
	// condition is left out. Empty for all events.
	Conditions [][]Equality
}

// Equality demands one of some texts or numbers of an attribute outside of lists.
// As in rules, an absent attribute reads as "" and 0.
type Equality struct {
	Path    string
	Texts   []string
	Numbers []int64
}

// Stats counts what a query read, and what it could leave unread.
type Stats struct {
	Files     int64 // opened
	Groups    int64 // row groups of them
	GroupsNow int64 // row groups that something was read of
	Rows      int64 // in those
	Events    int64 // given
}

// Add adds the counts of another part of the query.
func (s *Stats) Add(o Stats) {
	s.Files += o.Files
	s.Groups += o.Groups
	s.GroupsNow += o.GroupsNow
	s.Rows += o.Rows
	s.Events += o.Events
}

// File is a file of the lake that may hold wanted events.
type File struct {
	Path  string
	Size  int64 // bytes
	class ocsf.ClassUID
}

// Files lists what has to be read, by day, class and name.
func (q *Query) Files(ctx context.Context, store lake.Store) ([]File, error) {
	var files []File
	days := map[string]string{}
	for info, err := range store.List(ctx, q.Table.String()+"/") {
		if err != nil {
			return nil, err
		}
		class, day, ok := parsePath(info.Path)
		if !ok || !q.wants(class, day) {
			continue
		}
		days[info.Path] = day
		files = append(files, File{Path: info.Path, Size: info.Size, class: class})
	}
	slices.SortFunc(files, func(a, b File) int {
		return cmp.Or(cmp.Compare(days[a.Path], days[b.Path]), cmp.Compare(a.Path, b.Path))
	})
	return files, nil
}

// parsePath reads the partition values of
// events/class=api_activity/day=2026-11-03/NAME.parquet.
func parsePath(path string) (class ocsf.ClassUID, day string, ok bool) {
	parts := strings.Split(path, "/")
	if len(parts) != 4 || !strings.HasSuffix(parts[3], ".parquet") {
		return 0, "", false
	}
	name, isClass := strings.CutPrefix(parts[1], "class=")
	day, isDay := strings.CutPrefix(parts[2], "day=")
	c := ocsf.ClassByName(name)
	if !isClass || !isDay || c == nil {
		return 0, "", false
	}
	return c.UID, day, true
}

// wants prunes by partition. A day that is no date holds times far from those of
// their arrival, and may have any.
func (q *Query) wants(class ocsf.ClassUID, day string) bool {
	if _, ok := q.Classes[class]; q.Classes != nil && !ok {
		return false
	}
	begin, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return true
	}
	end := begin.AddDate(0, 0, 1)
	return (q.To.IsZero() || begin.Before(q.To)) && (q.From.IsZero() || end.After(q.From))
}

// micros are the bounds as the column time has them: [from, to).
func (q *Query) micros() (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	if !q.From.IsZero() {
		from = q.From.UnixMicro()
	}
	if !q.To.IsZero() {
		to = q.To.UnixMicro()
	}
	return from, to
}

// Read gives the wanted events of a file, by time. The event is visit's until it
// returns. An error of visit ends the reading and is returned as it is.
func (q *Query) Read(ctx context.Context, store lake.Store, f File, visit func(*ocsf.Event) error) (Stats, error) {
	object, err := store.Open(ctx, f.Path)
	if err != nil {
		return Stats{}, fmt.Errorf("open %s: %w", f.Path, err)
	}
	defer object.Close()
	r, err := newReader(q, f, object)
	if err != nil {
		return Stats{}, fmt.Errorf("read %s: %w", f.Path, err)
	}
	if err := r.read(ctx, visit); err != nil {
		return r.stats, err
	}
	return r.stats, nil
}
