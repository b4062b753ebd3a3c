// Command loaders writes every PowerShell loader of the host agent, as it is sent to servers, into a folder.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf16"

	"iiscanary/iis/agent"
)

func main() {
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(dir string) error {
	p, err := agent.Load()
	if err != nil {
		return err
	}
	b, err := agent.LoadBatch()
	if err != nil {
		return err
	}
	for name, command := range map[string]string{"stream": p.Command, "oneshot": b.Command} {
		script, err := decode(command)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".ps1"), []byte(script), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// decode is the script behind -EncodedCommand.
func decode(command string) (string, error) {
	_, encoded, found := strings.Cut(command, " -EncodedCommand ")
	if !found {
		return "", fmt.Errorf("no -EncodedCommand in %q", command)
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", err
	}
	var units []uint16
	for ; len(raw) > 1; raw = raw[2:] {
		units = append(units, binary.LittleEndian.Uint16(raw))
	}
	return string(utf16.Decode(units)), nil
}
