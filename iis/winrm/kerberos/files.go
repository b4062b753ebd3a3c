package kerberos

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/keytab"
)

// fileLimit bounds each file that is read, in bytes.
const fileLimit = 1 << 20

// What a message shows of the names in a file, at most.
const (
	longestName = 100 // bytes of one
	mostNames   = 10
)

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err != nil {
		return nil, err
	}
	if len(b) > fileLimit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, fileLimit)
	}
	return b, nil
}

// guarded makes an error of a panic: the readers of gokrb5 take lengths that a file or a message tells for what is there.
func guarded(read func() error) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("it cannot be taken apart: %v", broken)
		}
	}()
	return read()
}

// strong are the encryption types that are used, the best one first.
func strong() []int32 {
	return []int32{etypeID.AES256_CTS_HMAC_SHA384_192, etypeID.AES128_CTS_HMAC_SHA256_128, etypeID.AES256_CTS_HMAC_SHA1_96, etypeID.AES128_CTS_HMAC_SHA1_96}
}

// lookup is the line of a krb5.conf that says whether DNS is asked; without it, it is, as MIT's Kerberos does.
var lookup = regexp.MustCompile(`(?m)^\s*dns_lookup_kdc\s*=`)

// loadConfig reads a krb5.conf; without one, the realm and DNS have to do.
func loadConfig(path, realm string) (*config.Config, error) {
	c := config.New()
	c.LibDefaults.DNSLookupKDC = true
	if path != "" {
		text, err := readFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the Kerberos configuration: %w", err)
		}
		err = guarded(func() (bad error) {
			c, bad = config.NewFromReader(bytes.NewReader(text))
			return bad
		})
		if _, unused := errors.AsType[config.UnsupportedDirective](err); err != nil && (!unused || c == nil) {
			return nil, fmt.Errorf("read the Kerberos configuration %s: %w", path, err)
		}
		if !lookup.Match(text) {
			c.LibDefaults.DNSLookupKDC = true
		}
	}
	l := &c.LibDefaults
	l.DefaultRealm = cmp.Or(l.DefaultRealm, realm)
	l.DefaultTktEnctypeIDs, l.DefaultTGSEnctypeIDs, l.PermittedEnctypeIDs = strong(), strong(), strong()
	l.NoAddresses, l.Forwardable, l.Proxiable = true, false, false
	l.Canonicalize = false // of the account's name, which the answer is compared with
	return c, nil
}

func (c *Client) useKeytab(path string) error {
	b, err := readFile(path)
	if err != nil {
		return fmt.Errorf("read the keytab: %w", err)
	}
	keys := keytab.New()
	if !sound(b) || guarded(func() error { return keys.Unmarshal(b) }) != nil {
		return fmt.Errorf("%s is no keytab", path)
	}
	var others []string
	for _, e := range keys.Entries {
		name := strings.Join(e.Principal.Components, "/") + "@" + e.Principal.Realm
		if name == c.Account() && slices.Contains(strong(), e.Key.KeyType) {
			c.account.WithKeytab(keys)
			return nil
		}
		if text := fmt.Sprintf("%s (encryption type %d)", legible(name), e.Key.KeyType); !slices.Contains(others, text) {
			others = append(others, text)
		}
	}
	if more := len(others) - mostNames; more > 0 {
		others = append(others[:mostNames], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("the keytab %s has no AES key of %s; it has: %s", path, c.Account(), cmp.Or(strings.Join(others, ", "), "nothing"))
}

// sound reports whether a keytab of version 2 is one entry after the other, to its end: gokrb5's reader can go round in circles where a
// length leads back.
func sound(b []byte) bool {
	if len(b) < 2 || b[0] != 5 || b[1] != 2 {
		return false
	}
	for b = b[2:]; len(b) >= 4; {
		length := int64(int32(binary.BigEndian.Uint32(b)))
		if b = b[4:]; length < 0 { // a hole
			length = -length
		}
		if length == 0 { // the end
			return true
		}
		if length > int64(len(b)) {
			return false
		}
		b = b[length:]
	}
	return true
}

// firstLine is an error without the bytes that some put behind their words.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == '\ufffd' {
			return -1
		}
		return r
	}, text)
	if len(clean) > 100 {
		return "it cannot be taken apart"
	}
	return clean
}

// legible is a name out of a file as it may stand in a message: between quotes, with what cannot be shown escaped, if it is no name that
// a person could have typed.
func legible(name string) string {
	if len(name) > longestName {
		name = strings.ToValidUTF8(name[:longestName], "") + "..."
	}
	if utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return name
	}
	return strconv.QuoteToASCII(name)
}

// useCache takes the tickets that kinit got.
func (c *Client) useCache(path, user string) error {
	path, kind := cachePath(path)
	switch {
	case kind != "":
		return fmt.Errorf("the ticket cache %s:%s is of a kind that only this machine's own Kerberos can read; get one in a file: kinit -c FILE", kind, path)
	case path == "":
		return errors.New("there is no password, no keytab and no ticket cache; give one of them, or set KRB5CCNAME")
	}
	b, err := readFile(path)
	if err != nil {
		return fmt.Errorf("read the ticket cache: %w", err)
	}
	cache, err := readCache(b)
	if err != nil {
		return fmt.Errorf("%s is no ticket cache", path)
	}
	c.account = credentials.New(cache.user, cache.realm)
	if shown := legible(c.Account()); shown != c.Account() {
		return fmt.Errorf("the ticket cache %s is of %s, and no account has such a name; get another with: kinit -c %s", path, shown, path)
	}
	name, of, _ := strings.Cut(user, "@")
	if user != "" && (name != c.account.UserName() || of != "" && !strings.EqualFold(of, c.account.Domain())) {
		return fmt.Errorf("the ticket cache %s is of %s, not of %s", path, c.Account(), user)
	}
	c.config.LibDefaults.DefaultRealm = cmp.Or(c.config.LibDefaults.DefaultRealm, c.account.Domain())
	return c.take(cache, path)
}

// take holds on to the tickets of a cache whose keys are strong. One for a server that is not is asked for anew.
func (c *Client) take(cache cache, path string) error {
	weak := int32(0)
	for _, held := range cache.held {
		granting, good := held.server == "krbtgt/"+cache.realm && held.realm == cache.realm, slices.Contains(strong(), held.ticket.key.KeyType)
		switch {
		case granting && good:
			c.granting = held.ticket
		case granting:
			weak = held.ticket.key.KeyType
		case good:
			c.tickets[held.server] = held.ticket
		}
	}
	switch {
	case c.granting != nil:
		return nil
	case weak != 0:
		return fmt.Errorf("the ticket-granting ticket in the ticket cache %s has a key of encryption type %d, and only AES keys are used; "+
			"let krb5.conf ask for AES (default_tkt_enctypes, permitted_enctypes) and the account use it, and get another with: kinit -c %s %s", path, weak, path, c.Account())
	}
	return fmt.Errorf("the ticket cache %s has no ticket-granting ticket of %s; get one with: kinit -c %s %s", path, c.account.Domain(), path, c.Account())
}

// cachePath takes the kind of a cache off its name; kind is empty for a file.
func cachePath(name string) (path, kind string) {
	kind, rest, cut := strings.Cut(name, ":")
	switch {
	case !cut || len(kind) == 1: // a drive letter
		return name, ""
	case kind == "FILE":
		return rest, ""
	}
	return rest, kind
}
