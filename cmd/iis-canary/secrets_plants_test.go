package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/configs"
)

// settingName begins the names of plants that end in files of the application, as that is what they are for.
const settingName = "Setting"

// quotedName begins the name of the setting that the application quotes when it crashes. The server's own log has it, and tells it.
const quotedName = settingName + "Quoted"

// nameOfUser begins the plants that name an account.
const nameOfUser = "User"

// hoard is a fleet whose every secret is planted, and what was said and sent about it.
type hoard struct {
	t     *testing.T
	fleet *rehearsal.Fleet
	dir   string // with the configuration
	out   string // folder for files that commands write
	temp  string // folder for temporary files, of commands in processes of their own
	pack  string // address of a package, pinned
	env   []string
	said  leaks
	wire  *wire
	told  transcript      // what webhooks were sent
	typed map[string]bool // names of commands
	began bool            // a run did, and left its traces
	last  string          // what the last command said
}

// secretFiles is the planted secrets by the file beside the configuration that each is in.
func secretFiles(web, closed string) map[string]string {
	hook := func(name string) string {
		return "/hooks/" + name + "/" + plainly("HookPath") + "?token=" + plainly("HookQuery")
	}
	return map[string]string{
		"access_key": plainly("AccessKey"), "secret_key": plantedAs("SecretKey"),
		"winrm_user": plainly(nameOfUser + "Winrm"), "winrm_password": plantedAs("WinrmPassword"),
		"machine_password": plantedAs("MachinePassword"), "package_token": plainly("FleetToken"),
		"es_api_key": base64.StdEncoding.EncodeToString([]byte("id:" + plantedAs("ApiKey"))),
		"es_user":    plainly(nameOfUser + "Elastic"), "es_password": plantedAs("EsPassword"),
		"token":     strings.ReplaceAll(plantedAs("Token"), "é", "e"),
		"hook_good": web + hook("good"), "hook_moved": web + hook("moved"), "hook_angry": web + hook("angry"), "hook_none": closed + hook("none"),
		"hook_user":     strings.Replace(web, "//", "//u:"+plainly("HookUser")+"@", 1) + hook("user"),
		"hook_nonsense": "http://[" + plainly("HookNonsense"), "hook_scheme": plainly("HookScheme") + "://x",
		"set_json": plantedAs(settingName + "Json"), "set_app": plantedAs(settingName + "App"),
		"set_quoted":     "Server=db;Password=" + plantedAs(quotedName) + ";Encrypt=true",
		"set_connection": plantedAs(settingName + "Connection"), "set_token": plantedAs(settingName + "Token"),
	}
}

// settingFiles is where settings end on the servers.
func settingFiles() []string {
	return []string{"appsettings.json", "web.config", "Scripts/settings.js", "simulation.json"}
}

const settingsText = `settings:
  json: { appsettings.json: { Db:Main: 'file:set_json' }, simulation.json: { quotes: 'file:set_quoted' } }
  config: { web.config: { app_settings: { Key: 'file:set_app' }, connection_strings: { Main: 'file:set_connection' } } }
  tokens: { files: [Scripts/settings.js], values: { ApiToken: 'file:set_token' } }
`

// hoardSpeed is as high as a run can be that is not judged.
const hoardSpeed = 60

// layout is how a hoard's secrets come to the program.
type layout struct {
	environment bool   // commands are processes, and secrets come to them by variables
	auth        string // of WinRM
}

// layoutOf spreads the ways to log in over the faults.
func layoutOf(fault string) layout {
	switch fault {
	case "none":
		return layout{environment: true}
	case "crash":
		return layout{auth: "certificate"}
	case "cold":
		return layout{auth: "kerberos"}
	case "winrm-drop":
		return layout{auth: "ntlm"}
	}
	return layout{}
}

// newHoard puts the fleet up.
func newHoard(t *testing.T, fault string, how layout) *hoard {
	t.Helper()
	h := &hoard{t: t, dir: t.TempDir(), out: t.TempDir(), wire: newWire(), typed: map[string]bool{}}
	public, sign := minisigned(t)
	web, closed := h.web()
	secrets := secretFiles(web.plain, closed)
	servers := 2
	if fault == "errors-late" {
		servers = 3
	}
	traffic := 20.0
	if slices.Contains([]string{"errors", "errors-late", "slow", "revert-stuck"}, fault) {
		traffic = 80 // there is something to judge
	}
	var err error
	h.fleet, err = rehearsal.New(t.Context(), rehearsal.Options{Servers: servers, Speed: hoardSpeed, Traffic: traffic, Faults: []string{fault}, Dir: h.dir, Auth: how.auth,
		Secrets: secrets, Overhear: h.wire.hear, OverhearAnswer: h.wire.answered})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.fleet.Close)
	if err := h.fleet.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	pack := zipOf(t, h.application())
	web.files["/app.domain.com.3461.zip"], web.files["/app.domain.com.3461.zip.minisig"] = string(pack), sign(pack)
	h.pack = fmt.Sprintf("%s/app.domain.com.3461.zip#sha256=%x", web.secure.URL, sha256.Sum256(pack))
	h.write("packages-ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.secure.Certificate().Raw})))
	h.configure(public, how, secrets)
	return h
}

// application is the fleet's own package with places for settings.
func (h *hoard) application() map[string]string {
	files := site(h.t, h.fleet)
	files["web.config"] = `<configuration><appSettings><add key="Key" value="dev"/></appSettings><connectionStrings><add name="Main" connectionString="dev"/></connectionStrings>` +
		"<system.webServer><handlers/></system.webServer></configuration>\n"
	files["simulation.json"] = `{ "quotes": "dev", "spared": ["/health"] }`
	files["Scripts/settings.js"] = "var token = '#{ApiToken}';\n"
	return files
}

// configure writes the configuration, with all that may hold a secret.
func (h *hoard) configure(public string, how layout, secrets map[string]string) {
	h.t.Helper()
	text, err := os.ReadFile(h.fleet.Config())
	if err != nil {
		h.t.Fatal(err)
	}
	config := string(text) + settingsText + "package: { ca: packages-ca.pem, token: 'file:token', signature: { minisign: ['" + public + "'] } }\n"
	var hooks strings.Builder
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		if strings.HasPrefix(name, "hook_") {
			hooks.WriteString("  - { on: [started, deployed, failed, reverted, held, stopped, mixed], webhook: 'file:" + name + "' }\n")
		}
	}
	config = strings.Replace(config, "notify:\n", "notify:\n"+hooks.String(), 1)
	config = strings.Replace(config, "waves: each", "waves: [100%]", 1) // one gate is enough
	if how.environment {
		config = strings.Replace(config, ", access_key: 'file:access_key', secret_key: 'file:secret_key'", "", 1)
		config = strings.Replace(config, "api_key: 'file:es_api_key'", "user: 'env:ES_USER'\n    password: 'env:ES_PASSWORD'", 1)
		config = strings.Replace(config, "user: 'file:winrm_user', password: 'file:winrm_password'", "user: 'env:WINRM_USER', password: 'env:WINRM_PASSWORD'", 1)
		h.temp = h.t.TempDir()
		h.env = []string{"TMPDIR=" + h.temp, "AWS_ACCESS_KEY_ID=" + secrets["access_key"], "AWS_SECRET_ACCESS_KEY=" + secrets["secret_key"], "AWS_SESSION_TOKEN=" + plainly("SessionToken"),
			"ES_USER=" + secrets["es_user"], "ES_PASSWORD=" + secrets["es_password"], "WINRM_USER=" + secrets["winrm_user"], "WINRM_PASSWORD=" + secrets["winrm_password"]}
	}
	if how.auth == "certificate" {
		h.mark("client.key")
		h.mark("client.pem")
	}
	for name, secret := range secrets { // the fleet wrote those that it knows
		h.write(name, secret+"\n")
	}
	h.write("canary.yaml", config)
}

// mark puts a plant in front of a PEM file, where text may stand that means nothing.
func (h *hoard) mark(name string) {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(name, plainly("Pem")+"\n"+string(text))
}

func (h *hoard) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// web is whom the program talks to outside the fleet: where packages are, and who takes notifications.
type web struct {
	plain  string // address of the one that takes notifications
	secure *httptest.Server
	files  map[string]string
}

func (h *hoard) web() (w web, closed string) {
	w.files = map[string]string{}
	hear := func(peer string, r *http.Request, but string) []byte {
		body, _ := io.ReadAll(r.Body) // what could not be read did not arrive
		heard := r.Clone(r.Context())
		heard.URL.Path = strings.ReplaceAll(heard.URL.Path, but, "")
		if but != "" {
			heard.URL.RawQuery = ""
		}
		h.wire.hear(peer, heard, body)
		return body
	}
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { hear("whom a webhook leads to", r, "") }))
	hooks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = h.told.Write(hear("webhook", r, "/"+plainly("HookPath"))) // its own address is what it knows
		switch name := strings.Split(r.URL.Path, "/")[2]; name {
		case "moved":
			http.Redirect(w, r, other.URL+"/landing", http.StatusTemporaryRedirect)
		case "angry":
			http.Error(w, r.URL.String(), http.StatusInternalServerError)
		}
	}))
	w.secure = httptest.NewTLSServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		hear("packages", r, "")
		text, there := w.files[r.URL.Path]
		if !there || !strings.Contains(r.Header.Get("Authorization"), plainly("Token")) {
			to.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(to, text) // the client may be gone
	}))
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, s := range []*httptest.Server{other, hooks, w.secure} {
		h.t.Cleanup(s.Close)
	}
	w.plain = hooks.URL
	return w, gone.URL
}

// secretPaths is every place of a configuration that can hold a secret, such as notify[].webhook.
func secretPaths(t reflect.Type, path string, all map[string]bool) {
	switch {
	case t == reflect.TypeFor[configs.Secret]() || t == reflect.TypeFor[configs.Value]():
		all[path] = true
	case t.Kind() == reflect.Pointer:
		secretPaths(t.Elem(), path, all)
	case t.Kind() == reflect.Slice:
		secretPaths(t.Elem(), path+"[]", all)
	case t.Kind() == reflect.Map:
		secretPaths(t.Elem(), path+"{}", all)
	case t.Kind() == reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			if name := f.Tag.Get("yaml"); name != "" && name != "-" {
				secretPaths(f.Type, strings.TrimPrefix(path+"."+name, "."), all)
			}
		}
	}
}

// secretsIn is every secret that a loaded configuration holds, by its place.
func secretsIn(v reflect.Value, path string, all map[string][]configs.Secret) {
	switch {
	case v.Type() == reflect.TypeFor[configs.Secret]():
		if s := v.Interface().(configs.Secret); !s.IsZero() {
			all[path] = append(all[path], s)
		}
	case v.Type() == reflect.TypeFor[configs.Value]():
		if s := v.Interface().(configs.Value).Secret(); !s.IsZero() {
			all[path] = append(all[path], s)
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		secretsIn(v.Elem(), path, all)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			secretsIn(v.Index(i), path+"[]", all)
		}
	case v.Kind() == reflect.Map:
		for _, key := range v.MapKeys() {
			secretsIn(v.MapIndex(key), path+"{}", all)
		}
	case v.Kind() == reflect.Struct:
		for _, f := range reflect.VisibleFields(v.Type()) {
			if name := f.Tag.Get("yaml"); name != "" && name != "-" {
				secretsIn(v.FieldByIndex(f.Index), strings.TrimPrefix(path+"."+name, "."), all)
			}
		}
	}
}

// planted is the places of the configuration whose secrets are planted ones. One that is not is an error.
func (h *hoard) planted() map[string]bool {
	h.t.Helper()
	spec, _, err := configs.Load(h.fleet.Config(), func(name string) (string, bool) {
		for _, pair := range h.env {
			if value, is := strings.CutPrefix(pair, name+"="); is {
				return value, true
			}
		}
		return "", false
	})
	if err != nil {
		h.t.Fatal(err)
	}
	all := map[string][]configs.Secret{}
	secretsIn(reflect.ValueOf(*spec), "", all)
	out, hidden := map[string]bool{}, spec.Secrets()
	for path, secrets := range all {
		for _, s := range secrets {
			value, err := s.Resolve()
			if name := path == "sources.elastic.user" || path == "servers.winrm.user"; name == slices.Contains(hidden, value) {
				h.t.Errorf("%s is hidden in what servers say: %v", path, !name)
			}
			if err != nil || len(found([]byte(value))) == 0 {
				h.t.Errorf("%s is no planted secret (%v)", path, err)
			}
		}
		out[path] = true
	}
	return out
}
