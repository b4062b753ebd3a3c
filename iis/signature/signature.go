// Package signature tells whether a package was signed with one of the keys that somebody trusts. The signature is a file
// beside the package.
//
// What it promises: a signature that is not good is an error, whatever is wrong with it; nothing but the given keys counts;
// the package is read once, and never held in memory.
package signature

import (
	"errors"
	"io"
)

// MostBytes bounds the size of a signature's file.
const MostBytes = 64 << 10

// Verifier holds the keys of one kind.
type Verifier struct {
	ending string
	verify func(content io.Reader, signature []byte) (string, error)
}

// Ending is what is behind the package's name in that of its signature: .minisig or .sig.
func (v *Verifier) Ending() string { return v.ending }

// Verify reads the content to its end. It returns what is known of who signed it: the key, and what the signature itself says.
func (v *Verifier) Verify(content io.Reader, signature []byte) (string, error) {
	if len(signature) > MostBytes {
		return "", errors.New("the signature is larger than any")
	}
	return v.verify(content, signature)
}
