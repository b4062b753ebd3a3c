package signature

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/crypto/blake2b"
)

// The layout of minisign (https://jedisct1.github.io/minisign, "Signature format"). A key is "Ed", its id and 32 bytes. A
// signature is "ED", the id of its key and 64 bytes over the BLAKE2b-512 of the file; "Ed" is the old kind, over the file itself.
const (
	kindBytes = 2
	idBytes   = 8
	keyKind   = "Ed"
	hashed    = "ED"
	direct    = "Ed"

	untrusted = "untrusted comment: "
	trusted   = "trusted comment: "
)

type minisignKey struct {
	id  [idBytes]byte
	key ed25519.PublicKey
}

// Minisign trusts these keys: each the second line of a .pub file of minisign.
func Minisign(keys []string) (*Verifier, error) {
	var all []minisignKey
	for _, text := range keys {
		k, err := parseKey(text)
		if err != nil {
			return nil, fmt.Errorf("key %.8s…: %w", text, err)
		}
		all = append(all, k)
	}
	return &Verifier{".minisig", func(content io.Reader, signature []byte) (string, error) {
		return verifyMinisign(all, content, signature)
	}}, nil
}

func parseKey(text string) (minisignKey, error) {
	var k minisignKey
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != kindBytes+idBytes+ed25519.PublicKeySize || string(raw[:kindBytes]) != keyKind {
		return k, errors.New("it is no public key of minisign")
	}
	copy(k.id[:], raw[kindBytes:])
	k.key = raw[kindBytes+idBytes:]
	return k, nil
}

// minisig is the file that `minisign -S` writes.
type minisig struct {
	kind      string
	id        [idBytes]byte
	signature []byte
	comment   string // that is signed too
	global    []byte // over signature and comment
}

var errFormat = errors.New("it is no signature of minisign")

// parseMinisig reads the four lines of a signature.
func parseMinisig(text []byte) (minisig, error) {
	var m minisig
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], untrusted) || !strings.HasPrefix(lines[2], trusted) {
		return m, errFormat
	}
	strict := base64.StdEncoding.Strict()
	raw, errRaw := strict.DecodeString(lines[1])
	global, errGlobal := strict.DecodeString(lines[3])
	if errRaw != nil || errGlobal != nil || len(raw) != kindBytes+idBytes+ed25519.SignatureSize || len(global) != ed25519.SignatureSize {
		return m, errFormat
	}
	copy(m.id[:], raw[kindBytes:])
	m.kind, m.signature, m.comment, m.global = string(raw[:kindBytes]), raw[kindBytes+idBytes:], strings.TrimPrefix(lines[2], trusted), global
	return m, nil
}

func verifyMinisign(keys []minisignKey, content io.Reader, signature []byte) (string, error) {
	m, err := parseMinisig(signature)
	if err != nil {
		return "", err
	}
	switch m.kind {
	case hashed:
	case direct:
		return "", errors.New("it is of the old kind, which is not over a hash: sign with minisign 0.10 or later, or with -H")
	default:
		return "", errFormat
	}
	i := slices.IndexFunc(keys, func(k minisignKey) bool { return k.id == m.id })
	if i < 0 {
		return "", fmt.Errorf("it was made with the key %s, which is not trusted", keyID(m.id))
	}
	h, err := blake2b.New512(nil)
	if err != nil {
		return "", fmt.Errorf("hash the package: %w", err)
	}
	if _, err := io.Copy(h, content); err != nil {
		return "", fmt.Errorf("hash the package: %w", err)
	}
	if !ed25519.Verify(keys[i].key, h.Sum(nil), m.signature) {
		return "", errors.New("it is not over this package")
	}
	if !ed25519.Verify(keys[i].key, slices.Concat(m.signature, []byte(m.comment)), m.global) {
		return "", errors.New("its trusted comment was changed")
	}
	return fmt.Sprintf("key %s, %s", keyID(m.id), printable(m.comment)), nil
}

// keyID is the id as minisign prints it: a little-endian number.
func keyID(id [idBytes]byte) string { return fmt.Sprintf("%016X", binary.LittleEndian.Uint64(id[:])) }

// mostComment is how much of a comment is shown.
const mostComment = 120

// printable keeps a terminal from being steered by a comment.
func printable(comment string) string {
	shown := bytes.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, []byte(comment))
	if r := []rune(string(shown)); len(r) > mostComment {
		return string(r[:mostComment]) + "…"
	}
	return string(shown)
}
