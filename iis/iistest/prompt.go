package iistest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
)

// sourceLimit is the longest agent source that the model takes.
const sourceLimit = 4 << 20

// program is what a command line starts.
func (s *Server) program(line string) program {
	words := strings.Fields(line)
	name := strings.TrimSuffix(strings.ToLower(words[0]), ".exe")
	rest := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), words[0]))
	switch name {
	case "powershell", `c:\windows\system32\windowspowershell\v1.0\powershell`:
		return s.powerShell(words[1:])
	case "echo":
		return says(rest, 0)
	case "hostname":
		return says(s.config.Name, 0)
	case "ver":
		return says("Microsoft Windows [Version 10.0.20348.2227]", 0)
	case "exit":
		code, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(rest, "/b")))
		if rest == "" || err != nil {
			code = 0
		}
		return says("", code)
	}
	return complains("'"+words[0]+"' is not recognized as an internal or external command,\r\noperable program or batch file.", 1)
}

func says(text string, code int) program {
	return func(_ context.Context, _ io.Reader, out, _ io.Writer) int {
		if text != "" {
			_, _ = io.WriteString(out, text+"\r\n") // a killed process writes nothing
		}
		return code
	}
}

func complains(text string, code int) program {
	return func(_ context.Context, _ io.Reader, _, errs io.Writer) int {
		_, _ = io.WriteString(errs, text+"\r\n") // a killed process writes nothing
		return code
	}
}

var agentHash = regexp.MustCompile(`(?:^|[^0-9A-Fa-f])([0-9A-F]{64})(?:[^0-9A-Fa-f]|$)`)

// powerShell runs the agent's loader, or says that it cannot run the script.
func (s *Server) powerShell(args []string) program {
	script, ok := encodedCommand(args)
	if !ok {
		return complains("this simulated powershell.exe runs -EncodedCommand with the agent's loader, nothing else", 1)
	}
	if strings.Contains(strings.ToLower(script), "$input") {
		return complains("the script mentions $input: PowerShell reads the standard input itself, as text", 1)
	}
	hash := agentHash.FindStringSubmatch(script)
	if hash == nil || !strings.Contains(script, "[IisCanary.Agent]::Run") {
		return complains("this script is not simulated", 1)
	}
	return func(ctx context.Context, in io.Reader, out, _ io.Writer) int {
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return 3
		}
		n := int32(binary.LittleEndian.Uint32(size[:]))
		if n <= 0 || n > sourceLimit {
			writeFatal(out, fmt.Sprintf("an agent source of %d bytes", n))
			return 4
		}
		source, err := readPart(in, n)
		if err != nil {
			return 3
		}
		sum := sha256.Sum256(source)
		if got := strings.ToUpper(hex.EncodeToString(sum[:])); got != hash[1] {
			writeFatal(out, "agent source has SHA-256 "+got)
			return 4
		}
		return (&agent{server: s, memory: map[string][]byte{}}).run(ctx, in, out)
	}
}

// encodedCommand is the script behind -EncodedCommand: base64 of UTF-16LE.
func encodedCommand(args []string) (string, bool) {
	for i, a := range args[:max(len(args)-1, 0)] {
		flag := strings.ToLower(a)
		if len(flag) < 2 || flag != "-ec" && !strings.HasPrefix("-encodedcommand", flag) {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(args[i+1])
		if err != nil || len(raw)%2 != 0 {
			return "", false
		}
		units := make([]uint16, len(raw)/2)
		for j := range units {
			units[j] = binary.LittleEndian.Uint16(raw[2*j:])
		}
		return string(utf16.Decode(units)), true
	}
	return "", false
}
