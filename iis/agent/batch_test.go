package agent

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

func TestABatchIsTextOfShortLinesThatHoldsSourceAndFrames(t *testing.T) {
	b, err := LoadBatch()
	if err != nil {
		t.Fatal(err)
	}
	frames := bytes.Repeat([]byte{0, 0xff, '.'}, 5000)
	text := string(b.Input(frames))
	for l := range strings.Lines(text) {
		if len(l) > batchLine+3 {
			t.Fatalf("a line of %d characters", len(l))
		}
	}
	parts := strings.Split(strings.ReplaceAll(text, "\r\n", ""), ".")
	if len(parts) != 3 || parts[2] != "" {
		t.Fatalf("%d parts", len(parts))
	}
	all, err := source()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]byte{all, frames} {
		if got, err := base64.StdEncoding.DecodeString(parts[i]); err != nil || !bytes.Equal(got, want) {
			t.Errorf("part %d holds %d bytes, want %d: %v", i, len(got), len(want), err)
		}
	}
}

func TestTheBatchLoaderFitsAndIsWhole(t *testing.T) {
	b, err := LoadBatch()
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Command) > 8000 {
		t.Errorf("the command line has %d characters", len(b.Command))
	}
	if strings.Contains(batchLoader, "OpenStandardInput") || !strings.Contains(batchLoader, "$input") {
		t.Error("the batch loader must leave its input to PowerShell")
	}
}
