package signature_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iiscanary/iis/signature"
)

// genuine is a file that minisign or OpenSSL made (testdata/README.md).
func genuine(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatTheGenuineProgramsSignedIsVerified(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(string(genuine(t, "minisign.pub"))), "\n")
	minisign, err := signature.Minisign([]string{lines[len(lines)-1]})
	if err != nil {
		t.Fatal(err)
	}
	verifiers := map[string]*signature.Verifier{"package.minisig": minisign, "legacy.minisig": minisign}
	for name, signed := range map[string][]string{"rsa.pem": {"rsa.sig", "rsa.base64.sig"}, "ec.pem": {"ec.sig"}, "ed.pem": {"ed.sig"}} {
		for _, file := range signed {
			if verifiers[file], err = signature.PEM([][]byte{genuine(t, name)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	content := genuine(t, "package")
	for file, v := range verifiers {
		signed := genuine(t, file)
		who, err := v.Verify(bytes.NewReader(content), signed)
		switch {
		case file == "legacy.minisig":
			if err == nil || !strings.Contains(err.Error(), "-H") {
				t.Errorf("%s: %v", file, err)
			}
			continue
		case err != nil:
			t.Errorf("%s: %v", file, err)
		case file == "package.minisig" && !strings.Contains(who, "build 3457"):
			t.Errorf("%s: signed by %q", file, who)
		}
		if _, err := v.Verify(bytes.NewReader(append(content, ' ')), signed); err == nil {
			t.Errorf("%s is over another package, too", file)
		}
		for at := range signed {
			spoiled := bytes.Clone(signed)
			spoiled[at] ^= 1
			if _, err := v.Verify(bytes.NewReader(content), spoiled); err == nil && !harmless(file, string(signed), at) {
				t.Errorf("%s is good with another byte %d", file, at)
			}
		}
	}
}

// harmless reports whether a byte is of the comment that nobody signed, or of what base64 leaves open.
func harmless(file, signed string, at int) bool {
	return strings.HasSuffix(file, ".minisig") && at < strings.IndexByte(signed, '\n') || file == "rsa.base64.sig" && at >= strings.IndexByte(signed, '=')-1
}
