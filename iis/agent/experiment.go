package agent

// ExperimentArgs try one open question on the throw-away site iis-canary-probe-<id> below Root. Two names are no questions: "echo"
// tells what arrived, "clean" removes every throw-away site; its result is a [PruneResult].
type ExperimentArgs struct {
	App  string `json:"app"`
	Root string `json:"root"`
	ID   string `json:"id"` // 4 to 12 lower-case letters and digits
	Name string `json:"name"`
}

// ExperimentResult is what was seen, by name. Hindrance says why nothing more was: what the experiment needs is not there, or it
// failed; empty: it came to its end.
type ExperimentResult struct {
	Observed  map[string]any `json:"observed"`
	Hindrance string         `json:"hindrance"`
	MS        float64        `json:"ms"`
}

// EncodeCommand is a script as powershell.exe -EncodedCommand reads it.
func EncodeCommand(script string) string { return encodeCommand(script) }
