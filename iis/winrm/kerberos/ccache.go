package kerberos

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// cache is a file as kinit writes it: MIT's format, version 3 or 4. gokrb5's own reader believes the counts that it finds, and takes
// as much memory.
type cache struct {
	user, realm string
	held        []cached
}

// cached is one ticket of a cache.
type cached struct {
	server string // such as krbtgt/CORP.DOMAIN.COM
	realm  string
	ticket *ticket
}

var errCache = errors.New("it is no ticket cache")

// readCache takes a cache apart. Entries that are no tickets, but settings of the cache, are left out.
func readCache(b []byte) (cache, error) {
	r := cacheReader{b: b}
	if r.take(1); len(b) < 2 || b[0] != 5 || b[1] != 3 && b[1] != 4 {
		return cache{}, errCache
	}
	version := r.take(1)[0]
	if version == 4 {
		r.take(r.short())
	}
	var c cache
	c.user, c.realm = r.principal()
	for !r.broken && len(r.b) > 0 {
		one, raw := r.entry(version)
		if r.broken || strings.HasPrefix(one.realm, "X-CACHECONF") {
			continue
		}
		var t messages.Ticket
		if err := guarded(func() error { return t.Unmarshal(raw) }); err != nil {
			return cache{}, errCache
		}
		one.ticket.Ticket = t
		c.held = append(c.held, one)
	}
	if r.broken {
		return cache{}, errCache
	}
	return c, nil
}

// cacheReader takes from the front, and nothing more once there was not enough.
type cacheReader struct {
	b      []byte
	broken bool
}

func (r *cacheReader) take(n int) []byte {
	if r.broken || n < 0 || n > len(r.b) {
		r.broken = true
		return make([]byte, min(max(n, 0), 4))
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *cacheReader) short() int   { return int(binary.BigEndian.Uint16(r.take(2))) }
func (r *cacheReader) long() int    { return int(int32(binary.BigEndian.Uint32(r.take(4)))) }
func (r *cacheReader) data() []byte { return r.take(r.long()) }

func (r *cacheReader) principal() (name, realm string) {
	r.take(4) // its type
	parts := r.long()
	realm = string(r.data())
	var all []string
	for range parts {
		if r.broken {
			break
		}
		all = append(all, string(r.data()))
	}
	return strings.Join(all, "/"), realm
}

// entry is one ticket, with its own bytes.
func (r *cacheReader) entry(version byte) (cached, []byte) {
	r.principal() // whose it is
	var c cached
	c.server, c.realm = r.principal()
	kind := r.short()
	if version == 3 {
		r.take(2) // once more
	}
	key := types.EncryptionKey{KeyType: int32(kind), KeyValue: append([]byte(nil), r.data()...)}
	r.take(4 + 4) // since when
	ends := time.Unix(int64(uint32(r.long())), 0)
	r.take(4 + 1 + 4) // how long it can be renewed, and flags
	for range 2 {     // addresses, and what else is said of it
		for range r.long() {
			if r.broken {
				break
			}
			r.take(2)
			r.data()
		}
	}
	raw := r.data()
	r.data() // a second ticket
	c.ticket = &ticket{key: key, ends: ends}
	return c, raw
}
