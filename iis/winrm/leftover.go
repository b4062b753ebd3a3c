package winrm

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/masterzen/winrm/soap"
)

const (
	actionEnumerate = soap.NS_ENUM + "/Enumerate"
	// mostShells is far more than any quota allows.
	mostShells = 1000
)

// Listed is an open shell as the server tells of it.
type Listed struct {
	Name   string
	Unused time.Duration // nobody has asked it for anything for so long
}

// Sweep deletes the open shells that unwanted says yes to, and returns how many it deleted. Of those that others have deleted
// meanwhile nothing is said.
func (c *Client) Sweep(ctx context.Context, unwanted func(Listed) bool) (int, error) {
	all, err := c.exchange(ctx, "Enumerate", c.enumerateRequest())
	if err != nil {
		return 0, err
	}
	swept := 0
	for _, s := range all.Body.Shells {
		unused, ok := inactivity(s.Inactive)
		if !ok || !unwanted(Listed{s.Name, unused}) {
			continue
		}
		_, err := c.exchange(ctx, "Delete", c.deleteRequest(s.ID))
		if fault, is := errors.AsType[*Fault](err); is && fault.Gone() {
			continue
		}
		if err != nil {
			return swept, err
		}
		swept++
	}
	return swept, nil
}

// enumerateRequest asks for all shells in one answer.
func (c *Client) enumerateRequest() request {
	r := c.newRequest(actionEnumerate, shellURI, "")
	enumerate := r.message.CreateBodyElement("Enumerate", soap.DOM_NS_ENUM)
	enumerate.DeclareNamespace(soap.DOM_NS_ENUM)
	r.message.CreateElement(enumerate, "OptimizeEnumeration", soap.DOM_NS_WSMAN_DMTF)
	r.message.CreateElement(enumerate, "MaxElements", soap.DOM_NS_WSMAN_DMTF).SetContent(fmt.Sprint(mostShells))
	return r
}

// inactivityForm is how Windows writes it: P0DT0H2M5S.
var inactivityForm = regexp.MustCompile(`^P(\d{1,5})DT(\d{1,5})H(\d{1,5})M(\d{1,9})(?:\.\d+)?S$`)

func inactivity(text string) (time.Duration, bool) {
	m := inactivityForm.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	var total time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, err := strconv.Atoi(m[i+1])
		if err != nil {
			return 0, false
		}
		total += time.Duration(n) * unit
	}
	return total, true
}
