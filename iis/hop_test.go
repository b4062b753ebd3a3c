package iis_test

import (
	"strings"
	"testing"

	"iiscanary/iis"
)

func TestAFolderOnAnotherServerIsToldAsADoubleHop(t *testing.T) {
	w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Root = `\\fs01\sites` }})
	w.acquire(t)
	_, err := w.fleet.Slots(t.Context(), "web-01")
	if err == nil || !strings.Contains(err.Error(), "does not reach from the server to another one (double hop)") || strings.Contains(err.Error(), "LocalAccountTokenFilterPolicy") {
		t.Errorf("got %v", err)
	}
}
