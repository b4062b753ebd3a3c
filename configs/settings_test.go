package configs

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const settled = `settings:
  json:
    appsettings.json:
      ConnectionStrings:Main: env:DB
      'Limits:Most': 15
      On: true
      Realm: live
  config:
    Web.config: { app_settings: { Mode: '' }, connection_strings: { Main: file:db } }
  tokens: { files: ['*.js'], values: { Cdn: 'https://x' } }
`

func TestSettingsKnowTheirKindAndTheirPlace(t *testing.T) {
	spec := parsed(t, whole+settled)
	got := map[string]string{}
	for path, v := range spec.Settings.All() {
		pos := spec.Pos(path)
		got[path] = fmt.Sprintf("%s %d:%d", v.Kind(), pos.Line, pos.Column)
	}
	want := map[string]string{
		"settings.json.appsettings.json.ConnectionStrings:Main": "secret 18:7",
		"settings.json.appsettings.json.Limits:Most":            "number 19:7",
		"settings.json.appsettings.json.On":                     "switch 20:7",
		"settings.json.appsettings.json.Realm":                  "text 21:7",
		"settings.config.Web.config.app_settings.Mode":          "text 23:35",
		"settings.config.Web.config.connection_strings.Main":    "secret 23:69",
		"settings.tokens.values.Cdn":                            "text 24:40",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestASettingNeverPrints(t *testing.T) {
	spec := parsed(t, whole+strings.ReplaceAll(settled, "live", "hunter2"))
	raw, err := json.Marshal(spec.Settings)
	if err != nil {
		t.Fatal(err)
	}
	v := spec.Settings.JSON["appsettings.json"]["Realm"]
	if text, err := v.Resolve(); text != "hunter2" || err != nil {
		t.Fatalf("it is %q, %v", text, err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if shown := fmt.Sprintf(verb, spec.Settings) + fmt.Sprintf(verb, v); strings.Contains(shown, "hunter2") || strings.Contains(shown, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("%s shows it: %s", verb, shown)
		}
	}
	if strings.Contains(string(raw), "hunter2") {
		t.Errorf("JSON shows it: %s", raw)
	}
}

func TestALiteralThatLooksLikeASecretIsWarnedOf(t *testing.T) {
	text := whole + "settings: { json: { a.json: { 'Auth:ClientSecret': hunter2, 'Auth:PasswordLength': 8, 'Auth:Password': env:X } } }\n"
	_, warnings, err := Parse("canary.yaml", []byte(text))
	if err != nil || len(warnings) != 1 || warnings[0].Path != "settings.json.a.json.Auth:ClientSecret" {
		t.Errorf("%v, %s", err, said(warnings))
	}
	if strings.Contains(said(warnings), "hunter2") {
		t.Errorf("it is shown: %s", said(warnings))
	}
}

func TestAPasswordInASettingIsNotShown(t *testing.T) {
	for _, value := range []string{"'Server=x;PWD = hunter2;'", "\"Server=x;\n  Password=hunter2\"", "|\n        AccountKey=hunter2"} {
		ps := problems(t, "c.yaml", []byte(whole+"settings:\n  json:\n    a.json:\n      Db: "+value+"\n"))
		if shown := fmt.Sprintf("%s %+v", ps, ps); strings.Contains(shown, "hunter2") {
			t.Errorf("%s shows it:\n%s", value, ps)
		}
	}
}
