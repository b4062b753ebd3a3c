package report

import (
	"bytes"
	"strings"
	"testing"
)

func TestARunThatWasOverIsToldAsItEnded(t *testing.T) {
	for _, c := range []struct {
		result Result
		cause  Cause
		asked  bool
		want   string
	}{
		{Deployed, ByOperator, false, "✔ run 20261121-120000-ab12 is over: the release was deployed; nothing is left to resume\n"},
		{Reverted, ByRefusal, false, "✖ run 20261121-120000-ab12 is over: the release was refused and put back; nothing is left to resume\n"},
		{Reverted, ByFailure, false, "✖ run 20261121-120000-ab12 is over: the release could not be rolled out and was put back; nothing is left to resume\n"},
		{Reverted, BeforeRoll, false, "✖ run 20261121-120000-ab12 is over: the release could not be brought to every server and never served; nothing is left to resume\n"},
		{Reverted, ByOperator, false, "✖ run 20261121-120000-ab12 is over: the release was put back because somebody asked for it; nothing is left to resume\n"},
		{Reverted, ByRefusal, true, "✔ run 20261121-120000-ab12 is over: the release was refused and put back; nothing is left to put back\n"},
		{Reverted, BySuccessor, true, "✔ run 20261121-120000-ab12 is over: the release was deployed, and what served before it serves again since; nothing is left to put back\n"},
		{Mixed, ByRefusal, false, "✖ run 20261121-120000-ab12 is over, and the fleet is not as it left it: a person is needed\n"},
	} {
		var b bytes.Buffer
		if err := Summary(&b, exampleOutcome(c.result), Story{Over: true, Cause: c.cause, Asked: c.asked}); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(b.String(), c.want) {
			t.Errorf("%s, cause %d: it begins\n%s\nand not\n%s", c.result, c.cause, b.String(), c.want)
		}
	}
}
