package configs

import "time"

// Spec is a validated configuration. Keys, defaults, ranges and allowed words stand in the tags of the fields, where the
// reader of the file takes them from.
type Spec struct {
	// App is the base name of the application; slots are named App-NUMBER.
	App string `yaml:"app" required:"true" form:"app"`
	// AWS says how the load balancer's API is reached.
	AWS AWS `yaml:"aws"`
	// TargetGroups are names or ARNs. A server is rolled in all of them together.
	TargetGroups []string `yaml:"target_groups" required:"true" unique:"true" form:"group"`
	// Package says how a package is fetched, and what it must prove before it is used.
	Package Package `yaml:"package"`
	// Settings are values that are put into the files of the package: what differs from one environment to the next.
	Settings Settings `yaml:"settings"`
	// Servers says how the hosts behind the targets are named and reached.
	Servers Servers `yaml:"servers"`
	// Site is what is created on each server.
	Site Site `yaml:"site"`
	// Warmup says when a started slot counts as warm.
	Warmup Warmup `yaml:"warmup"`
	// Drain says how a server leaves rotation.
	Drain Drain `yaml:"drain"`
	// Admit says how a server comes back into rotation.
	Admit Admit `yaml:"admit"`
	// Rollout says in which steps the fleet is rolled.
	Rollout Rollout `yaml:"rollout"`
	// Bake says how long real traffic is watched at each gate.
	Bake Bake `yaml:"bake"`
	// Metrics are what the release is judged by; at least one.
	Metrics []Metric `yaml:"metrics" required:"true"`
	// Sources are where metrics are counted.
	Sources Sources `yaml:"sources"`
	// Notify says who is told about what becomes of a run.
	Notify []Notify `yaml:"notify"`
	// OnFailure is what happens when the release is refused: "revert" puts the whole fleet back, "hold" leaves it.
	OnFailure string `yaml:"on_failure" default:"revert" oneof:"revert hold"`
	// State is the folder for journals, relative to the configuration file. Default: iis-canary in the user's cache folder.
	State string `yaml:"state"`

	// Path is the file that the configuration was read from.
	Path string `yaml:"-"`
	// Digest is the SHA-256 of the file's bytes, hexadecimal.
	Digest string `yaml:"-"`

	source    *source
	positions map[string]Pos
}

// AWS says how the load balancer's API is reached.
type AWS struct {
	// Region of the load balancer, such as eu-west-1.
	Region string `yaml:"region" required:"true" form:"region"`
	// Endpoint replaces the API's address: http on loopback only, unless AllowEndpoint.
	Endpoint string `yaml:"endpoint" form:"url"`
	// AllowEndpoint permits an endpoint elsewhere: signed requests go there.
	AllowEndpoint bool `yaml:"allow_endpoint" default:"false"`
	// AccessKey and SecretKey are given together or not at all; without them the SDK's own chain finds credentials.
	AccessKey Secret `yaml:"access_key" with:"secret_key"`
	// SecretKey is the other half of AccessKey.
	SecretKey Secret `yaml:"secret_key" with:"access_key"`
}

// Servers says how the hosts behind the targets are named and reached.
type Servers struct {
	// Address is where a server is reached: private_ip, private_dns, tag:NAME (the value of an instance tag), or map.
	Address string `yaml:"address" default:"private_ip" oneof:"private_ip private_dns tag:NAME map"`
	// Map is host or host:port by instance id, for address: map.
	Map map[string]string `yaml:"map" keys:"instance" form:"host"`
	// Names is what a server is called, also in the logs: tag:NAME, private_dns or instance_id.
	Names string `yaml:"names" default:"tag:Name" oneof:"tag:NAME private_dns instance_id"`
	// Order is the rolling order by name; servers not named follow, sorted by name.
	Order []string `yaml:"order" unique:"true"`
	// WinRM is the way into the servers: Windows Remote Management.
	WinRM WinRM `yaml:"winrm"`
}

// Site is what is created on each server.
type Site struct {
	// Root is the folder that the slots' folders are made in, such as D:\sites.
	Root string `yaml:"root" required:"true" form:"root"`
	// Bindings are ADDRESS:PORT:HOST, as IIS writes them.
	Bindings []string `yaml:"bindings" required:"true" unique:"true" form:"binding"`
	// Certificate is bound to the https bindings, from each server's own store.
	Certificate Certificate `yaml:"certificate"`
	// Runtime is the pool's .NET version: v4.0, or none for ASP.NET Core.
	Runtime string `yaml:"runtime" default:"v4.0" oneof:"v4.0 none"`
	// Keep is how many old slots stay besides the new one and the fallback.
	Keep int `yaml:"keep" default:"2" min:"0" max:"100"`
	// Host is the name that the site is asked for; default: the app's name.
	Host string `yaml:"host" form:"host"`
	// Stable is how long a slot must stay started before it counts as started.
	Stable time.Duration `yaml:"stable" default:"2s" min:"1ms" max:"10m"`
	// StopWait is how long a stopped slot's workers may take to go; a pool's own limit is 90 s.
	StopWait time.Duration `yaml:"stop_wait" default:"2m" min:"1ms" max:"1h"`
}

// Certificate names a certificate in the server's own store, by one of the two.
type Certificate struct {
	// Subject of the certificate, such as *.domain.com; of several valid ones the one that lasts longest is taken.
	Subject string `yaml:"subject" either:"certificate"`
	// Thumbprint of the certificate: 40 hexadecimal digits.
	Thumbprint string `yaml:"thumbprint" either:"certificate" form:"thumbprint"`
}

// Warmup says when a started slot counts as warm.
type Warmup struct {
	// Path is what is asked for on the server itself, before customers come; it starts with a slash.
	Path string `yaml:"path" required:"true" form:"path"`
	// Host is the name that the site is asked for; default: site.host.
	Host string `yaml:"host" form:"host"`
	// First is the time for the first request, which starts the application.
	First time.Duration `yaml:"first" default:"180s" min:"1ms" max:"1h"`
	// Requests is how many must follow it, all answered by one worker process.
	Requests int `yaml:"requests" default:"6" min:"1" max:"1000"`
	// Under is the time that each of them must stay below.
	Under time.Duration `yaml:"under" default:"100ms" min:"1ms" max:"10m"`
	// Status is the HTTP status that each of them must have.
	Status int `yaml:"status" default:"200" min:"100" max:"599"`
	// Tries is how many series are sent before the slot counts as never warm.
	Tries int `yaml:"tries" default:"3" min:"1" max:"100"`
	// VersionHeader is a response header that carries the release's version; empty: not looked at.
	VersionHeader string `yaml:"version_header" form:"header"`
}

// Drain says how a server leaves rotation.
type Drain struct {
	// Policy "observed" waits for Settle and then until no request is in flight; "full" waits out the deregistration delay.
	Policy string `yaml:"policy" default:"observed" oneof:"observed full"`
	// Settle is how long the balancer may still send requests after a deregistration.
	Settle time.Duration `yaml:"settle" default:"20s" max:"1h"`
	// Poll is the time between two looks at the targets' health.
	Poll time.Duration `yaml:"poll" default:"5s" min:"1ms" max:"1m"`
}

// Admit says how a server comes back into rotation.
type Admit struct {
	// Poll is the time between two looks at the targets' health.
	Poll time.Duration `yaml:"poll" default:"5s" min:"1ms" max:"1m"`
	// Grace is added to the health check's own arithmetic before a server counts as never healthy.
	Grace time.Duration `yaml:"grace" default:"30s" max:"1h"`
}

// Rollout says in which steps the fleet is rolled.
type Rollout struct {
	// Waves is "each" (one server at a time, every one with its gate), or a list of how many servers in total run the new release
	// after each wave, such as [1, 25%, 100%]. It ends with 100%.
	Waves Waves `yaml:"waves" default:"each"`
	// Parallel is how many servers of one wave are in hand at the same time.
	Parallel int `yaml:"parallel" default:"1" min:"1" max:"1000"`
	// MinHealthy is how many servers must serve at every instant: a number such as 4, or a share of the fleet such as 60%.
	MinHealthy Size `yaml:"min_healthy" default:"50%"`
}

// Bake says how long real traffic is watched at each gate.
type Bake struct {
	// For is the shortest watch.
	For time.Duration `yaml:"for" default:"2m" min:"1ms" max:"168h"`
	// AtMost is the longest watch, when the verdict is unsure.
	AtMost time.Duration `yaml:"at_most" default:"10m" min:"1ms" max:"168h"`
	// Poll is the time between two looks at the traffic.
	Poll time.Duration `yaml:"poll" default:"5s" min:"1ms" max:"10m"`
}

// Pos is where the value of a path such as "site.root" or "metrics[0].limit" stands in the file. A value that is not in the
// file stands where the nearest section around it does.
func (s *Spec) Pos(path string) Pos { return nearestPos(s.positions, path) }

// Problem is a mistake at the value of a path, for checks that are made after loading.
func (s *Spec) Problem(path, found, allowed string) Problem {
	return problemAt(s.source, s.Pos(path), path, found, allowed)
}
