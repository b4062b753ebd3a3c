package metrics_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iiscanary/metrics"
)

func TestLimitsAreReadAsWritten(t *testing.T) {
	for text, want := range map[string]metrics.Limit{
		"1.5 x old + 0.1%":  {Rho: 1.5, Delta: 0.001},
		"1.5 x old + 0.1 %": {Rho: 1.5, Delta: 0.001},
		"1.2x old+1%":       {Rho: 1.2, Delta: 0.01},
		"2 x old":           {Rho: 2},
		"1%":                {Delta: 0.01},
		" 0.0001 % ":        {Delta: 0.000001},
		"1 x old + 0%":      {Rho: 1},
		"99.9999%":          {Delta: 0.999999},
	} {
		got, err := metrics.ParseLimit(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestALimitThatCannotBeReadSaysWhere(t *testing.T) {
	for _, c := range []struct {
		text string
		at   int
		want string
	}{
		{"", 0, "a number"},
		{"5", 1, `"x old" or "%"`},
		{"old", 0, "a number"},
		{"1.5 x new", 6, `"old"`},
		{"1.5 x old + 0.1", 15, `"%"`},
		{"1.5 x old +", 11, "a percentage"},
		{"1.5 x old - 1%", 10, "the end"},
		{"0.5 x old", 0, "factor from 1"},
		{"0%", 0, "above 0"},
		{"100%", 0, "below 100"},
		{"1.%", 2, "a digit"},
		{"1.23456%", 0, "4 decimals"},
		{"-1%", 0, "a number"},
		{"1e3%", 1, `"x old"`},
		{"NaN%", 0, "a number"},
		{"1% 1%", 3, "the end"},
	} {
		_, err := metrics.ParseLimit(c.text)
		var bad *metrics.LimitError
		if !errors.As(err, &bad) || bad.Offset != c.at || !strings.Contains(bad.Want, c.want) {
			t.Errorf("%q: got %v, want position %d and %s", c.text, err, c.at+1, c.want)
		}
	}
}

func FuzzParseLimit(f *testing.F) {
	for _, s := range []string{"1.5 x old + 0.1%", "1%", "2 x old", "1000 x old + 99.9999%", "", "x", "١%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := metrics.ParseLimit(text)
		if err != nil {
			var bad *metrics.LimitError
			if !errors.As(err, &bad) || bad.Offset < 0 || bad.Offset > len(text) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := metrics.ParseLimit(l.String())
		if err != nil || again != l {
			t.Fatalf("%q is %+v, printed as %q, which is %+v, %v", text, l, l.String(), again, err)
		}
	})
}
