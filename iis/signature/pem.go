package signature

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
)

// shortestRSA is the size in bits from which an RSA key counts (NIST SP 800-131A).
const shortestRSA = 2048

// publicKey is one key, and how its signature over a SHA-256 is checked.
type publicKey struct {
	name  string // the SHA-256 of the key, shortened
	check func(sum, signature []byte) bool
}

// PEM trusts these public keys, each a file "BEGIN PUBLIC KEY". A signature is over the SHA-256 of the package, raw or in
// base64: with RSA as PKCS #1 v1.5, with ECDSA in ASN.1 (both as `openssl dgst -sha256 -sign` makes them), with Ed25519 over
// the 32 bytes of the hash.
func PEM(files [][]byte) (*Verifier, error) {
	var keys []publicKey
	for _, file := range files {
		k, err := parsePEM(file)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return &Verifier{".sig", func(content io.Reader, signature []byte) (string, error) {
		return verifyPEM(keys, content, signature)
	}}, nil
}

func parsePEM(file []byte) (publicKey, error) {
	block, rest := pem.Decode(file)
	if block == nil || block.Type != "PUBLIC KEY" {
		return publicKey{}, errors.New("it holds no public key in PEM form (BEGIN PUBLIC KEY)")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return publicKey{}, errors.New("it holds more than one key; name a file for each")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return publicKey{}, fmt.Errorf("it holds no public key that can be read: %w", err)
	}
	k := publicKey{name: fmt.Sprintf("%x", sha256.Sum256(block.Bytes))[:16]}
	switch key := key.(type) {
	case ed25519.PublicKey:
		k.check = func(sum, signature []byte) bool { return ed25519.Verify(key, sum, signature) }
	case *ecdsa.PublicKey:
		k.check = func(sum, signature []byte) bool { return ecdsa.VerifyASN1(key, sum, signature) }
	case *rsa.PublicKey:
		if key.N.BitLen() < shortestRSA {
			return publicKey{}, fmt.Errorf("it holds an RSA key of %d bits, at least %d are needed", key.N.BitLen(), shortestRSA)
		}
		k.check = func(sum, signature []byte) bool { return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum, signature) == nil }
	default:
		return publicKey{}, fmt.Errorf("it holds a key of another kind (%T): RSA, ECDSA or Ed25519", key)
	}
	return k, nil
}

func verifyPEM(keys []publicKey, content io.Reader, signature []byte) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, content); err != nil {
		return "", fmt.Errorf("hash the package: %w", err)
	}
	sum, forms := h.Sum(nil), [][]byte{signature}
	if raw, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(signature))); err == nil {
		forms = append(forms, raw)
	}
	for _, k := range keys {
		for _, form := range forms {
			if k.check(sum, form) {
				return "key " + k.name, nil
			}
		}
	}
	return "", errors.New("it is not over this package, or was made with a key that is not trusted")
}
