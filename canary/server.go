package canary

// Target is one registration of a server in a target group: the exact tuple that the balancer listed. Nothing else may be
// sent back to it: a deregistration with another port succeeds and does nothing.
type Target struct {
	Group string `json:"group"`          // the target group's ARN
	ID    string `json:"id"`             // instance id, or an address in a group of type ip
	Port  int    `json:"port"`           // the registered port
	Zone  string `json:"zone,omitempty"` // the Availability Zone, where the balancer listed one
}

// Server is one Windows host of the fleet.
type Server struct {
	Name     string   `json:"name"`     // as people and the logs call it; unique in the fleet
	Address  string   `json:"address"`  // host or host:port of its WinRM listener
	Instance string   `json:"instance"` // EC2 instance id
	Targets  []Target `json:"targets"`  // every registration of this server; rolled in all of them together
}

// Release is one immutable set of files and the slot that it is to run in.
type Release struct {
	Slot    string `json:"slot"`    // site, pool and folder name, such as app.domain.com-3457
	Version string `json:"version"` // shown to people
	Digest  string `json:"digest"`  // SHA-256 over the sorted file list, hexadecimal
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
}
