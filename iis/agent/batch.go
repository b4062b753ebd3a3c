package agent

import (
	"bytes"
	_ "embed" // for the loader
	"encoding/base64"
)

//go:embed batch.ps1
var batchLoader string

// batchLine is the characters in one line of a batch. PowerShell takes it in line by line.
const batchLine = 4096

// Batch is the agent ready to be sent for one process that answers some frames and ends. All of its input is text, which
// PowerShell itself reads: for servers on which the long-lived channel does not answer.
type Batch struct {
	// Command starts the loader.
	Command string
	source  string // as lines of base64
}

// LoadBatch puts the same program together as [Load], for batches.
func LoadBatch() (Batch, error) {
	all, err := source()
	if err != nil {
		return Batch{}, err
	}
	return Batch{Command: commandLine(batchLoader, all), source: lines(all)}, nil
}

// Input is the standard input of a process that is to answer these frames: the source and they in base64, each with a full stop
// behind it.
func (b Batch) Input(frames []byte) []byte {
	return []byte(b.source + "." + lines(frames) + ".\r\n")
}

// lines is base64 in lines. Its full stops never meet anything but a line's end.
func lines(p []byte) string {
	text := base64.StdEncoding.EncodeToString(p)
	var b bytes.Buffer
	for len(text) > 0 {
		n := min(len(text), batchLine)
		b.WriteString(text[:n])
		b.WriteString("\r\n")
		text = text[n:]
	}
	return b.String()
}
