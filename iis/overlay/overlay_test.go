package overlay_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"iiscanary/iis/overlay"
)

// apply puts an overlay on files.
func apply(o overlay.Overlay, files map[string]string) (map[string]string, []overlay.Mismatch, error) {
	changed, mismatches, err := o.Apply(slices.Sorted(maps.Keys(files)), func(p string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(files[p])), nil
	})
	out := map[string]string{}
	for p, b := range changed {
		out[p] = string(b)
	}
	return out, mismatches, err
}

func text(key, value string) overlay.Setting {
	return overlay.Setting{At: "at " + key, Key: key, Value: overlay.NewValue(value, overlay.Text)}
}

func same(key, value string) overlay.Setting {
	return overlay.Setting{At: "at " + key, Key: key, Value: overlay.NewValue(value, overlay.Same)}
}

func inJSON(path string, settings ...overlay.Setting) overlay.Overlay {
	return overlay.Overlay{JSON: []overlay.JSONFile{{At: "at " + path, Path: path, Settings: settings}}}
}

func tokensIn(files []string, values ...overlay.Setting) overlay.Overlay {
	t := overlay.Tokens{At: "at tokens", Values: values}
	for _, f := range files {
		t.Files = append(t.Files, overlay.Place{At: "at " + f, Text: f})
	}
	return overlay.Overlay{Tokens: t}
}

const appSettings = "\ufeff{\r\n  // \"Main\": \"not this one\"\r\n  \"ConnectionStrings\" : { \"Main\":\"Server=dev\" , /* \"x\": 1 */ },\r\n" +
	"\t\"Hosts\": [ \"a\", \"b\", ],\r\n  \"Limit\": 5, \"On\": false, \"Off\": null,\r\n  \"Auth:Realm\": \"dev\", \"ü\\u00fc\": \"\\u00e9\"\r\n}   \r\n\r\n"

func TestOnlyTheValueChangesInJSON(t *testing.T) {
	number := overlay.Setting{Key: "limit", Value: overlay.NewValue("-1.5e3", overlay.Number)}
	on := overlay.Setting{Key: "ON", Value: overlay.NewValue("true", overlay.Switch)}
	for _, c := range []struct {
		name      string
		setting   overlay.Setting
		from, now string
	}{
		{"nested", text("ConnectionStrings:Main", `Server=live;"ü"\<&>`), `"Server=dev"`, `"Server=live;\"ü\"\\<&>"`},
		{"other case", text("connectionstrings:MAIN", "x"), `"Server=dev"`, `"x"`},
		{"list", text("Hosts:1", "live"), `"b"`, `"live"`},
		{"number", number, `5`, `-1.5e3`},
		{"switch", on, `false`, `true`},
		{"null", text("Off", "x"), `null`, `"x"`},
		{"name with a colon", text("Auth:Realm", "live"), `"Auth:Realm": "dev"`, `"Auth:Realm": "live"`},
		{"escaped name", text("üü", ""), `"\u00e9"`, `""`},
		{"a reference keeps a number", same("Limit", " 7 "), `5`, `7`},
		{"a reference keeps a switch", same("On", "True"), `false`, `true`},
		{"a reference that is no number", same("Limit", "many"), `5`, `"many"`},
		{"a text stays a text", text("Limit", "7"), `5`, `"7"`},
		{"line ends", text("Off", "a\nb\u2028"), `null`, `"a\nb\u2028"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, mismatches, err := apply(inJSON("AppSettings.JSON", c.setting), map[string]string{"appsettings.json": appSettings})
			if err != nil || len(mismatches) > 0 {
				t.Fatal(mismatches, err)
			}
			want := strings.Replace(appSettings, c.from, c.now, 1)
			if diff := cmp.Diff(map[string]string{"appsettings.json": want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const webConfig = "<?xml version=\"1.0\" encoding=\"windows-1252\"?>\r\n<configuration>\r\n\t<!-- <add key=\"Mode\" value=\"not this one\"/> caf\xe9 -->\r\n" +
	"  <appSettings>\r\n    <add key = 'Mode'   value='dev' />\n    <add key=\"A&amp;B\" value=\"\"></add>\r\n    <remove key=\"Gone\" />\r\n  </appSettings>\r\n" +
	"  <connectionStrings>\r\n    <clear/><add name=\"Main\" connectionString=\"Server=dev\" providerName=\"System.Data.SqlClient\"/>\r\n  </connectionStrings>\r\n" +
	"  <location path=\"x\"><appSettings><add key=\"Mode\" value=\"elsewhere\"/></appSettings></location>\r\n  <x><![CDATA[ <add> ]]></x>\r\n</configuration>\r\n"

func TestOnlyTheValueChangesInAConfigFile(t *testing.T) {
	o := overlay.Overlay{Config: []overlay.ConfigFile{{
		Path: "Web.Config", AppSettings: []overlay.Setting{text("mode", "live 'x'"), text("A&B", "é<>&\"\n")},
		ConnectionStrings: []overlay.Setting{text("Main", "Server=live;Password=a\"b")},
	}}}
	got, mismatches, err := apply(o, map[string]string{"web.config": webConfig})
	if err != nil || len(mismatches) > 0 {
		t.Fatal(mismatches, err)
	}
	want := strings.NewReplacer("value='dev'", "value='live &apos;x&apos;'", `value=""`, `value="&#xE9;&lt;&gt;&amp;&quot;&#xA;"`,
		"Server=dev", "Server=live;Password=a&quot;b").Replace(webConfig)
	if diff := cmp.Diff(want, got["web.config"]); diff != "" {
		t.Error(diff)
	}
}

func TestASectionInAFileOfItsOwn(t *testing.T) {
	o := overlay.Overlay{Config: []overlay.ConfigFile{{Path: "connections.config", ConnectionStrings: []overlay.Setting{text("Main", "live")}}}}
	got, mismatches, err := apply(o, map[string]string{"connections.config": `<connectionStrings><add name="Main" connectionString="dev"/></connectionStrings>`})
	if want := `<connectionStrings><add name="Main" connectionString="live"/></connectionStrings>`; got["connections.config"] != want || err != nil || len(mismatches) > 0 {
		t.Errorf("%q, %v, %v", got, mismatches, err)
	}
}

func TestTokensAreEscapedForTheirPlace(t *testing.T) {
	files := map[string]string{
		"a.json": `{"a": "#{Url}", "b": ##{Url}}`, "web.config": "<x y=\"#{url}/#{A.b[0]}\"/>", "Scripts/a.js": "let u = '#{Url}' // caf\xe9", "Scripts/deep/b.js": "#{Url}",
		"other.txt": "#{Url}",
	}
	got, mismatches, err := apply(tokensIn([]string{"a.json", "WEB.CONFIG", `scripts\*.JS`, "Scripts/a.js"}, text("Url", `https://x/?a="&b`), text("A.b[0]", "7")), files)
	if err != nil || len(mismatches) > 0 {
		t.Fatal(mismatches, err)
	}
	want := map[string]string{
		"a.json": `{"a": "https://x/?a=\"&b", "b": ##{Url}}`, "web.config": "<x y=\"https://x/?a=&quot;&amp;b/7\"/>",
		"Scripts/a.js": "let u = 'https://x/?a=\"&b' // caf\xe9",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatATokenBecomesIsNotATokenAgain(t *testing.T) {
	got, _, err := apply(tokensIn([]string{"a.txt"}, text("A", "#{B}"), text("B", "b")), map[string]string{"a.txt": "#{A} #{B}"})
	if got["a.txt"] != "#{B} b" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestKeysComeAfterTokens(t *testing.T) {
	o := tokensIn([]string{"a.json"}, text("N", "1"))
	o.JSON = inJSON("a.json", text("b", "y")).JSON
	got, mismatches, err := apply(o, map[string]string{"a.json": `{"a": #{N}, "b": "x"}`})
	if got["a.json"] != `{"a": 1, "b": "y"}` || err != nil || len(mismatches) > 0 {
		t.Errorf("%q, %v, %v", got, mismatches, err)
	}
}

func TestUTF16StaysUTF16(t *testing.T) {
	wide := func(s string, high int) string {
		out := []byte{0xff, 0xfe}
		if high == 0 {
			out = []byte{0xfe, 0xff}
		}
		for _, u := range utf16.Encode([]rune(s)) {
			pair := []byte{byte(u), byte(u >> 8)}
			if high == 0 {
				pair[0], pair[1] = pair[1], pair[0]
			}
			out = append(out, pair...)
		}
		return string(out)
	}
	for high := range 2 {
		got, mismatches, err := apply(inJSON("a.json", text("k", "né𝄞")), map[string]string{"a.json": wide("{\"k\": \"𝄞\"}\r\n", high)})
		if want := wide("{\"k\": \"né𝄞\"}\r\n", high); got["a.json"] != want || err != nil || len(mismatches) > 0 {
			t.Errorf("%q, %v, %v", got, mismatches, err)
		}
	}
}

func TestWhatHasNoPlaceIsToldAllAtOnce(t *testing.T) {
	files := map[string]string{
		"appsettings.json": `{"Db": {"Main": "x"}, "a": 1, "A": 2, "Empty": {}}`, "broken.json": "{\n\"a\": x}", "latin.json": "{\"a\": \"\xe9\"}",
		"web.config": `<configuration><appSettings><add key="Mode" value="x"/></appSettings></configuration>`,
		"bad.config": "<a>\n<b></a>", "dtd.config": "<!DOCTYPE x><a/>", "half.json": "\xff\xfe{", "latin.js": "\xe9 #{V} #{Unset}",
	}
	o := overlay.Overlay{
		JSON: []overlay.JSONFile{
			{At: "f1", Path: "appsettings.json", Settings: []overlay.Setting{text("Db:Mian", "hunter2"), text("Db", "hunter2"), text("a", "hunter2"), text("Empty", "hunter2"), text("Db:Main", "hunter2\xff")}},
			{At: "f2", Path: "appsetings.json"}, {At: "f3", Path: "broken.json"}, {At: "f4", Path: "latin.json"}, {At: "f5", Path: "half.json"},
		},
		Config: []overlay.ConfigFile{
			{At: "f6", Path: "web.config", AppSettings: []overlay.Setting{text("Mod", "hunter2"), text("Mode", "hunter2\x00")}, ConnectionStrings: []overlay.Setting{text("Main", "hunter2")}},
			{At: "f7", Path: "bad.config"}, {At: "f8", Path: "dtd.config"},
		},
		Tokens: overlay.Tokens{At: "t", Files: []overlay.Place{{At: "t1", Text: "*.ts"}, {At: "t2", Text: "*.js"}}, Values: []overlay.Setting{text("V", "hunter2é"), text("W", "hunter2")}},
	}
	changed, got, err := apply(o, files)
	if err != nil || len(changed) > 0 {
		t.Fatal(changed, err)
	}
	var said []string
	for _, m := range got {
		said = append(said, m.At+": "+m.Found)
	}
	want := []string{
		`t1: no file "*.ts" in the package`,
		"at V: a value with characters that latin.js cannot hold",
		"t: no value for #{Unset} in line 1 of latin.js",
		"at W: no #{W} in the files that are named",
		`at Db:Mian: no key "Db:Mian" in appsettings.json`,
		`at Db: "Db", which holds other values in appsettings.json`,
		`at a: the key "a", which stands in appsettings.json 2 times`,
		`at Empty: "Empty", which holds other values in appsettings.json`,
		"at Db:Main: a value that is not UTF-8",
		`f2: no file "appsetings.json" in the package`,
		"f3: broken.json, which is no JSON: no value of JSON in its line 2",
		"f4: latin.json, which is neither UTF-8 nor UTF-16",
		"f5: half.json, which is UTF-16 with half a character at its end",
		`at Mod: no key "Mod" in <appSettings> of web.config`,
		"at Mode: a value with a character that XML cannot hold",
		`at Main: no key "Main" in <connectionStrings> of web.config`,
		"f7: bad.config, which is no XML: the end of an element that is not open in its line 2",
		"f8: dtd.config, which is no XML: a document type in its line 1",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(fmt.Sprintf("%+v %#v %v", got, o, err), "hunter2") {
		t.Error("a value is shown")
	}
	if m := got[4]; m.Word != "Db:Mian" || !slices.Contains(m.Known, "Db:Main") || slices.Contains(m.Known, "Db") {
		t.Errorf("what is there: %+v", m)
	}
}

func TestTheSamePlaceIsSetOnce(t *testing.T) {
	o := inJSON("a.json", text("a", "1"), text("A", "2"))
	o.JSON = append(o.JSON, inJSON("A.JSON", text("a", "3")).JSON...)
	_, got, err := apply(o, map[string]string{"a.json": `{"a": "x"}`})
	if err != nil || len(got) != 2 || got[0].At != "at A" || got[1].At != "at A.JSON" || !strings.Contains(got[1].Found, "a second time") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	broken := errors.New("disk")
	_, _, err := inJSON("a.json").Apply([]string{"a.json"}, func(string) (io.ReadCloser, error) { return nil, broken })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "read a.json") {
		t.Errorf("got %v", err)
	}
}

func TestAValueThatIsThereAlreadyChangesNothing(t *testing.T) {
	got, mismatches, err := apply(inJSON("a.json", text("a", "x")), map[string]string{"a.json": `{"a": "x"}`})
	if len(got) > 0 || err != nil || len(mismatches) > 0 {
		t.Errorf("%q, %v, %v", got, mismatches, err)
	}
}

// Whatever JSON and whatever value: the file then holds that value there, and the same as before everywhere else.
func TestAnyValueInAnyJSON(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Zäö"\\]{1,4}`), 1, 5, strings.ToLower).Draw(rt, "keys")
		blank := rapid.SampledFrom([]string{"", " ", "\r\n", "\t// x\n", "/* \" */"})
		model := map[string]any{}
		var b strings.Builder
		b.WriteString(blank.Draw(rt, "start") + "{")
		for i, k := range keys {
			v := rapid.SampledFrom([]any{"text", 12.5, true, nil, "ü\"\\\n"}).Draw(rt, "value")
			model[k] = v
			raw, _ := json.Marshal(v)
			name, _ := json.Marshal(k)
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(blank.Draw(rt, "a") + string(name) + blank.Draw(rt, "b") + ":" + blank.Draw(rt, "c") + string(raw) + blank.Draw(rt, "d"))
		}
		b.WriteString("}" + blank.Draw(rt, "end"))
		key, value := rapid.SampledFrom(keys).Draw(rt, "key"), rapid.String().Draw(rt, "new")
		got, mismatches, err := apply(inJSON("a.json", text(key, value)), map[string]string{"a.json": b.String()})
		if err != nil || len(mismatches) > 0 {
			rt.Fatal(mismatches, err)
		}
		model[key] = value
		after, changed := got["a.json"]
		if !changed {
			after = b.String()
		}
		plain := strings.NewReplacer("\t// x\n", "", "/* \" */", "").Replace(after)
		var read map[string]any
		if err := json.Unmarshal([]byte(plain), &read); err != nil {
			rt.Fatalf("%v in %s", err, after)
		}
		if diff := cmp.Diff(model, read); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestAnyValueInAnyAttribute(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune(`<>&"'; é`)), rapid.RuneFrom([]rune("\t\r\n𝄞~")), rapid.RuneFrom([]rune("abc")))).Draw(rt, "value")
		quote := rapid.SampledFrom([]string{`"`, "'"}).Draw(rt, "quote")
		before := "<configuration><appSettings><add key='a' value=" + quote + "old" + quote + "/></appSettings></configuration>"
		o := overlay.Overlay{Config: []overlay.ConfigFile{{Path: "a.config", AppSettings: []overlay.Setting{text("a", value)}}}}
		got, mismatches, err := apply(o, map[string]string{"a.config": before})
		if err != nil || len(mismatches) > 0 {
			rt.Fatal(mismatches, err)
		}
		var read struct {
			Add struct {
				Value string `xml:"value,attr"`
			} `xml:"appSettings>add"`
		}
		if err := xml.Unmarshal([]byte(got["a.config"]), &read); err != nil || read.Add.Value != value {
			rt.Fatalf("%q reads as %q, %v", got["a.config"], read.Add.Value, err)
		}
	})
}

// hostile are small files that hold as much as they can: by what is too much in each.
func hostile() map[string]string {
	return map[string]string{
		"values below a long name": `{"` + strings.Repeat("x", 256<<10) + `": [` + strings.Repeat("1,", 2000) + `]}`,
		"names in names":           strings.Repeat(`{"`+strings.Repeat("x", 64<<10)+`": `, 150) + "1" + strings.Repeat("}", 150),
		"values":                   `{"a": [` + strings.Repeat("1,", 2<<20) + `]}`,
		"elements in many others":  strings.Repeat("<a>", 199) + strings.Repeat("<b/>", 100_000) + strings.Repeat("</a>", 199),
		"elements":                 "<a>" + strings.Repeat("<b/>", 1<<20) + "</a>",
		"attributes":               "<a" + strings.Repeat(` b=""`, 2<<20) + "/>",
	}
}

func TestASmallFileCannotTakeAllMemory(t *testing.T) {
	for name, content := range hostile() {
		t.Run(name, func(t *testing.T) {
			o := inJSON("f", text("a", "new"))
			if content[0] == '<' {
				o = overlay.Overlay{Config: []overlay.ConfigFile{{Path: "f", AppSettings: []overlay.Setting{text("a", "new")}}}}
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, mismatches, err := apply(o, map[string]string{"f": content})
			runtime.ReadMemStats(&after)
			if err != nil || len(mismatches) != 1 || !strings.Contains(mismatches[0].Found, "f, which holds more values, or longer ways to them, than can be looked through") {
				t.Errorf("%.300v, %v", fmt.Sprintf("%d: %+v", len(mismatches), mismatches), err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 200<<20 {
				t.Errorf("it took %d MB for a file of %d KB", n>>20, len(content)>>10)
			}
		})
	}
}

func TestAFileFullOfTokensIsRefusedAtOnce(t *testing.T) {
	began := time.Now()
	_, got, err := apply(tokensIn([]string{"a.js"}, text("V", "x")), map[string]string{"a.js": "#{V}" + strings.Repeat("#{W}", 500_000)})
	if err != nil || len(got) != 1 || got[0].Found != "a.js, which holds more than 100000 tokens" {
		t.Errorf("%d: %.300s, %v", len(got), fmt.Sprint(got), err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestEachTokenWithoutAValueIsToldWithItsLine(t *testing.T) {
	_, got, err := apply(tokensIn([]string{"a.js"}, text("V", "x")), map[string]string{"a.js": "#{A}\n\n##{X} #{V}\n#{B} #{C}\n"})
	var said []string
	for _, m := range got {
		said = append(said, m.Found)
	}
	want := []string{"no value for #{A} in line 1 of a.js", "no value for #{B} in line 4 of a.js", "no value for #{C} in line 4 of a.js"}
	if diff := cmp.Diff(want, said); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// FuzzApply holds that whatever a file is, the tool does not fall over it, and changes it only where a value is.
func FuzzApply(f *testing.F) {
	f.Add(appSettings)
	f.Add(webConfig)
	f.Add("\xff\xfe{\x00}\x00")
	f.Add("#{a}##{a}")
	f.Add(`{"` + strings.Repeat("x", 1000) + `": [` + strings.Repeat("1,", 100) + `]}`)
	f.Add(strings.Repeat("<a>", 199) + strings.Repeat("<b c=''/>", 100) + strings.Repeat("</a>", 199))
	f.Fuzz(func(t *testing.T, content string) {
		files := map[string]string{"f": content}
		for _, o := range []overlay.Overlay{
			inJSON("f", text("a", "new")), tokensIn([]string{"f"}, text("a", "new")),
			{Config: []overlay.ConfigFile{{Path: "f", AppSettings: []overlay.Setting{text("a", "new")}}}},
		} {
			got, mismatches, err := apply(o, files)
			if err != nil {
				t.Fatal(err)
			}
			if after, changed := got["f"]; changed && (len(mismatches) > 0 || !strings.Contains(strings.ReplaceAll(after, "\x00", ""), "new")) {
				t.Errorf("%q became %q", content, after)
			}
		}
	})
}
