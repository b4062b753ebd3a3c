package rehearsal

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Options say what fleet to put up.
type Options struct {
	Servers int     // 2 to 100
	Speed   float64 // divides every configured duration; at least 1
	Traffic float64 // requests per second of all customers together
	Faults  []string
	Dir     string // folder for everything that is written; it must exist
	// Auth is how the program logs in: one of [Auths]; empty: basic. All are over TLS, but ntlm.
	Auth string
	// Elasticsearch is the URL of a cluster that is to be the log store instead of a simulated one, with the API key in
	// ElasticsearchKey, which is the value of [ElasticsearchKeyVariable]; both may be empty.
	Elasticsearch, ElasticsearchKey string
	// Agent is what answers on the servers: AgentModel, or AgentMono, the very C# source that arrives, run under Mono. Empty: AgentModel.
	Agent string
	// Patience is how long the servers' agents wait for a state of IIS; 0: 60 s, as on Windows.
	Patience time.Duration
	// Pull keeps the package where the servers fetch it by themselves: https or s3; empty: it is a file of this machine.
	Pull string
	// Secrets takes the place of secrets that would be made up, by the name of the file that each goes to.
	Secrets map[string]string
	// Overhear is called with every request that a peer lets in, sealed and packed ones opened; nil: nobody listens.
	Overhear func(peer string, r *http.Request, body []byte)
	// OverhearAnswer is called with every answer of a server's WinRM to such a request, before it is sealed; nil: nobody listens.
	OverhearAnswer func(peer string, r *http.Request, body []byte)
	// Standing bounds what a fleet that stands for hours holds: lines of the access logs, and documents of the log store.
	Standing bool
}

// Check refuses options that make no fleet.
func (o Options) Check() error {
	var all []error
	if o.Servers < 2 || o.Servers > 100 {
		all = append(all, fmt.Errorf("--servers is %d, allowed: 2 to 100", o.Servers))
	}
	if !(o.Speed >= 1 && o.Speed <= 200) {
		all = append(all, fmt.Errorf("--speed is %g, allowed: 1 to 200", o.Speed))
	}
	if !(o.Traffic >= 1 && o.Traffic <= 5000) {
		all = append(all, fmt.Errorf("--traffic is %g, allowed: 1 to 5000 requests per second", o.Traffic))
	}
	if o.Auth != "" && !slices.Contains(Auths(), o.Auth) {
		all = append(all, fmt.Errorf("--auth is %q, allowed: %s", o.Auth, strings.Join(Auths(), ", ")))
	}
	if o.Agent != "" && o.Agent != AgentModel && o.Agent != AgentMono {
		all = append(all, fmt.Errorf("--agent is %q, allowed: %s, %s", o.Agent, AgentModel, AgentMono))
	}
	if o.Pull != "" && o.Pull != PullHTTPS && o.Pull != PullS3 {
		all = append(all, fmt.Errorf("--pull is %q, allowed: %s, %s", o.Pull, PullHTTPS, PullS3))
	}
	return errors.Join(append(all, o.checkStore(), CheckFaults(o.Faults))...)
}

// Names of things that are made up.
const (
	region    = "eu-west-1"
	groupName = "web-443"
	index     = "logs-iis.access-default"
	winrmUser = "deployer"

	elasticUser = "reader"

	failureIndex = "deploy-events"
	healthURL    = "/health"
)
