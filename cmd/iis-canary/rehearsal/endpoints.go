package rehearsal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"iiscanary/configs"
	"iiscanary/iis/iistest"
)

// Endpoints is where the peers of a standing fleet listen, and with what each is spoken to: endpoints.json. The secrets in it
// open nothing but this fleet.
type Endpoints struct {
	AWS             string           `json:"aws"`
	Region          string           `json:"region"`
	AccessKey       string           `json:"access_key"`
	SecretKey       string           `json:"secret_key"`
	TargetGroupARN  string           `json:"target_group_arn"`
	LoadBalancerARN string           `json:"load_balancer_arn"`
	Front           string           `json:"front"`                 // where customers go
	CA              string           `json:"ca"`                    // file of the authority that front and WinRM are signed by
	Elasticsearch   string           `json:"elasticsearch"`         // URL
	ElasticAPIKey   string           `json:"elasticsearch_api_key"` // base64 of id:key; empty: that of a cluster of the user's own
	Index           string           `json:"index"`
	Servers         []ServerEndpoint `json:"servers"`
	Control         string           `json:"control"` // see [Control]
}

// ServerEndpoint is one Windows server.
type ServerEndpoint struct {
	Name       string `json:"name"`
	InstanceID string `json:"instance_id"`
	Address    string `json:"address"`
	WinRM      string `json:"winrm"` // as the configuration has it
	Auth       string `json:"auth"`  // one of Auths
	WinRMTLS   string `json:"winrm_tls"`
	User       string `json:"user"`
	Password   string `json:"password"`
	// With kerberos: what the server is called, and the password that its key is made of, so that another KDC can stand for the fleet's.
	SPN             string `json:"spn,omitempty"`
	MachinePassword string `json:"machine_password,omitempty"`
}

// Names of what a standing fleet leaves in its folder beside the configuration.
const (
	EndpointsFile = "endpoints.json"
	GoodPackage   = "good.zip"
	BadPackage    = "bad.zip"
)

// badRate is the share of 5xx answers of the bad package: enough for the first gate to see at any traffic.
const badRate = 0.25

// Stand writes what people and programs need who aim at the fleet: a good and a bad package, and endpoints.json.
func (f *Fleet) Stand(c *Control) error {
	dir := f.options.Dir
	if err := writePackage(filepath.Join(dir, GoodPackage), files(newVersion)); err != nil {
		return err
	}
	bad := files(badVersion)
	behaviour, err := json.Marshal(iistest.Behaviour{ErrorRate: badRate, Spared: []string{healthURL}})
	if err != nil {
		return fmt.Errorf("write %s: %w", BadPackage, err)
	}
	bad["simulation.json"] = string(behaviour)
	if err := writePackage(filepath.Join(dir, BadPackage), bad); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "schema.json"), configs.Schema(), 0o600); err != nil { // canary.yaml names it to editors
		return err
	}
	text, err := json.MarshalIndent(f.endpoints(c), "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", EndpointsFile, err)
	}
	return replaceFile(filepath.Join(dir, EndpointsFile), append(text, '\n'))
}

// replaceFile writes a file so that whoever waits for it never sees a half of it.
func replaceFile(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (f *Fleet) endpoints(c *Control) Endpoints {
	e := Endpoints{
		AWS: f.Balancer.URL(), Region: region, AccessKey: f.secrets["access_key"], SecretKey: f.secrets["secret_key"],
		TargetGroupARN: f.Balancer.TargetGroupARN(groupName), LoadBalancerARN: f.Balancer.LoadBalancerARN(),
		Front: f.Balancer.FrontURL(), CA: filepath.Join(f.options.Dir, "ca.pem"), Elasticsearch: f.store.url,
		ElasticAPIKey: f.store.key, Index: f.store.lines, Control: c.URL(),
	}
	if f.store.cluster != nil {
		e.ElasticAPIKey = "" // the user's own, which is written nowhere
	}
	for i, p := range f.places {
		secure := fmt.Sprintf("https://%s:%d/wsman", p.address, p.winrm)
		way, auth := secure, cmp.Or(f.options.Auth, basicAuth)
		if f.options.ntlm() {
			way = fmt.Sprintf("http://%s:%d/wsman", p.address, p.plain)
		}
		one := ServerEndpoint{Name: serverName(i), InstanceID: instanceID(i), Address: p.address,
			WinRM: way, Auth: auth, WinRMTLS: secure, User: f.secrets["winrm_user"], Password: f.secrets["winrm_password"]}
		if auth == kerberosAuth {
			one.SPN, one.MachinePassword = spn(one.Name), f.secrets[machineSecret]
		}
		e.Servers = append(e.Servers, one)
	}
	return e
}
