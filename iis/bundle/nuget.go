package bundle

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// isNuget reports whether a zip is a NuGet package: it has a .nuspec beside the parts list of the Open Packaging Conventions.
func isNuget(entries []entry) bool {
	spec, types := false, false
	for _, e := range entries {
		spec = spec || isNuspec(e.path())
		types = types || strings.EqualFold(e.path(), "[Content_Types].xml")
	}
	return spec && types
}

func isNuspec(path string) bool {
	return !strings.Contains(path, "/") && strings.HasSuffix(strings.ToLower(path), ".nuspec")
}

// nuget takes the site out of a NuGet package as Octopus and NuGet pack one: names are percent-encoded, and what describes the
// package itself is left out. Where all that remains is below content/, that folder is the site.
func nuget(entries []entry, name string) (packed, error) {
	var p packed
	specs := 0
	for _, e := range entries {
		if plain, err := url.PathUnescape(e.name); err == nil {
			e.name = plain
		}
		path := e.path()
		if isNuspec(path) {
			specs++
			version, err := nuspecVersion(e)
			if err != nil {
				return packed{}, refused(name, "its %s cannot be read: %v", quoted(path), err)
			}
			p.version = version
		}
		if !describes(path) {
			p.entries = append(p.entries, e)
		}
	}
	if specs != 1 {
		return packed{}, refused(name, "it has %d .nuspec files, a NuGet package has one", specs)
	}
	p.entries = below("content/", p.entries)
	return p, nil
}

// describes reports whether a path of a NuGet package is about the package and not of the site.
func describes(path string) bool {
	low := strings.ToLower(path)
	return isNuspec(path) || low == "[content_types].xml" || low == ".signature.p7s" || low == "_rels" || strings.HasPrefix(low, "_rels/") ||
		strings.HasPrefix(low, "package/services/metadata/")
}

// below takes a folder for the root, where every entry is in it.
func below(folder string, entries []entry) []entry {
	inner := make([]entry, 0, len(entries))
	for _, e := range entries {
		path := e.path()
		if len(path) < len(folder) || !strings.EqualFold(path[:len(folder)], folder) {
			return entries
		}
		if e.name = path[len(folder):]; e.name != "" {
			inner = append(inner, e)
		}
	}
	return inner
}

// nuspecVersion is the version in a .nuspec; empty where it names none.
func nuspecVersion(e entry) (string, error) {
	var spec struct {
		Metadata struct {
			Version string `xml:"version"`
		} `xml:"metadata"`
	}
	if err := decode(e, &spec); err != nil {
		return "", err
	}
	return strings.TrimSpace(spec.Metadata.Version), nil
}

// mostMetadata bounds a file about a package.
const mostMetadata = 4 << 20

// decode reads an XML file about the package.
func decode(e entry, to any) error {
	if e.flaw != "" {
		return fmt.Errorf("it %s", e.flaw)
	}
	content, err := e.open()
	if err != nil {
		return err
	}
	defer content.Close()
	text, err := io.ReadAll(io.LimitReader(content, mostMetadata+1))
	if err != nil {
		return err
	}
	if len(text) > mostMetadata {
		return fmt.Errorf("it is larger than %d bytes", mostMetadata)
	}
	return xml.Unmarshal(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), to)
}
