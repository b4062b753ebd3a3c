package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"iiscanary/configs"
	"iiscanary/iis/bundle"
	"iiscanary/iis/overlay"
)

// settle puts the settings into the release, and says how many there are.
func (ses *session) settle(r *bundle.Release) (string, error) {
	o, count, err := ses.overlay()
	if err != nil {
		return "", err
	}
	if o.IsZero() {
		return "there are no settings", nil
	}
	contents, mismatches, err := o.Apply(paths(r), r.Open)
	if err != nil {
		return "", unfit(checkReadable, err)
	}
	if len(mismatches) > 0 {
		e := &parcelError{check: checkFits}
		for _, m := range mismatches {
			e.reasons = append(e.reasons, ses.misfit(m))
		}
		e.err = errors.New(strings.Join(e.reasons, "; "))
		return "", e
	}
	if err := r.Replace(contents); err != nil {
		return "", unfit(checkReadable, err)
	}
	return fmt.Sprintf("%s, which change %s", counted(count, "setting", "settings"), counted(len(contents), "file", "files")), nil
}

// misfit is a setting without a place in the package, with its own place in the configuration.
func (ses *session) misfit(m overlay.Mismatch) string {
	text := fmt.Sprintf("%s: %s: found %s; allowed: %s", ses.spec.Pos(m.At), m.At, m.Found, m.Allowed)
	if near := configs.Nearest(m.Word, m.Known); near != "" && near != m.Word {
		text += "; nearest: " + near
	}
	return text
}

// overlay is the settings of the configuration, with the secrets in them, and how many there are.
func (ses *session) overlay() (overlay.Overlay, int, error) {
	s := ses.spec.Settings
	c := &collected{}
	var o overlay.Overlay
	for _, file := range slices.Sorted(maps.Keys(s.JSON)) {
		at := "settings.json." + file
		o.JSON = append(o.JSON, overlay.JSONFile{At: at, Path: file, Settings: c.settings(at, s.JSON[file])})
	}
	for _, file := range slices.Sorted(maps.Keys(s.Config)) {
		at, f := "settings.config."+file, s.Config[file]
		o.Config = append(o.Config, overlay.ConfigFile{At: at, Path: file, AppSettings: c.settings(at+".app_settings", f.AppSettings),
			ConnectionStrings: c.settings(at+".connection_strings", f.ConnectionStrings)})
	}
	o.Tokens = overlay.Tokens{At: "settings.tokens.values", Values: c.settings("settings.tokens.values", s.Tokens.Values)}
	for i, file := range s.Tokens.Files {
		o.Tokens.Files = append(o.Tokens.Files, overlay.Place{At: fmt.Sprintf("settings.tokens.files[%d]", i), Text: file})
	}
	return o, c.count, c.err
}

// collected counts settings, and keeps the first that cannot be read.
type collected struct {
	count int
	err   error
}

func (c *collected) settings(at string, values map[string]configs.Value) []overlay.Setting {
	var all []overlay.Setting
	for _, key := range slices.Sorted(maps.Keys(values)) {
		path := at + "." + key
		text, err := values[key].Resolve()
		if err != nil && c.err == nil {
			c.err = &referenceError{path, err}
		}
		all = append(all, overlay.Setting{At: path, Key: key, Value: overlay.NewValue(text, kindOf(values[key]))})
		c.count++
	}
	return all
}

// kindOf is how a value is written: a reference is a text for YAML, and takes the kind of what it replaces.
func kindOf(v configs.Value) overlay.Kind {
	switch v.Kind() {
	case configs.NumberValue:
		return overlay.Number
	case configs.SwitchValue:
		return overlay.Switch
	case configs.SecretValue:
		return overlay.Same
	default:
		return overlay.Text
	}
}
