// Package kdctest is a simulated Kerberos KDC (RFC 4120) on loopback, over TCP: enough of one to log in with a password and to get
// tickets for services, and strict about it. It promises:
//
//   - No ticket without a proof of the password that is not older than five minutes, and none for a name that it does not know.
//   - AES keys only, unless its trouble is that it uses others, made of passwords as every KDC makes them, so that another KDC with the same passwords has the same keys.
//   - What goes wrong on demand is answered with the code that a domain controller has for it.
//
// Messages and cryptography are gokrb5's; it shares no code with the client under test.
package kdctest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/keytab"
)

// Config describes a realm.
type Config struct {
	Realm    string            // such as REHEARSAL.TEST
	Accounts map[string]string // passwords by name: users
	Services map[string]string // passwords by SPN, such as HTTP/web-01.rehearsal.test
	Life     time.Duration     // of tickets; default 10 h
	Address  string            // to listen on; default 127.0.0.1:0
}

// Trouble is what is wrong with the realm, until it is set anew.
type Trouble struct {
	Code int32 // every login is refused with it; 0: none is
	// Service is what every question for a ticket for a service is refused with; 0: none is.
	Service int32
	Clock   time.Duration // how far the KDC's clock is ahead
	Mute    bool          // connections are taken, and nothing is said
	Weak    bool          // it says that it has RC4 keys only
	RC4     RC4           // where it uses RC4 keys, whatever was asked for
	// Rounds is how often it wants a password to be hashed; 0: as often as usual.
	Rounds uint32
	// Behind is how often a second list wants it, behind the right one that comes with a ticket; 0: there is none.
	Behind uint32
	// Answer is said to whatever is asked; nil: what is right is.
	Answer []byte
}

// RC4 is where RC4 keys are used.
type RC4 struct {
	Answer   bool // what comes with a ticket for a user's password
	Granting bool // the session keys of ticket-granting tickets
	Service  bool // the session keys of other tickets
}

// KDC is one that runs. All methods are safe for concurrent use.
type KDC struct {
	config   Config
	keys     *keytab.Keytab
	listener net.Listener
	serving  sync.WaitGroup

	mu      sync.Mutex
	trouble Trouble
	logins  int
	refused int
	tickets map[string]int
	open    map[net.Conn]bool
	closed  bool
}

// version is the one of every key.
const version = 1

// kinds are the encryption types that it has keys of.
func kinds() []int32 {
	return []int32{etypeID.AES256_CTS_HMAC_SHA1_96, etypeID.AES128_CTS_HMAC_SHA1_96}
}

// New starts a KDC.
func New(c Config) (*KDC, error) {
	if c.Realm == "" {
		return nil, errors.New("a simulated KDC needs a Realm")
	}
	if c.Life == 0 {
		c.Life = 10 * time.Hour
	}
	if c.Address == "" {
		c.Address = "127.0.0.1:0"
	}
	all := map[string]string{"krbtgt/" + c.Realm: "the realm's own secret"}
	for _, some := range []map[string]string{c.Accounts, c.Services} {
		for name, password := range some {
			all[name] = password
		}
	}
	keys, err := keysOf(c.Realm, all, append(kinds(), etypeID.RC4_HMAC))
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("put up the KDC: %w", err)
	}
	k := &KDC{config: c, keys: keys, listener: l, tickets: map[string]int{}, open: map[net.Conn]bool{}}
	k.serving.Go(k.serve)
	return k, nil
}

func keysOf(realm string, passwords map[string]string, kinds []int32) (*keytab.Keytab, error) {
	keys := keytab.New()
	for name, password := range passwords {
		for _, kind := range kinds {
			if err := keys.AddEntry(name, realm, password, time.Now(), version, kind); err != nil {
				return nil, fmt.Errorf("make the key of %s: %w", name, err)
			}
		}
	}
	return keys, nil
}

// Address is where the KDC listens: host and port.
func (k *KDC) Address() string { return k.listener.Addr().String() }

// Krb5Conf is the text of a krb5.conf that leads to this KDC.
func (k *KDC) Krb5Conf() string {
	return strings.Join([]string{
		"[libdefaults]", "  default_realm = " + k.config.Realm, "  dns_lookup_kdc = false", "  dns_lookup_realm = false", "  rdns = false",
		"  dns_canonicalize_hostname = false", "  udp_preference_limit = 1", "[realms]", "  " + k.config.Realm + " = {", "    kdc = " + k.Address(), "  }", "",
	}, "\n")
}

// Keytab is a file with the keys of these names.
func (k *KDC) Keytab(names ...string) ([]byte, error) {
	some := map[string]string{}
	for _, name := range names {
		password, known := k.config.Accounts[name]
		if !known {
			password, known = k.config.Services[name]
		}
		if !known {
			return nil, fmt.Errorf("%s is not in the realm", name)
		}
		some[name] = password
	}
	keys, err := keysOf(k.config.Realm, some, kinds())
	if err != nil {
		return nil, err
	}
	return keys.Marshal()
}

// SetTrouble replaces what is wrong.
func (k *KDC) SetTrouble(t Trouble) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.trouble = t
}

// Truth is what the KDC has done.
type Truth struct {
	Logins  int            // ticket-granting tickets
	Refused int            // wrong passwords
	Tickets map[string]int // by SPN
}

// Truth is what the KDC has done so far.
func (k *KDC) Truth() Truth {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := Truth{Logins: k.logins, Refused: k.refused, Tickets: map[string]int{}}
	for spn, n := range k.tickets {
		t.Tickets[spn] = n
	}
	return t
}

// Close ends it.
func (k *KDC) Close() error {
	err := k.listener.Close()
	k.mu.Lock()
	k.closed = true
	for c := range k.open {
		_ = c.Close()
	}
	k.mu.Unlock()
	k.serving.Wait()
	return err
}

func (k *KDC) serve() {
	for {
		c, err := k.listener.Accept()
		if err != nil {
			return
		}
		k.mu.Lock()
		if k.closed {
			_ = c.Close()
		}
		k.open[c] = true
		k.mu.Unlock()
		k.serving.Go(func() {
			k.converse(c)
			_ = c.Close()
			k.mu.Lock()
			delete(k.open, c)
			k.mu.Unlock()
		})
	}
}

// converse answers the questions of one connection.
func (k *KDC) converse(c net.Conn) {
	for {
		var head [4]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		length := binary.BigEndian.Uint32(head[:])
		if length > 1<<16 {
			return
		}
		question := make([]byte, length)
		if _, err := io.ReadFull(c, question); err != nil {
			return
		}
		if k.now().Mute {
			_, _ = io.Copy(io.Discard, c) // until the client gives up
			return
		}
		answer, err := k.answer(question)
		if instead := k.now().Answer; instead != nil {
			answer, err = instead, nil
		}
		if err != nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...)); err != nil {
			return
		}
	}
}

func (k *KDC) now() Trouble {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.trouble
}

// clock is the KDC's own.
func (k *KDC) clock() time.Time { return time.Now().Add(k.now().Clock).UTC() }
