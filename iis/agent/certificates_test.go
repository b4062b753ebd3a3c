package agent_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"time"
)

// stored is a certificate: its common name, its alternative names, and how long it is valid.
type stored struct {
	Name string   `json:"name"`
	Also []string `json:"also"`
	Days int      `json:"days"`
}

// issue puts certificates into the server's store, and sites that have one of their own on its port.
func (b *bench) issue(g given) error {
	var all []error
	for _, c := range g.Certificates {
		made, err := issued(c.Name, c.Days, c.Also...)
		if all = append(all, err); err == nil {
			b.server.AddCertificate(made.Certificate[0])
		}
	}
	for name, host := range g.NamedSite {
		own, err := issued(host, 30, host)
		if all = append(all, err); err == nil {
			b.server.AddNamedSite(name, host, own)
		}
	}
	return errors.Join(all...)
}

// issued is a certificate that signs itself, for a common name and alternative names, and so many days of a far century. The same names
// give the same certificate each time, so that what agents say of it can be compared.
func issued(cn string, days int, names ...string) (tls.Certificate, error) {
	seed := sha256.Sum256([]byte(cn))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		return tls.Certificate{}, err
	}
	form := x509.Certificate{SerialNumber: new(big.Int).SetBytes(seed[1:9]), Subject: pkix.Name{CommonName: cn}, DNSNames: names,
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2060, 1, 1+days, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(nil, &form, &form, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
