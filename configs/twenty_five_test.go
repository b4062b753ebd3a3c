package configs

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTwentyFiveMistakesAreTwentyFiveErrors holds that one run of validate is enough: each of 25 different mistakes is an
// error of its own, at its own place, and none of the three secrets in the file is printed.
func TestTwentyFiveMistakesAreTwentyFiveErrors(t *testing.T) {
	const file = "testdata/twenty-five.yaml"
	want := []string{
		"3:8 aws.regoin",
		"4:26 target_groups[1]",
		"6:12 servers.address",
		"8:5 servers.winrm.user",
		"8:11 servers.winrm.port",
		"9:15 servers.winrm.password",
		"10:5 servers.winrm.pwd",
		"12:9 site.root",
		"13:24 site.bindings[1]",
		"14:9 site.keep",
		"15:3 site.root",
		"17:9 warmup.path",
		"18:10 warmup.first",
		"19:11 warmup.status",
		"20:18 drain.policy",
		"22:19 rollout.waves[2]",
		"22:24 rollout.waves[3]",
		"23:16 rollout.min_healthy",
		"24:14 bake.for",
		"26:29 metrics[0].source",
		"27:13 metrics[1].name",
		"27:85 metrics[1].limit",
		"28:5 metrics[2]",
		"31:12 sources.elastic.urls[0]",
		"35:13 on_failure",
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ps := problems(t, file, data)
	var got []string
	for _, p := range ps {
		got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Path))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the mistakes differ (-want +got):\n%s", diff)
	}
	if len(got) != 25 {
		t.Errorf("%d mistakes", len(got))
	}
	text := fmt.Sprintf("%s\n%+v\n%#v", ps, ps, ps)
	for _, secret := range []string{"hunter2", "correct-horse", "tr0ub4dor"} {
		if !strings.Contains(string(data), secret) {
			t.Errorf("%s is not in the file", secret)
		}
		if strings.Contains(text, secret) {
			t.Errorf("%s is printed:\n%s", secret, ps)
		}
	}
}

func BenchmarkTwentyFiveMistakes(b *testing.B) {
	data, err := os.ReadFile("testdata/twenty-five.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := Parse("canary.yaml", data); err == nil || len(err.Error()) < 1000 {
			b.Fatalf("got %v", err)
		}
	}
}

func BenchmarkCompleteExample(b *testing.B) {
	data, err := os.ReadFile("examples/complete.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := Parse("canary.yaml", data); err != nil {
			b.Fatal(err)
		}
	}
}
