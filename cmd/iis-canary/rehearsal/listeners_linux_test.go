package rehearsal_test

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

func TestEveryListenerIsOnLoopback(t *testing.T) {
	t.Parallel()
	muster(t, rehearsal.Options{Servers: 2, Speed: 20, Traffic: 5})
	mine := sockets(t)
	n := 0
	for _, table := range []string{"tcp", "tcp6"} {
		file, err := os.Open(filepath.Join("/proc/self/net", table))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for inode, address := range listeners(t, file) {
			if !mine[inode] {
				continue
			}
			n++
			if !netip.MustParsePrefix("127.0.0.0/8").Contains(address.Addr()) || address.Port() < 1024 {
				t.Errorf("something listens on %s", address)
			}
		}
	}
	if atLeast := 2*2 + 3; n < atLeast { // WinRM and site of each server; API, front, log store
		t.Errorf("%d listeners were found, there are at least %d", n, atLeast)
	}
}

func TestListenersOfAllInterfacesAreSeen(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0B00007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0000000000000000 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0000000000000000 100 0 0 10 0
   2: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0000000000000000 100 0 0 10 0
   3: 00000000000000000000000000000000:2000 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 14 1
`
	got := listeners(t, strings.NewReader(table))
	for inode, want := range map[string]string{"11": "127.0.0.11:8080", "12": "0.0.0.0:22", "14": "[::]:8192"} {
		if got[inode].String() != want {
			t.Errorf("socket %s listens on %s, want %s", inode, got[inode], want)
		}
	}
	if len(got) != 3 {
		t.Errorf("%d listeners, want 3: %v", len(got), got)
	}
}

// sockets is the inodes of this process's sockets.
func sockets(t *testing.T) map[string]bool {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, l := range links {
		to, err := os.Readlink(l)
		if err != nil {
			continue // closed in between
		}
		if inode, is := strings.CutPrefix(to, "socket:["); is {
			out[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return out
}

// listeners reads a table of the kernel, as proc_net_tcp(5) describes it: addresses by inode, of sockets in state 0A.
func listeners(t *testing.T, table io.Reader) map[string]netip.AddrPort {
	t.Helper()
	out := map[string]netip.AddrPort{}
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[3] != "0A" {
			continue
		}
		host, port, _ := strings.Cut(f[1], ":")
		out[f[9]] = netip.AddrPortFrom(address(t, host), binary.BigEndian.Uint16(octets(t, port)))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// address reads words of four bytes, each in the byte order of the machine.
func address(t *testing.T, text string) netip.Addr {
	t.Helper()
	raw := octets(t, text)
	for i := 0; i+4 <= len(raw); i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
	}
	out, ok := netip.AddrFromSlice(raw)
	if !ok {
		t.Fatalf("%q is no address", text)
	}
	return out.Unmap()
}

func octets(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return raw
}
