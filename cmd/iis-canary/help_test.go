package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The help begins with what the program is for, in the order in which it is typed; then comes what one practises with, then what is typed once.
func TestTheMainJobComesFirst(t *testing.T) {
	t.Parallel()
	want := strings.Fields("validate doctor plan deploy status resume revert runs report rehearse simulate init schema completion man version")
	_, text, _ := strings.Cut(inside("--help").must(t, 0).out, "COMMANDS:\n")
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^   ([a-z]+)  `).FindAllStringSubmatch(text, -1) {
		got = append(got, m[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestEveryFlagButOutHasAVariable(t *testing.T) {
	t.Parallel()
	for _, s := range sheets(newApp(streams{})) {
		for _, o := range s.options {
			without := o.name == "out" || o.name == "help"
			if (o.env == "") != without {
				t.Errorf("%s --%s: variable %q", s.name, o.name, o.env)
			}
		}
	}
	says(t, inside("man").must(t, 0).out, `Every flag but \-\-out and \-\-help can be given by a variable.`)
}

func TestAFlagIsHelpedWithOnceAndInEveryCommandAlike(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"rehearse", "simulate"} {
		if text := inside(command, "--help").must(t, 0).out; strings.Count(text, "kerberos") != 1 || !strings.Contains(text, "--auth KIND ") {
			t.Errorf("%s", text)
		}
	}
	for _, command := range []string{"plan", "deploy", "resume", "doctor"} {
		says(t, inside(command, "--help").must(t, 0).out, "--package FILE, -p FILE ")
	}
	for _, s := range sheets(newApp(streams{})) {
		for _, o := range s.options {
			if o.name == "auth" && !slices.Equal(o.choices, []string{"basic", "ntlm", "kerberos", "certificate"}) {
				t.Errorf("%s --auth: %q", s.name, o.choices)
			}
		}
	}
}
