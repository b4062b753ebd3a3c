package rehearsal

import (
	"errors"
	"fmt"
	"net"
	"strconv"
)

// place is where one server listens.
type place struct {
	address     string
	winrm, site int
	plain       int // WinRM without TLS
}

// places finds an address and two ports for each of n servers. Where the machine has more loopback addresses than
// 127.0.0.1, each server gets its own and all share the ports, as a real fleet does; elsewhere (macOS) all share the address.
func places(n int) ([]place, error) {
	if !bindable("127.0.0.11:0") {
		return onePlaceEach(n)
	}
	addresses := make([]string, n)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("127.0.0.%d", 11+i)
	}
	winrm, err := commonPort(addresses)
	if err != nil {
		return nil, err
	}
	site, err := commonPort(addresses, winrm)
	if err != nil {
		return nil, err
	}
	plain, err := commonPort(addresses, winrm, site)
	if err != nil {
		return nil, err
	}
	out := make([]place, n)
	for i, a := range addresses {
		out[i] = place{a, winrm, site, plain}
	}
	return out, nil
}

func onePlaceEach(n int) ([]place, error) {
	out := make([]place, n)
	taken := map[int]bool{}
	for i := range out {
		var ports [3]int
		for j := range ports {
			p, err := freePort("127.0.0.1", taken)
			if err != nil {
				return nil, err
			}
			ports[j], taken[p] = p, true
		}
		out[i] = place{"127.0.0.1", ports[0], ports[1], ports[2]}
	}
	return out, nil
}

func freePort(address string, taken map[int]bool) (int, error) {
	for range 100 {
		l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		if err != nil {
			return 0, fmt.Errorf("find a free port on %s: %w", address, err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("give back port %d: %w", port, err)
		}
		if !taken[port] {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port on %s", address)
}

// commonPort finds a port other than those that is free on every address.
func commonPort(addresses []string, not ...int) (int, error) {
	taken := map[int]bool{}
	for _, port := range not {
		taken[port] = true
	}
	for range 100 {
		port, err := freePort(addresses[0], taken)
		if err != nil {
			return 0, err
		}
		free := true
		for _, a := range addresses[1:] {
			free = free && bindable(net.JoinHostPort(a, strconv.Itoa(port)))
		}
		if free {
			return port, nil
		}
	}
	return 0, errors.New("no port is free on all loopback addresses")
}

func bindable(hostport string) bool {
	l, err := net.Listen("tcp", hostport)
	if err != nil {
		return false
	}
	return l.Close() == nil
}
