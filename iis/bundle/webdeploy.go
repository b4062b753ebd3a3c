package bundle

import (
	"cmp"
	"encoding/xml"
	"slices"
	"strings"
)

// isWebDeploy reports whether a zip was made by Web Deploy (msdeploy): its manifest is beside a folder Content.
func isWebDeploy(entries []entry) bool {
	manifest, content := false, false
	for _, e := range entries {
		low := strings.ToLower(e.path())
		manifest = manifest || low == "archive.xml"
		content = content || strings.HasPrefix(low, "content/")
	}
	return manifest && content
}

// webDeploy takes the site out of a Web Deploy package. The manifest names the folder that was packed, on the machine that
// built it: "C:\build\PackageTmp" is at Content/C_C/build/PackageTmp. Where the manifest cannot tell, the site is the folder
// with the uppermost web.config. Parameters are filled in by msdeploy only, so a package that declares any is refused.
func webDeploy(entries []entry, name string) (packed, error) {
	var roots []string
	var rest []entry
	for _, e := range entries {
		switch strings.ToLower(e.path()) {
		case "archive.xml":
			var tree element
			if err := decode(e, &tree); err != nil {
				return packed{}, refused(name, "its archive.xml cannot be read: %v", err)
			}
			roots = tree.folders()
		case "parameters.xml":
			if against, err := parameters(e); err != nil {
				return packed{}, refused(name, "its parameters.xml cannot be read: %v", err)
			} else if against.any() {
				return packed{}, against.refusal(name)
			}
		case "systeminfo.xml":
		default:
			rest = append(rest, e)
		}
	}
	root := contentRoot(roots, rest)
	if root == "" {
		return packed{}, refused(name, "it is a Web Deploy package in which no folder holds the site: neither does archive.xml name one, nor is there a web.config")
	}
	site := inside(root, rest)
	if stray := outside(root, rest); stray != "" {
		return packed{}, refused(name, "it is a Web Deploy package with more than a site: %s is not below %s", quoted(stray), quoted(root))
	}
	return packed{entries: site}, nil
}

// element is any element of archive.xml.
type element struct {
	XMLName xml.Name
	Path    string    `xml:"path,attr"`
	Inner   []element `xml:",any"`
}

// folders are the paths that the manifest names, outermost first, as folders of the zip.
func (e element) folders() []string {
	var all []string
	if drive, rest, is := strings.Cut(e.Path, `:\`); is && len(drive) == 1 {
		all = append(all, "Content/"+drive+"_C/"+strings.ReplaceAll(strings.Trim(rest, `\`), `\`, "/")+"/")
	}
	for _, inner := range e.Inner {
		all = append(all, inner.folders()...)
	}
	return all
}

// contentRoot is the folder of the site: one of the candidates that has files in it, or the one with the uppermost web.config.
func contentRoot(candidates []string, entries []entry) string {
	for _, root := range candidates {
		if len(inside(root, entries)) > 0 {
			return root
		}
	}
	var found []string
	for _, e := range entries {
		path := e.path()
		if at := len(path) - len("web.config"); at > 0 && path[at-1] == '/' && strings.EqualFold(path[at:], "web.config") {
			found = append(found, path[:at])
		}
	}
	if len(found) == 0 {
		return ""
	}
	return slices.MinFunc(found, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), cmp.Compare(a, b))
	})
}

// inside is what is below a folder, with the folder as its root.
func inside(root string, entries []entry) []entry {
	var site []entry
	for _, e := range entries {
		path := e.path()
		if len(path) > len(root) && strings.EqualFold(path[:len(root)], root) {
			e.name = path[len(root):]
			site = append(site, e)
		}
	}
	return site
}

// outside is a file that is not below the folder; empty where there is none.
func outside(root string, entries []entry) string {
	for _, e := range entries {
		path := e.path()
		if !e.folder && (len(path) <= len(root) || !strings.EqualFold(path[:len(root)], root)) {
			return e.name
		}
	}
	return ""
}

// parameters says which parameters the package wants filled in. The one that every package has, where the site goes, is ours
// to know: its entries are of kind ProviderPath.
func parameters(e entry) (*objections, error) {
	var declared struct {
		Parameters []struct {
			Name    string `xml:"name,attr"`
			Entries []struct {
				Kind string `xml:"kind,attr"`
			} `xml:"parameterEntry"`
		} `xml:"parameter"`
	}
	if err := decode(e, &declared); err != nil {
		return nil, err
	}
	against := &objections{}
	for _, p := range declared.Parameters {
		for _, entry := range p.Entries {
			if !strings.EqualFold(entry.Kind, "ProviderPath") {
				against.add("it is a Web Deploy package that declares the parameter %s, which nobody but msdeploy fills in: "+
					"build it with AutoParameterizationWebConfigConnectionStrings=false and without parameters.xml, and give the value under settings", quoted(p.Name))
				break
			}
		}
	}
	return against, nil
}
