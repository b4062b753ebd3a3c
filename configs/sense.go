package configs

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	s.settings()
	s.servers()
	s.site()
	s.warmup()
	s.drain()
	s.waves()
	s.floor()
	s.bake()
	s.metrics()
	s.elastic()
	s.notify()
	s.paths()
	s.here()
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

// soundWithin reports whether a value and all that it holds can be relied on.
func (s *sense) soundWithin(path string) bool {
	for p := range s.broken {
		if strings.HasPrefix(p, path+"[") || strings.HasPrefix(p, path+".") {
			return false
		}
	}
	return s.sound(path)
}

// wrong refuses the value of a path.
func (s *sense) wrong(path, found, allowed string) { s.nearly(path, found, allowed, "") }

func (s *sense) nearly(path, found, allowed, near string) {
	s.note(nearestPos(s.positions, path), path, found, allowed, near)
}

func (s *sense) warn(path, format string, args ...any) {
	s.warnings = append(s.warnings, Warning{Pos: nearestPos(s.positions, path), Path: path, Text: fmt.Sprintf(format, args...)})
}

// sorted are the warnings in the order of the file.
func (s *sense) sorted() Warnings {
	slices.SortStableFunc(s.warnings, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	return s.warnings
}

func (s *sense) given(path string) bool {
	_, is := s.positions[path]
	return is
}

// shown is a text of the file in quotes, unless it stands where nothing may be shown.
func (s *sense) shown(path, text string) string {
	return s.source.quote(nearestPos(s.positions, path), text)
}

var slotForm = regexp.MustCompile(`-\d+$`)

func (s *sense) app() {
	if app := s.spec.App; s.sound("app") && slotForm.MatchString(app) {
		s.warn("app", "ends like a slot: slots will be called %s-NUMBER", app)
	}
}

func (s *sense) aws() {
	a := s.spec.AWS
	s.regions()
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

// regions compares the region with those that ARNs carry: arn:PARTITION:elasticloadbalancing:REGION:ACCOUNT:targetgroup/...
func (s *sense) regions() {
	const regionPart = 3
	for i, group := range s.spec.TargetGroups {
		path := fmt.Sprintf("target_groups[%d]", i)
		parts := strings.Split(group, ":")
		if !s.sound(path, "aws.region") || len(parts) <= regionPart || parts[regionPart] == s.spec.AWS.Region {
			continue
		}
		s.wrong(path, "an ARN of the region "+s.shown(path, parts[regionPart]), "target groups of aws.region, which is "+s.spec.AWS.Region)
	}
}

// address reads a URL whose form is right; true when it was refused.
func (s *sense) address(path, text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		f, _ := formNamed("url")
		s.wrong(path, s.shown(path, text), f.allowed)
		return nil, true
	}
	return u, false
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// paths makes the paths of the configuration absolute.
func (s *sense) paths() {
	v := s.spec
	v.Servers.WinRM.CA = within(s.dir, v.Servers.WinRM.CA)
	k := &v.Servers.WinRM.Kerberos
	k.Keytab, k.CCache, k.Config = within(s.dir, k.Keytab), within(s.dir, k.CCache), within(s.dir, k.Config)
	v.Package.CA = within(s.dir, v.Package.CA)
	for i, file := range v.Package.Signature.PEM {
		v.Package.Signature.PEM[i] = within(s.dir, file)
	}
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
