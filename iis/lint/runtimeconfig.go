package lint

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
)

// Framework is a shared runtime that an application of ASP.NET Core asks for, after
// github.com/dotnet/runtime/docs/design/features/framework-version-resolution.md.
type Framework struct {
	Name        string // such as Microsoft.AspNetCore.App
	Version     string // the least, such as 8.0.0
	RollForward string // Minor where nothing is said
	File        string
	Doubt       bool // it may be met in a way that is not known here, or nothing reads the file
}

// aspNetCore is the framework that servers tell the versions of.
const aspNetCore = "Microsoft.AspNetCore.App"

// runtimeConfig is how the names of files end that say which runtimes a program needs.
const runtimeConfig = ".runtimeconfig.json"

// rolling is what a file says about other versions than the one it names: for all frameworks, or for one.
type rolling struct {
	Forward     string `json:"rollForward"`
	NoCandidate *int   `json:"rollForwardOnNoCandidateFx"` // of .NET Core 2
}

// forward is the same in the words of today; empty: nothing is said.
func (r rolling) forward() string {
	if r.Forward != "" || r.NoCandidate == nil {
		return r.Forward
	}
	switch *r.NoCandidate {
	case 0:
		return "LatestPatch"
	case 1:
		return "Minor"
	}
	return "Major"
}

// asked is a framework as the file names it.
type asked struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	rolling
}

// runtime reads one runtimeconfig.json. An application that brings its runtime along asks for none. .NET takes comments in this
// file, which are rare; a file with them, or with something else where a version or a name should be, asks for nothing that is known
// here. What comes after the object, .NET does not read.
func (n *Needs) runtime(p string, r io.Reader) error {
	text, err := whole(p, r)
	if err != nil {
		return err
	}
	var file struct {
		Options struct {
			rolling
			Framework  *asked  `json:"framework"`
			Frameworks []asked `json:"frameworks"`
		} `json:"runtimeOptions"`
	}
	text = utf8Text(text)
	err = json.NewDecoder(bytes.NewReader(text)).Decode(&file)
	if _, other := errors.AsType[*json.UnmarshalTypeError](err); other || err != nil && commented(text) {
		return nil
	}
	if err != nil {
		return &FlawError{File: p, Why: "is no good JSON: " + err.Error()}
	}
	all := file.Options.Frameworks
	if one := file.Options.Framework; one != nil {
		all = append(all, *one)
	}
	for _, f := range all {
		if f.Name == aspNetCore {
			forward := cmp.Or(f.forward(), file.Options.forward())
			n.Frameworks = append(n.Frameworks, Framework{Name: f.Name, Version: f.Version, RollForward: forward, File: p, Doubt: !n.decides(p)})
		}
	}
	return nil
}

// decides reports whether the application cannot start without what this runtimeconfig.json asks for.
func (n *Needs) decides(file string) bool { return n.Core.settings(file) && !n.Core.Elsewhere }

// commented reports whether there is a comment outside of texts.
func commented(text []byte) bool {
	inside := false
	for i := 0; i < len(text); i++ {
		switch {
		case inside && text[i] == '\\':
			i++
		case text[i] == '"':
			inside = !inside
		case !inside && text[i] == '/' && i+1 < len(text) && (text[i+1] == '/' || text[i+1] == '*'):
			return true
		}
	}
	return false
}
