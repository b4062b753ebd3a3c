// Package agent is the host agent as the program sees it: its C# source, the loader that starts it, the frames on its
// streams and the Go types of its protocol (docs/agent-protocol.md). It does no input or output of its own.
package agent

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf16"
)

//go:embed loader.ps1
var loader string

//go:embed *.cs
var sources embed.FS

// Program is the agent, ready to be sent.
type Program struct {
	// Command starts the loader: a command line for WinRM, under 8,000 characters.
	Command string
	// Input is what the loader reads first from standard input: an int32 length and the source.
	Input []byte
}

// Load puts the program together: every *.cs file in order of its name, and a loader that knows their SHA-256.
func Load() (Program, error) {
	source, err := source()
	if err != nil {
		return Program{}, err
	}
	return program(source), nil
}

func program(source []byte) Program {
	return Program{
		Command: commandLine(loader, source),
		Input:   append(binary.LittleEndian.AppendUint32(nil, uint32(len(source))), source...),
	}
}

// commandLine starts a loader that takes this source and no other.
func commandLine(loader string, source []byte) string {
	script := strings.Replace(loader, "@SHA256@", fmt.Sprintf("%X", sha256.Sum256(source)), 1)
	return "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand " + encodeCommand(script)
}

// source relies on each file keeping its using directives inside its namespace, so that the files can follow each other.
func source() ([]byte, error) {
	names, err := fs.Glob(sources, "*.cs")
	if err != nil {
		return nil, fmt.Errorf("list the agent's source: %w", err)
	}
	var all bytes.Buffer
	for _, n := range names {
		text, err := sources.ReadFile(n)
		if err != nil {
			return nil, fmt.Errorf("read the agent's source: %w", err)
		}
		all.Write(text)
		all.WriteByte('\n')
	}
	return all.Bytes(), nil
}

// encodeCommand is base64 of UTF-16LE, as powershell.exe -EncodedCommand reads it. Lines are trimmed to save room.
func encodeCommand(script string) string {
	var short strings.Builder
	for line := range strings.Lines(script) {
		short.WriteString(strings.TrimSpace(line))
		short.WriteByte('\n')
	}
	var raw []byte
	for _, u := range utf16.Encode([]rune(short.String())) {
		raw = binary.LittleEndian.AppendUint16(raw, u)
	}
	return base64.StdEncoding.EncodeToString(raw)
}
