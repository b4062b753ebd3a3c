package iistest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf16"
)

// sourceLimit is the longest agent source that the model takes.
const sourceLimit = 4 << 20

// batchLimit is the longest input of one batch: a frame of the longest kind, in base64.
const batchLimit = 192 << 20

// says is a command that prints a line, or nothing.
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

// powerShell runs the agent's loader and scripts of a few words, or says that it cannot run the script.
func (s *Server) powerShell(args string) program {
	script, ok := encodedCommand(strings.Fields(args))
	if !ok {
		return s.unencoded(args)
	}
	hash := agentHash.FindStringSubmatch(script)
	t := s.trouble.read()
	switch loads := hash != nil && strings.Contains(script, "[IisCanary.Agent]::Run"); {
	case loads && t.Constrained:
		return throws("Cannot invoke method. Method invocation is supported only on core types in this language mode.")
	case loads && t.Malware:
		return throws("This script contains malicious content and has been blocked by your antivirus software.")
	}
	if strings.Contains(strings.ToLower(script), "$input") {
		if hash == nil || !strings.Contains(script, "[IisCanary.Agent]::Run($frames") {
			return complains("the script mentions $input: PowerShell reads the standard input itself, as text", 1)
		}
		return s.batch(hash[1])
	}
	if hash == nil || !strings.Contains(script, "[IisCanary.Agent]::Run") {
		if run, ok := s.script(script, true); ok {
			return run
		}
		return complains("this script is not simulated", 1)
	}
	if t.Starved {
		return says("", 3)
	}
	if t.Deaf {
		return func(ctx context.Context, _ io.Reader, _, _ io.Writer) int {
			<-ctx.Done()
			return controlC
		}
	}
	return s.stream(hash[1], t.Chatter, !t.NoIIS)
}

// stream is the loader that reads its input as it comes: the length of the agent's source, the source, then frames.
func (s *Server) stream(hash, chatter string, iis bool) program {
	return func(ctx context.Context, in io.Reader, out, _ io.Writer) int {
		_, _ = io.WriteString(out, chatter) // a killed process writes nothing
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return 3
		}
		n := int32(binary.LittleEndian.Uint32(size[:]))
		if n <= 0 || n > sourceLimit {
			writeFatal(out, fmt.Sprintf("an agent source of %d bytes", n), iis)
			return 4
		}
		source, err := readPart(in, n)
		if err != nil {
			return 3
		}
		return s.compile(ctx, source, hash, in, out)
	}
}

// batch is the loader that has PowerShell read all of its input first, as text: the agent's source and frames in base64, each
// with a full stop behind it.
func (s *Server) batch(hash string) program {
	return func(ctx context.Context, in io.Reader, out, _ io.Writer) int {
		text, err := io.ReadAll(io.LimitReader(in, batchLimit))
		if err != nil {
			return controlC
		}
		parts := strings.Split(strings.NewReplacer("\r", "", "\n", "").Replace(string(text)), ".")
		if len(parts) != 3 {
			return 3
		}
		source, bad := base64.StdEncoding.DecodeString(parts[0])
		frames, worse := base64.StdEncoding.DecodeString(parts[1])
		if bad != nil || worse != nil {
			writeFatal(out, "The input is not a valid Base-64 string as it contains a non-base 64 character.", !s.trouble.read().NoIIS)
			return 4
		}
		return s.compile(ctx, source, hash, bytes.NewReader(frames), out)
	}
}

// compile runs the agent on its frames, if its source is the one that the loader knows.
func (s *Server) compile(ctx context.Context, source []byte, hash string, in io.Reader, out io.Writer) int {
	iis := !s.trouble.read().NoIIS
	sum := sha256.Sum256(source)
	if got := strings.ToUpper(hex.EncodeToString(sum[:])); got != hash {
		writeFatal(out, "agent source has SHA-256 "+got, iis)
		return 4
	}
	if !iis {
		writeFatal(out, `IIS is not installed: no C:\Windows\System32\inetsrv\Microsoft.Web.Administration.dll`, false)
		return 4
	}
	if s.config.Mono != nil {
		return s.runMono(ctx, source, in, out)
	}
	return (&agent{server: s, memory: map[string][]byte{}}).run(ctx, in, out)
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
