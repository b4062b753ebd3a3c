package lint_test

import (
	"errors"
	"slices"
	"testing"

	"iiscanary/iis/lint"
)

// fuzzed holds that whatever a file is, it is taken or named as a flaw, and what is said of it has words.
func fuzzed(t *testing.T, f files) {
	n, err := f.read()
	if err != nil {
		if _, is := errors.AsType[*lint.FlawError](err); !is {
			t.Errorf("no flaw: %v", err)
		}
	}
	for _, s := range n.Against(server()) {
		if s.Kind == "" || s.What == "" || s.Remedy == "" {
			t.Errorf("without words: %+v", s)
		}
	}
	reasons, doubts := n.Narrowed(true)
	for _, why := range slices.Concat(reasons, doubts, n.Doubts) {
		if why == "" {
			t.Error("without words")
		}
	}
}

func FuzzWebConfig(f *testing.F) {
	f.Add([]byte(webConfig(`<rewrite><rules/></rewrite><aspNetCore processPath=".\x.exe"/>`)["web.config"]))
	f.Add([]byte("<configuration><configSections><section name='a'/></configSections><location><system.webServer><a/></system.webServer></location></configuration>"))
	f.Add([]byte("\xff\xfe<\x00a\x00/\x00>"))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzed(t, files{"web.config": string(b)}) })
}

func FuzzRuntimeConfig(f *testing.F) {
	f.Add([]byte(`{"runtimeOptions": {"framework": {"name": "Microsoft.AspNetCore.App", "version": "8.0.0"}}}`))
	f.Add([]byte(`/* */ {}`))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzed(t, files{"a.runtimeconfig.json": string(b)}) })
}

func FuzzImage(f *testing.F) {
	f.Add([]byte(portable(i386, ilOnly|requires)))
	f.Add([]byte(portable(amd64, native)))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzed(t, files{"bin/a.dll": string(b), "a.exe": string(b)}) })
}
