package bundle

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// manifestName is written into every slot by the host agent; a package must not bring its own.
const manifestName = ".canary.json"

// reserved are names that Windows takes for devices, with any extension.
var reserved = regexp.MustCompile(`(?i)^(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[0-9¹²³]|LPT[0-9¹²³])(\..*)?$`)

const (
	// longestPath leaves room for the root and the slot within the 260 characters of MAX_PATH.
	longestPath = 200
	// ratioFrom is the size from which the ratio counts: small files may be all zeros.
	ratioFrom = 1 << 20
)

// check returns the files by canonical path, and every reason to refuse the package.
func check(entries []entry) (map[string]entry, []string) {
	files := make(map[string]entry, len(entries))
	folded := make(map[string]string, len(entries))
	folders := map[string]string{}
	var reasons []string
	var total int64
	for _, e := range entries {
		path := strings.ReplaceAll(e.name, `\`, "/")
		if why := unfit(path, e); why != "" {
			reasons = append(reasons, fmt.Sprintf("%q %s", e.name, why))
			continue
		}
		if other, twice := folded[strings.ToLower(path)]; twice {
			reasons = append(reasons, fmt.Sprintf("%q and %q are the same file on Windows", other, e.name))
			continue
		}
		folded[strings.ToLower(path)] = e.name
		for at, c := range path {
			if c == '/' {
				folders[strings.ToLower(path[:at])] = e.name
			}
		}
		files[path] = e
		if e.size > MostBytes-total {
			total = MostBytes + 1
			continue
		}
		total += e.size
	}
	for path := range files {
		if inside, both := folders[strings.ToLower(path)]; both {
			reasons = append(reasons, fmt.Sprintf("%q is a file, and a folder in %q", path, inside))
		}
	}
	return files, append(reasons, sizes(len(entries), total)...)
}

func sizes(count int, total int64) []string {
	var reasons []string
	if count == 0 {
		reasons = append(reasons, "it holds no files")
	}
	if count > MostFiles {
		reasons = append(reasons, fmt.Sprintf("it holds %d files, more than %d", count, MostFiles))
	}
	if total > MostBytes {
		reasons = append(reasons, fmt.Sprintf("it holds more than %d bytes", int64(MostBytes)))
	}
	return reasons
}

// unfit says why an entry cannot be stored in a folder of its own on Windows, or nothing.
func unfit(path string, e entry) string {
	switch {
	case e.link:
		return "is no regular file"
	case e.size < 0:
		return "has a size below zero"
	case !utf8.ValidString(path):
		return "has a name that is not UTF-8"
	case path == "" || strings.HasPrefix(path, "/"):
		return "has an absolute path"
	case len(path) > 1 && path[1] == ':':
		return "has a path with a drive"
	case utf8.RuneCountInString(path) > longestPath:
		return fmt.Sprintf("has a path longer than %d characters", longestPath)
	case strings.EqualFold(path, manifestName):
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
