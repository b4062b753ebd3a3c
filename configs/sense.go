package configs

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// sense is the pass over how the values fit together. A check is left out where the value it needs was refused already.
type sense struct {
	*decoder
	spec     *Spec
	dir      string
	warnings Warnings
}

func (s *sense) check() {
	s.app()
	s.aws()
	s.servers()
	s.site()
	s.warmup()
	s.drain()
	s.rollout()
	s.bake()
	s.metrics()
	s.elastic()
	s.notify()
	s.paths()
	s.unset()
}

// sound reports whether the values of these paths, and the sections around them, can be relied on.
func (s *sense) sound(paths ...string) bool {
	for _, path := range paths {
		for {
			if s.broken[path] {
				return false
			}
			cut := strings.LastIndexAny(path, ".[")
			if cut < 0 {
				break
			}
			path = path[:cut]
		}
	}
	return true
}

// wrong refuses the value of a path.
func (s *sense) wrong(path, found, allowed string) { s.nearly(path, found, allowed, "") }

func (s *sense) nearly(path, found, allowed, near string) {
	s.note(nearestPos(s.positions, path), path, found, allowed, near)
}

func (s *sense) warn(path, format string, args ...any) {
	s.warnings = append(s.warnings, fmt.Sprintf("%s: %s: %s", nearestPos(s.positions, path), path, fmt.Sprintf(format, args...)))
}

func (s *sense) given(path string) bool {
	_, is := s.positions[path]
	return is
}

// shown is a text of the file in quotes, unless it stands where nothing may be shown.
func (s *sense) shown(path, text string) string {
	at := nearestPos(s.positions, path)
	if s.source.touched(at.Line) {
		return "a value that is not shown here"
	}
	return quoted(text)
}

// maxPoolName is how long IIS lets the name of an application pool be.
const maxPoolName = 64

// slotDigits is left free in a pool's name for the slot's number.
const slotDigits = len("-0000000")

var (
	appForm  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	slotForm = regexp.MustCompile(`-\d+$`)
)

func (s *sense) app() {
	app := s.spec.App
	if !s.sound("app") {
		return
	}
	if !appForm.MatchString(app) || len(app) > maxPoolName-slotDigits {
		s.wrong("app", s.shown("app", app), fmt.Sprintf("letters, digits, dots and dashes, at most %d", maxPoolName-slotDigits))
		return
	}
	if number := slotForm.FindString(app); number != "" {
		s.warn("app", "ends like a slot: slots will be called %s-NUMBER", app)
	}
}

func (s *sense) aws() {
	a := s.spec.AWS
	if s.sound("aws.access_key", "aws.secret_key") && a.AccessKey.IsZero() != a.SecretKey.IsZero() {
		s.wrong("aws", "only one of access_key and secret_key", "both, or neither for the SDK's own chain")
	}
	if a.Endpoint == "" || !s.sound("aws.endpoint", "aws.allow_endpoint") {
		return
	}
	u, bad := s.address("aws.endpoint", a.Endpoint)
	if bad || a.AllowEndpoint {
		return
	}
	if u.Scheme != "http" || !loopback(u.Hostname()) {
		s.wrong("aws.endpoint", s.shown("aws.endpoint", a.Endpoint),
			"http on loopback such as http://127.0.0.1:8080; any other needs allow_endpoint: true, as signed requests go there")
	}
}

// address reads a URL; true when it was refused.
func (s *sense) address(path, text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err == nil && u.User != nil {
		s.wrong(path, "a URL with credentials in it", "a URL without them; name secrets by reference under their own keys")
		return nil, true
	}
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		s.wrong(path, s.shown(path, text), "a URL such as https://host:9200")
		return nil, true
	}
	return u, false
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

var instanceForm = regexp.MustCompile(`^i-[0-9a-z]+$`)

func (s *sense) servers() {
	v := s.spec.Servers
	if s.sound("servers.address", "servers.map") {
		switch {
		case v.Address == "map" && len(v.Map) == 0:
			s.wrong("servers.address", `"map" without entries`, "servers.map with host or host:port by instance id")
		case v.Address != "map" && len(v.Map) > 0:
			s.wrong("servers.map", "a map that address does not use", "address: map, or no map")
		}
	}
	for id, host := range v.Map {
		path := join("servers.map", id)
		if s.sound(path) && !instanceForm.MatchString(id) {
			s.wrong(path, "the instance id "+s.shown(path, id), "instance ids such as i-0abc1234")
		} else if s.sound(path) && !hostPort(host) {
			s.wrong(path, s.shown(path, host), "host or host:port, such as 10.0.0.5 or 10.0.0.5:5986")
		}
	}
	s.unique("servers.order", v.Order)
	s.unique("target_groups", s.spec.TargetGroups)
	if s.sound("servers.winrm.https") && !v.WinRM.HTTPS {
		s.wrong("servers.winrm.https", "false", "true: basic authentication over plain HTTP shows the password to the network")
	}
}

// hostPort accepts a host name or address, with or without a port.
func hostPort(text string) bool {
	if net.ParseIP(text) != nil {
		return true
	}
	host := text
	if h, port, err := net.SplitHostPort(text); err == nil {
		if _, err := net.LookupPort("tcp", port); err != nil || strings.Trim(port, "0123456789") != "" {
			return false
		}
		host = h
	}
	return host != "" && (net.ParseIP(host) != nil || appForm.MatchString(host))
}

// unique refuses an entry that stands in a list twice.
func (s *sense) unique(path string, entries []string) {
	seen := map[string]bool{}
	for i, e := range entries {
		if where := fmt.Sprintf("%s[%d]", path, i); seen[e] && s.sound(where) {
			s.wrong(where, s.shown(where, e)+" a second time", "each entry once")
		}
		seen[e] = true
	}
}

// paths makes the paths of the configuration absolute.
func (s *sense) paths() {
	v := s.spec
	v.Servers.WinRM.CA = within(s.dir, v.Servers.WinRM.CA)
	if v.Sources.Elastic != nil {
		v.Sources.Elastic.CA = within(s.dir, v.Sources.Elastic.CA)
	}
	if v.State != "" {
		v.State = within(s.dir, v.State)
		return
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		s.wrong("state", "nothing", "a folder for journals: this account has no cache folder of its own")
		return
	}
	v.State = filepath.Join(cache, "iis-canary")
}

// unset warns about secrets whose environment variable is not set now.
func (s *sense) unset() {
	named := map[string]Secret{
		"aws.access_key": s.spec.AWS.AccessKey, "aws.secret_key": s.spec.AWS.SecretKey,
		"servers.winrm.user": s.spec.Servers.WinRM.User, "servers.winrm.password": s.spec.Servers.WinRM.Password,
	}
	order := []string{"aws.access_key", "aws.secret_key", "servers.winrm.user", "servers.winrm.password"}
	if e := s.spec.Sources.Elastic; e != nil {
		named["sources.elastic.api_key"], named["sources.elastic.user"], named["sources.elastic.password"] = e.APIKey, e.User, e.Password
		order = append(order, "sources.elastic.api_key", "sources.elastic.user", "sources.elastic.password")
	}
	for i, n := range s.spec.Notify {
		path := fmt.Sprintf("notify[%d].webhook", i)
		named[path], order = n.Webhook, append(order, path)
	}
	for _, path := range order {
		if name, missing := named[path].missing(); missing {
			s.warn(path, "the environment variable %s is not set", name)
		}
	}
}
