package configs

import (
	"strings"
	"testing"
)

func TestLimitsAreSaidBackInWords(t *testing.T) {
	for _, c := range []struct{ name, old, new, topic, want string }{
		{"a relative limit in absolute terms", "", "", "errors", "requests that are answered with 500 or above may be at most 1.5 x old + 0.1% of the new release's: 0.1% while the old release has none in the same seconds, 1.6% while it has 1%"},
		{"the worth of a false alarm", "", "", "errors", "refused in fewer than 1 of 10,000 runs"},
		{"a quantile of the old release", "", "", "slow", "requests that fail or take longer than the old release's p95 may be at most 7% of the new release's; of the old release's they are 5%"},
		{"an absolute limit", "bad: 'status >= 500'", "bad: 'status >= 404', limit: 0.25%", "errors", "answered with 404 or above may be at most 0.25% of the new release's (1 of 400), whatever the old release does"},
		{"a fixed time", "slower_than: old p95", "slower_than: 800ms, limit: old + 2%", "slow", "longer than 800ms may be at most old + 2% of the new release's: 2% while the old release has none in the same seconds, 3% while it has 1%"},
		{"no data", "bad: 'status >= 500'", "bad: 'status >= 500', on_no_data: revert", "errors", "Without data the release is refused"},
		{"one at a time", "", "", "waves", "one server at a time, and a gate after each"},
		{"waves", "warmup:", "rollout: { waves: [1, 25%, 100%], parallel: 2 }\nwarmup:", "waves", "wave by wave 1 server, then 25% of the servers, then all servers run the new release, and a gate follows each. Up to 2 of a wave are in hand together"},
		{"a share as a floor", "warmup:", "rollout: { min_healthy: 85% }\nwarmup:", "floor", "at least 85% of the servers serve at every instant. In a fleet of 7 that is 6, so 1 may be in hand; a smaller fleet cannot be rolled"},
		{"a number as a floor", "warmup:", "rollout: { min_healthy: 4 }\nwarmup:", "floor", "In a fleet of 5 that is 4, so 1 may be in hand"},
		{"a floor of a known fleet", "servers:\n", "servers:\n  address: map\n  map: { i-0a: a, i-0b: b, i-0c: c, i-0d: d, i-0e: e }\n", "floor", "of the 5 in servers.map 3 must, so 2 may be in hand"},
		{"a full drain", "warmup:", "drain: { policy: full }\nwarmup:", "drain", "whole deregistration delay"},
		{"an observed drain", "", "", "drain", "then 20s pass, and then it is waited until nothing is in flight"},
		{"a warm-up", "", "", "warm", "the first request to /warm may take 3m; then 6 in a row must be answered with 200 in less than 100ms each"},
		{"a bake", "", "", "bake", "watched for 2m at least and 10m at most, every 5s"},
		{"a signature", "warmup:", "package: { signature: { pem: [a, b] } }\nwarmup:", "signature", "taken only when it is signed, with any of 2 keys"},
		{"settings", "warmup:", "settings: { json: { a.json: { A: 1, B: env:B } } }\nwarmup:", "settings", "2 values to put into the files of the package before it is hashed, 1 of them by reference"},
		{"a held failure", "warmup:", "on_failure: hold\nwarmup:", "failure", "a person decides"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(whole, c.old) {
				t.Fatalf("%q is not in the file", c.old)
			}
			for _, w := range parsed(t, strings.Replace(whole, c.old, c.new, 1)).Words() {
				if w.Topic == c.topic {
					if !strings.Contains(w.Text, c.want) {
						t.Errorf("it says %q, want %q", w.Text, c.want)
					}
					return
				}
			}
			t.Errorf("nothing is said of %s", c.topic)
		})
	}
}

func TestTheLeastFleetThatAFloorCanSpareAServerOf(t *testing.T) {
	for percent := 1; percent < 100; percent++ {
		floor := Size{Percent: float64(percent)}
		n := leastFleet(floor)
		if floor.of(n) >= n || n > 2 && floor.of(n-1) < n-1 {
			t.Errorf("%d%%: %d servers", percent, n)
		}
	}
}

func TestNumbersInWords(t *testing.T) {
	for v, want := range map[float64]string{0.001: "0.1%", 0: "0%", 0.016: "1.6%", 0.07: "7%", 1: "100%", 0.0123456: "1.23%"} {
		if got := percent(v); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
	}
	for v, want := range map[float64]string{1 / 1e-4: "10,000", 1 / 0.003: "333", 1 / 0.0015: "667", 1e12: "1,000,000,000,000", 12.5: "12.5"} {
		if got := grouped(v); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
	}
}
