package file

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// found is a file that the configured path leads to.
type found struct {
	path    string // absolute
	object  string
	info    os.FileInfo // of the file, not of a symbolic link to it
	linked  bool        // path is a symbolic link
	problem error       // why it, or the directory, cannot be read; info is nil
}

// place is where the configured path leads.
type place struct {
	path string // absolute
	root string // the directory that object names are relative to
	glob bool
}

// newPlace decides whether a path is a file, a tree or a pattern. What exists is
// taken literally, brackets in its name and all.
func newPlace(name string) (place, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return place{}, err
	}
	p := place{path: abs, root: abs}
	info, err := os.Stat(abs)
	switch {
	case err == nil && info.IsDir():
	case err != nil && strings.ContainsAny(abs, "*?["):
		if _, err := filepath.Match(abs, ""); err != nil {
			return place{}, err
		}
		p.glob = true
		for strings.ContainsAny(p.root, "*?[") {
			p.root = filepath.Dir(p.root)
		}
	default:
		p.root = filepath.Dir(abs)
	}
	return p, nil
}

// object is the name of a file in origins and cursors: with an origin the path below
// the root, which stays when the files move to another machine.
func (p place) object(origin, path string) string {
	if origin == "" {
		return "file:" + filepath.ToSlash(path)
	}
	rel, err := filepath.Rel(p.root, path)
	if err != nil {
		rel = filepath.Base(path)
	}
	return strings.TrimSuffix(origin, "/") + "/" + filepath.ToSlash(rel)
}

// find lists the files, the oldest first as far as their names tell, and the directories they are in.
// In trees, names that begin with a dot are left out: programs that copy files give
// such names to what is not complete. A file that is there under several names,
// by links, is listed once, under the name that is no link if there is one.
func (p *place) find(origin string) (files []found, dirs []string) {
	roots := []string{p.path}
	if p.glob {
		roots, _ = filepath.Glob(p.path) // newPlace has checked the pattern
		dirs = append(dirs, p.root)
	}
	for _, root := range roots {
		info, err := os.Stat(root)
		switch {
		case os.IsNotExist(err):
		case err == nil && info.IsDir():
			if !p.glob {
				p.root = root // it may not have been there before
			}
			files, dirs = walk(root, files, dirs)
		default:
			files = append(files, look(root))
			dirs = append(dirs, filepath.Dir(root))
		}
	}
	slices.SortStableFunc(files, byAge)
	for i := range files {
		files[i].object = p.object(origin, files[i].path)
	}
	slices.Sort(dirs)
	return unique(files), slices.Compact(dirs)
}

// walk lists a tree. Symbolic links to files are followed, those to directories only
// at its root.
func walk(root string, files []found, dirs []string) ([]found, []string) {
	if target, err := filepath.EvalSymlinks(root); err == nil && target != root {
		root += string(filepath.Separator) // WalkDir does not follow the root itself
	}
	filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		path = filepath.Clean(path)
		hidden := strings.HasPrefix(filepath.Base(path), ".") && path != filepath.Clean(root)
		switch {
		case err != nil && !os.IsNotExist(err):
			files = append(files, found{path: path, problem: err})
			return nil
		case err != nil:
			return nil
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir():
			dirs = append(dirs, path)
		case !hidden:
			if f := look(path); f.problem != nil || f.info.Mode().IsRegular() {
				files = append(files, f)
			}
		}
		return nil
	})
	return files, dirs
}

// look examines a file. One that has vanished since has no problem and no info.
func look(path string) found {
	f := found{path: path}
	link, err := os.Lstat(path)
	if err == nil {
		f.linked = link.Mode()&fs.ModeSymlink != 0
		f.info, err = os.Stat(path)
	}
	if err != nil {
		f.problem = err
	}
	return f
}

// unique drops what has vanished while it was listed, links to directories, and
// further names of a file.
func unique(files []found) []found {
	best := map[string]found{}
	for _, f := range files {
		if f.info == nil {
			continue
		}
		id := identity(f.info)
		if first, ok := best[id]; !ok || first.linked && !f.linked {
			best[id] = f
		}
	}
	return slices.DeleteFunc(files, func(f found) bool {
		if f.info == nil {
			return os.IsNotExist(f.problem)
		}
		id := identity(f.info)
		return f.info.IsDir() || id != "" && best[id].path != f.path
	})
}
