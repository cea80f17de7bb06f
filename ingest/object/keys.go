package object

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Filter chooses objects by their keys.
type Filter struct {
	// Include and Exclude are patterns for whole keys: * is any text, / included, and
	// ? any one character. An empty Include takes all; Exclude wins.
	Include, Exclude []string
	// From and To bound the dates in keys: [From, To). Zero is no bound. Keys without a
	// date pass.
	From, To time.Time
}

// Takes reports whether an object is wanted.
func (f *Filter) Takes(key string) bool {
	if len(f.Include) > 0 && !matchAny(f.Include, key) || matchAny(f.Exclude, key) {
		return false
	}
	if f.From.IsZero() && f.To.IsZero() {
		return true
	}
	d, dated := DateOf(key)
	return !dated || d.End.After(f.From) && (f.To.IsZero() || d.Begin.Before(f.To))
}

func matchAny(patterns []string, key string) bool {
	for _, p := range patterns {
		if match(p, key) {
			return true
		}
	}
	return false
}

// match goes back to the last * only: that is enough, and keeps it linear times the
// pattern's length.
func match(pattern, s string) bool {
	p, i, star, from := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// Date is the day or hour that the folders of a key name.
type Date struct {
	Begin, End time.Time
	// Root is the part of the key before the date.
	Root string
	// forms are what stands before year, month and day: "", "y=", "year=".
	forms [3]string
}

var dateForm = regexp.MustCompile(`(?:^|/)(y=|year=|)((?:19|20)\d\d)/(m=|month=|)(\d\d)/(d=|day=|)(\d\d)/(?:(?:h=|hour=|)(\d\d)/)?`)

// DateOf finds a date in the folders of a key: 2026/11/22/, y=2026/m=11/d=22/h=06/,
// year=2026/month=11/day=22/. The last one counts.
func DateOf(key string) (Date, bool) {
	all := dateForm.FindAllStringSubmatchIndex(key, -1)
	if all == nil {
		return Date{}, false
	}
	m := all[len(all)-1]
	group := func(i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return key[m[2*i]:m[2*i+1]]
	}
	number := func(i int) int { n, _ := strconv.Atoi(group(i)); return n }
	begin := time.Date(number(2), time.Month(number(4)), number(6), number(7), 0, 0, 0, time.UTC)
	if int(begin.Month()) != number(4) || begin.Day() != number(6) || begin.Hour() != number(7) {
		return Date{}, false // there is no such day or hour
	}
	d := Date{Begin: begin, End: begin.AddDate(0, 0, 1), Root: key[:m[2]], forms: [3]string{group(1), group(3), group(5)}}
	if group(7) != "" {
		d.End = begin.Add(time.Hour)
	}
	return d, true
}

// DayFolder is the folder of t's day beside that of d, without the final slash: every
// key below it, and of later days, is greater.
func (d *Date) DayFolder(t time.Time) string {
	t = t.UTC()
	return fmt.Sprintf("%s%s%04d/%s%02d/%s%02d", d.Root, d.forms[0], t.Year(), d.forms[1], int(t.Month()), d.forms[2], t.Day())
}
