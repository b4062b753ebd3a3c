package agent_test

import (
	"flag"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"iiscanary/iis/agent"
)

// mutate makes TestEveryRetryAndWaitIsHeldByAVector carry its mutations out. They take a minute.
var mutate = flag.Bool("mutations", false, "take each retry and each wait out of the C# agent, and run the vector that holds it")

var (
	heldBy  = regexp.MustCompile(`// held by ([a-z0-9-]+)$`)
	waiting = regexp.MustCompile(`Thread\.Sleep\(|Iis\.Until\(|Reaction\.(Again|Done),`)
)

// alone is what holds the waits of the experiments: they ask what no simulated server knows.
const alone = "a-real-server"

// TestEveryRetryAndWaitIsHeldByAVector finds that every line of the C# that waits, or tries again, names the vector that fails
// without it. With -mutations it is taken out, and the vector has to fail.
func TestEveryRetryAndWaitIsHeldByAVector(t *testing.T) {
	vectors, both := load(t), halves(t)
	sharp, ran := both["C#"]
	lines := strings.Split(string(sharp.program.Input[min(4, len(sharp.program.Input)):]), "\n")
	if !ran {
		lines = strings.Split(string(both["the model"].program.Input[4:]), "\n")
	}
	broken := 0
	for i, line := range lines {
		held := heldBy.FindStringSubmatch(strings.TrimSpace(line))
		if held == nil {
			if waiting.MatchString(line) {
				t.Errorf("no vector is named that holds %q", strings.TrimSpace(line))
			}
			continue
		}
		if held[1] == alone {
			continue
		}
		v, known := vectors[held[1]]
		if !known {
			t.Errorf("there is no vector %s, which is to hold %q", held[1], strings.TrimSpace(line))
			continue
		}
		if *mutate && ran {
			without := strings.Join(lines[:i], "\n") + "\n\n" + strings.Join(lines[i+1:], "\n")
			h := half{program: agent.ProgramOf([]byte(without)), mono: sharp.mono}
			if _, err := sharp.mono.Build(t.Context(), []byte(without)); err != nil {
				t.Errorf("without %q: %v", strings.TrimSpace(line), err)
			} else if err := failing(t, v, h); err == nil {
				t.Errorf("%s passes without %q", held[1], strings.TrimSpace(line))
			} else {
				t.Logf("%s fails without %q: %v", held[1], strings.TrimSpace(line), err)
			}
			broken++
		}
	}
	fmt.Printf("%d mutations ran under Mono\n", broken)
}

// chances is how often a vector may pass without a wait: a busy machine waits by itself.
const chances = 3

// failing is why a vector fails at last; nil: it never does.
func failing(t *testing.T, v vector, h half) error {
	for range chances {
		if _, err := v.run(t, h); err != nil {
			return err
		}
	}
	return nil
}
