package bundle

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// manifestName is written into every slot by the host agent; a package must not bring its own.
const manifestName = ".canary.json"

// reserved are names that Windows takes for devices, with any extension (Microsoft, "Naming Files, Paths, and Namespaces").
var reserved = regexp.MustCompile(`(?i)^(CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|COM[0-9¹²³]|LPT[0-9¹²³]) *(\..*)?$`)

const (
	// longestPath leaves room for the root and the slot within the 260 characters of MAX_PATH.
	longestPath = 200
	// ratioFrom is the size from which the ratio counts: small files may be all zeros.
	ratioFrom = 1 << 20
	// mostReasons bounds what is kept of a package in which everything is wrong.
	mostReasons = 100
	// mostQuoted is how many characters of a name a reason shows.
	mostQuoted = 210
)

// objections are the reasons to refuse a package.
type objections struct {
	first []string
	more  int
}

func (o *objections) add(format string, args ...any) {
	if len(o.first) == mostReasons {
		o.more++
		return
	}
	o.first = append(o.first, fmt.Sprintf(format, args...))
}

func (o *objections) any() bool { return len(o.first) > 0 }

func (o *objections) refusal(name string) *RefusedError {
	return &RefusedError{Package: name, Reasons: o.first, More: o.more}
}

// quoted is a name as a reason shows it.
func quoted(name string) string {
	if utf8.RuneCountInString(name) > mostQuoted {
		name = string([]rune(name)[:mostQuoted]) + "…"
	}
	return fmt.Sprintf("%q", name)
}

// names is what stands where in a folder of Windows, which does not tell cases apart.
type names struct {
	files, folders map[string]string // by folded path: the name in the package that puts it there
}

// fold is what two names have in common that may be the same to Windows.
func fold(path string) string { return strings.ToLower(strings.ToUpper(path)) }

// full reports whether there are more files and folders than a package may have, those counted that only the paths of others name.
func (n names) full() bool { return len(n.files)+len(n.folders) > MostFiles }

// add notes a path and the folders around it; the other name where one stands there already.
func (n names) add(path string, e entry) (other string, twice bool) {
	low := fold(path)
	for around := low; ; {
		at := strings.LastIndexByte(around, '/')
		if at < 0 {
			break
		}
		around = around[:at]
		if _, known := n.folders[around]; known {
			break
		}
		n.folders[around] = e.name
	}
	if e.folder {
		n.folders[low] = e.name
		return "", false
	}
	if other, twice = n.files[low]; !twice {
		n.files[low] = e.name
	}
	return other, twice
}

// check returns the files by canonical path, and every reason to refuse the package.
func check(entries []entry, packed int64) (map[string]entry, *objections) {
	against := &objections{}
	files := make(map[string]entry, len(entries))
	taken := names{make(map[string]string, len(entries)), map[string]string{}}
	var total int64
	for _, e := range entries {
		if taken.full() {
			break
		}
		path := strings.TrimSuffix(e.path(), "/")
		if !e.folder {
			path = e.path()
		}
		if why := unfit(path, e); why != "" {
			against.add("%s %s", quoted(e.name), why)
			continue
		}
		if other, twice := taken.add(path, e); twice {
			against.add("%s and %s are the same file on Windows", quoted(other), quoted(e.name))
			continue
		}
		if e.folder {
			continue
		}
		files[path] = e
		total = min(total+min(e.size, MostBytes+1), 2*MostBytes)
	}
	for path := range files {
		if inside, both := taken.folders[fold(path)]; both {
			against.add("%s is a file, and a folder in %s", quoted(path), quoted(inside))
		}
	}
	taken.shorts(against)
	if taken.full() {
		against.add("it holds more than %d files and folders", MostFiles)
	}
	sizes(against, len(files), total, packed)
	return files, against
}

func sizes(against *objections, files int, total, packed int64) {
	if files == 0 && !against.any() {
		against.add("it holds no files")
	}
	if total > MostBytes {
		against.add("it holds more than %d bytes", int64(MostBytes))
	}
	if packed > 0 && total > ratioFrom && total/MostRatio > packed {
		against.add("it inflates to more than %d times its size", MostRatio)
	}
}

// first is the file or folder at the top that a path leads to or through.
func first(path string) string {
	top, _, _ := strings.Cut(path, "/")
	return top
}

// unfit says why an entry cannot be stored in a folder of its own on Windows, or nothing.
func unfit(path string, e entry) string {
	switch {
	case e.flaw != "":
		return e.flaw
	case e.size < 0:
		return "has a size below zero"
	case !utf8.ValidString(path):
		return "has a name that is not UTF-8"
	case path == "" || strings.HasPrefix(path, "/"):
		return "has an absolute path"
	case len(path) > 1 && path[1] == ':':
		return "has a path with a drive"
	case len(utf16.Encode([]rune(path))) > longestPath:
		return fmt.Sprintf("has a path longer than %d characters", longestPath)
	case strings.EqualFold(first(path), manifestName):
		return "has the name of the file that records what a slot holds"
	case e.packed > 0 && e.size > ratioFrom && e.size/MostRatio > e.packed:
		return fmt.Sprintf("inflates to more than %d times its packed size", MostRatio)
	}
	for part := range strings.SplitSeq(path, "/") {
		if why := unfitPart(part); why != "" {
			return why
		}
	}
	return ""
}

func unfitPart(part string) string {
	switch {
	case part == "..":
		return "leads out of its folder"
	case part == "" || part == ".":
		return "has an empty part in its path"
	case reserved.MatchString(part):
		return "has a name that Windows takes for a device"
	case strings.ContainsAny(part, `<>:"|?*`) || strings.ContainsFunc(part, func(r rune) bool { return r < 32 }):
		return "has a character in its name that Windows does not allow"
	case strings.HasSuffix(part, ".") || strings.HasSuffix(part, " "):
		return "has a name that ends in a dot or a blank"
	}
	return ""
}
