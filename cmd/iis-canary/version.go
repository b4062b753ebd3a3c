package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// stamp is what the build knows about itself.
type stamp struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// built reads the stamp from the build info that the Go toolchain leaves in the binary.
func built() stamp {
	st := stamp{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return st
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		st.Version = v
	}
	for _, set := range info.Settings {
		switch set.Key {
		case "vcs.revision":
			st.Revision = set.Value
		case "vcs.time":
			st.Time = set.Value
		case "vcs.modified":
			st.Modified = set.Value == "true"
		}
	}
	return st
}

func version() string { return built().Version }

func versionCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "version",
		Usage: "say which build this is",
		Flags: []cli.Flag{outputFlag()},
		Action: func(c *cli.Context) error {
			o, err := format(c)
			if err != nil {
				return err
			}
			st := built()
			if o == "json" {
				return json.NewEncoder(s.out).Encode(st)
			}
			return st.text(s.out)
		},
	})
}

// text writes the stamp as one line for people.
func (st stamp) text(w io.Writer) error {
	source := ""
	if st.Revision != "" {
		source = fmt.Sprintf(" (%.12s, %s)", st.Revision, st.Time)
	}
	_, err := fmt.Fprintf(w, "iis-canary %s%s %s %s\n", st.Version, source, st.Go, st.Platform)
	return err
}
