package iis_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"iiscanary/iis"
)

func TestASecretIsNeverPrinted(t *testing.T) {
	e := iis.Endpoint{Server: "web-01", Password: "Passw0rd"}
	encoded, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "password", e.Password, "endpoint", e)
	for _, text := range []string{fmt.Sprint(e), fmt.Sprintf("%+v %#v %s %q %x", e, e, e.Password, e.Password, e.Password), string(encoded), logged.String()} {
		if strings.Contains(text, "Passw0rd") || strings.Contains(text, fmt.Sprintf("%x", "Passw0rd")) {
			t.Errorf("%s", text)
		}
	}
}
