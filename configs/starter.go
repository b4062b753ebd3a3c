package configs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Starter is what must be known of a fleet to begin with. Empty fields of those that have a default take it.
type Starter struct {
	App          string
	Region       string
	TargetGroups []string
	Root         string // folder of the slots' folders on the servers
	WarmupPath   string // default: /
	Address      string // private_ip (default), private_dns or tag:NAME
	ESURL        string
	Index        string
	ReleaseField string // default: iis.access.site_name

	// Environment variables, not their values. Defaults: WINRM_USER, WINRM_PASSWORD, ES_API_KEY.
	WinRMUserEnv     string
	WinRMPasswordEnv string
	ESKeyEnv         string
}

// Complete is the starter with its defaults.
func (s Starter) Complete() Starter {
	for _, f := range []struct {
		field  *string
		preset string
	}{
		{&s.WarmupPath, "/"}, {&s.Address, "private_ip"}, {&s.ReleaseField, "iis.access.site_name"},
		{&s.WinRMUserEnv, "WINRM_USER"}, {&s.WinRMPasswordEnv, "WINRM_PASSWORD"}, {&s.ESKeyEnv, "ES_API_KEY"},
	} {
		if *f.field == "" {
			*f.field = f.preset
		}
	}
	return s
}

// Variables are the environment variables that the configuration will need.
func (s Starter) Variables() []string {
	s = s.Complete()
	return []string{s.WinRMUserEnv, s.WinRMPasswordEnv, s.ESKeyEnv}
}

// Paths of the values in the file that the fields of a [Starter] become; a mistake in the file is one in the field.
const (
	PathApp          = "app"
	PathRegion       = "aws.region"
	PathTargetGroups = "target_groups"
	PathRoot         = "site.root"
	PathWarmup       = "warmup.path"
	PathAddress      = "servers.address"
	PathESURL        = "sources.elastic.urls"
	PathIndex        = "sources.elastic.index"
	PathReleaseField = "sources.elastic.release.field"
	PathWinRMUser    = "servers.winrm.user"
	PathWinRMSecret  = "servers.winrm.password"
	PathESKey        = "sources.elastic.api_key"
)

// Text is a commented configuration file. Its error is [Problems] where a field is missing or not allowed, in the order of the
// file; their paths are those above. A text that came without an error loads without a warning where the environment
// variables are set.
func (s Starter) Text() (string, error) {
	s = s.Complete()
	misnamed := s.misnamed()
	text := fmt.Sprintf(starterText, one(s.App), one(s.Region), list(s.TargetGroups), one(s.Address), one("env:"+s.WinRMUserEnv),
		one("env:"+s.WinRMPasswordEnv), one(s.Root), one(s.WarmupPath), list([]string{s.ESURL}), one("env:"+s.ESKeyEnv), one(s.Index), one(s.ReleaseField))
	_, _, err := Parse("answers", []byte(text))
	ps, is := errors.AsType[Problems](err)
	if ps = append(misnamed, ps...); len(ps) > 0 {
		return "", ps
	}
	if err != nil && !is {
		return "", err
	}
	return text, nil
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// misnamed takes out the names that no variable can have, and names their places only: one may be the secret itself.
func (s *Starter) misnamed() Problems {
	var ps Problems
	for _, v := range []struct {
		path string
		name *string
	}{{PathWinRMUser, &s.WinRMUserEnv}, {PathWinRMSecret, &s.WinRMPasswordEnv}, {PathESKey, &s.ESKeyEnv}} {
		if !variableName.MatchString(*v.name) {
			*v.name = "NAME"
			ps = append(ps, Problem{Path: v.path, Found: "something that is no name of an environment variable",
				Allowed: "a name of letters, digits and underscores, such as WINRM_PASSWORD; never the secret itself"})
		}
	}
	return ps
}

// one is a text as a YAML value: plain where that is safe, else in single quotes. What could leave the quotes' line is dropped,
// so that an answer is never more than one value; the checks see the rest.
func one(text string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == '\u007f' || r == '\u0085' || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return -1
		}
		return r
	}, text)
	if plainText(clean) {
		return clean
	}
	return "'" + strings.ReplaceAll(clean, "'", "''") + "'"
}

// plainText reports whether a text of YAML means itself without quotes: words with a letter in front that are no switch, no
// number and no null.
func plainText(text string) bool {
	if text == "" || slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(text)) {
		return false
	}
	for i, r := range text {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 && r != '/' || !strings.ContainsRune("0123456789._-/:", r)) {
			return false
		}
	}
	return !strings.HasSuffix(text, ":")
}

func list(texts []string) string {
	var entries []string
	for _, t := range texts {
		entries = append(entries, one(t))
	}
	return "[" + strings.Join(entries, ", ") + "]"
}
