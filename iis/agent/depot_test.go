package agent_test

import (
	"archive/zip"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"time"
)

// shelf is what a depot answers at one path: an archive, unless anything else is said.
type shelf struct {
	Files  map[string]string `json:"files"`  // of a zip, by name
	Lying  bool              `json:"lying"`  // its directory says that entries are one byte longer than they are
	Raw    string            `json:"raw"`    // instead of a zip
	Status int               `json:"status"` // 0: 200
	To     string            `json:"to"`     // a redirect
	Short  int               `json:"short"`  // so many bytes of it never come
	Slow   bool              `json:"slow"`   // a byte now and then
	Token  string            `json:"token"`  // that must be shown; "none": none may be
}

// depot is web servers that a vector's server can fetch from: one that it trusts, one at another port, one that nobody trusts, and one that speaks
// nothing newer than TLS 1.1. There is a proxy, too.
type depot struct {
	servers map[string]*httptest.Server
	proxy   *httptest.Server // through which archive.invalid is reached, which is $depot
	shelves map[string]shelf
	roots   *x509.CertPool
}

func openDepot(t tester) (*depot, error) {
	d := &depot{servers: map[string]*httptest.Server{}, roots: x509.NewCertPool()}
	own, err := local()
	if err != nil {
		return nil, err
	}
	d.roots.AddCert(own.Leaf)
	for name, config := range map[string]*tls.Config{
		"$depot": {Certificates: []tls.Certificate{own}}, "$other": {Certificates: []tls.Certificate{own}}, "$untrusted": {},
		"$ancient": {Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
	} {
		s := httptest.NewUnstartedServer(d)
		s.TLS = config
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		d.servers[name] = s
	}
	d.proxy = httptest.NewServer(http.HandlerFunc(d.connect))
	t.Cleanup(d.proxy.Close)
	return d, nil
}

// connect is what a proxy does for https.
func (d *depot) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || r.Host != "archive.invalid:443" {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	to, err := net.Dial("tcp", d.servers["$depot"].Listener.Addr().String())
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	from, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		_ = to.Close()
		return
	}
	_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
	_, _ = io.Copy(from, to)
	_ = from.Close()
}

// local is a certificate for localhost.
func local() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	form := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "depot"}, DNSNames: []string{"localhost", "archive.invalid"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, &form, &form, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// at is the address of one of the servers.
func (d *depot) at(name string) string {
	u := d.servers[name].URL
	return "https://localhost" + u[strings.LastIndexByte(u, ':'):]
}

// fill puts addresses into a text.
func (d *depot) fill(text string) string {
	for name := range d.servers {
		text = strings.ReplaceAll(text, name, d.at(name))
	}
	return strings.ReplaceAll(text, "$proxy", d.proxy.Listener.Addr().String())
}

func (d *depot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, there := d.shelves[r.URL.Path]
	shown := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !there:
		w.WriteHeader(http.StatusNotFound)
	case s.Token == "none" && shown != "" || s.Token != "" && s.Token != "none" && s.Token != shown:
		w.WriteHeader(http.StatusForbidden)
	case s.To != "":
		w.Header().Set("Location", d.fill(s.To))
		w.WriteHeader(http.StatusFound)
	case s.Status != 0:
		w.WriteHeader(s.Status)
	case s.Slow:
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("P"))
			w.(http.Flusher).Flush()
			<-time.After(20 * time.Millisecond)
		}
	default:
		archive, err := s.archive()
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(archive[:len(archive)-s.Short])
	}
}

// archive is the bytes that are meant.
func (s shelf) archive() ([]byte, error) {
	if s.Raw != "" {
		return []byte(s.Raw), nil
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Unix(1700000000, 0)})
		if err != nil {
			return nil, err
		}
		if _, err := io.WriteString(w, s.Files[name]); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	archive := b.Bytes()
	for at := 0; at < len(archive) && s.Lying; at++ {
		if !bytes.HasPrefix(archive[at:], []byte("PK\x01\x02")) { // central directory, APPNOTE.TXT 4.3.12
			continue
		}
		size := archive[at+24:]
		binary.LittleEndian.PutUint32(size, binary.LittleEndian.Uint32(size)+1)
	}
	return archive, nil
}

// value is what stands for $archive(PATH), the SHA-256 of an archive, and $size(PATH), its size.
func (d *depot) value(text string) (any, bool) {
	kind, path, is := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	if !is || kind != "$archive" && kind != "$size" {
		return nil, false
	}
	archive, err := d.shelves[path].archive()
	if err != nil {
		return err.Error(), true
	}
	if kind == "$size" {
		return float64(len(archive)), true
	}
	return sum(string(archive)), true
}

// deposit fills the depot.
func (b *bench) deposit(shelves map[string]shelf) error {
	if len(shelves) > 0 && b.depot.shelves != nil {
		return errors.New("the depot is filled once, before the steps")
	}
	if len(shelves) > 0 {
		b.depot.shelves = shelves
	}
	return nil
}

// signedFile is $signed(CONTENT|SUBJECT|THUMBPRINT|HRESULT).
func signedFile(text string) (content, subject, thumbprint string, hresult uint32, is bool) {
	inner, is := strings.CutPrefix(text, "$signed(")
	parts := strings.Split(strings.TrimSuffix(inner, ")"), "|")
	if !is || len(parts) != 4 {
		return "", "", "", 0, false
	}
	n, err := strconv.ParseUint(parts[3], 0, 32)
	return parts[0], parts[1], parts[2], uint32(n), err == nil
}
