package main

import (
	"slices"
	"strings"
	"testing"

	"iiscanary/canary"
	"iiscanary/canary/report"
)

func TestWhatCouldNotBeReadAtTheEndIsUnknown(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	quiet := streams{getenv: func(string) string { return "" }}
	ses, err := connect(t.Context(), quiet, f.Config(), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer ses.close()
	gone := canary.Target{Group: "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/gone/0"}
	found, troubles := ses.truth(t.Context(), []canary.Server{{Name: "web-01"}, {Name: "web-09"}, {Name: "web-02", Targets: []canary.Target{gone}}})
	for i, want := range [][]string{nil, {report.UnreadSlot, report.UnreadWarm}, {report.UnreadSlot, report.UnreadRotation, report.UnreadWarm}} {
		if !slices.Equal(found[i].Unread, want) {
			t.Errorf("%s: unread is %v, want %v", found[i].Name, found[i].Unread, want)
		}
	}
	if len(troubles) != 2 || !strings.HasPrefix(troubles[0], "web-09: ") || !strings.HasPrefix(troubles[1], "web-02: ") {
		t.Errorf("troubles: %q", troubles)
	}
}
