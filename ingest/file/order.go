package file

import (
	"cmp"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Files are read in the order in which their events happened, as far as their
// names tell: a tree of CloudTrail logs holds a day once for each account and
// region, and rotated logs are older than the one that is written. Rules that
// count would otherwise see yesterday's events after today's.

// nameTime finds the time in the names that CloudTrail
// (..._20261118T0910Z_...), the rotation of Kubernetes audit logs
// (audit-2026-11-18T09-10-00.000.log) and others give.
var nameTime = regexp.MustCompile(`(\d{4})-?(\d{2})-?(\d{2})[T_-](\d{2})[:-]?(\d{2})`)

// blobTime finds it in the folders of Azure's diagnostic settings.
var blobTime = regexp.MustCompile(`/y=(\d{4})/m=(\d{2})/d=(\d{2})/h=(\d{2})/m=(\d{2})/`)

// rotated is the number at the end of a rotated log: access.log.2.gz.
var rotated = regexp.MustCompile(`\.(\d{1,6})(\.(gz|zst|zstd))?$`)

// age is where a file stands in the order of reading.
type age struct {
	time     string // YYYYMMDDhhmm; empty if the name has none: then it is the newest
	stem     string // the path without the number of a rotation
	rotation int    // the higher the older; 0 is the file that is written
}

func ageOf(path string) age {
	path = filepath.ToSlash(path)
	base := path[strings.LastIndexByte(path, '/')+1:]
	if m := nameTime.FindStringSubmatch(base); m != nil {
		return age{time: strings.Join(m[1:], ""), stem: path}
	}
	if m := blobTime.FindStringSubmatch(path); m != nil {
		return age{time: strings.Join(m[1:], ""), stem: path}
	}
	if m := rotated.FindStringSubmatch(base); m != nil {
		n, _ := strconv.Atoi(m[1]) // at most six digits
		return age{stem: strings.TrimSuffix(path, m[0]), rotation: n}
	}
	return age{stem: path}
}

// byAge compares files by age, then by path.
func byAge(a, b found) int {
	x, y := ageOf(a.path), ageOf(b.path)
	switch {
	case x.time == "" && y.time != "":
		return 1
	case x.time != "" && y.time == "":
		return -1
	}
	return cmp.Or(
		cmp.Compare(x.time, y.time),
		cmp.Compare(x.stem, y.stem),
		cmp.Compare(y.rotation, x.rotation),
		cmp.Compare(a.path, b.path),
	)
}
