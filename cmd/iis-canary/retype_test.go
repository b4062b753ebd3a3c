package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What is to be typed next can be typed as it is: nothing is lost of what was typed, and the mistake is mended.
func TestTheNextLineKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	there := filepath.Join(dir, "there.yaml")
	inside("init", "--out", there, "--app", "a.b", "--region", "eu-west-1", "--target-group", "web", "--root", `D:\sites`, "--es-url", "https://es:9200", "--index", "logs").must(t, 0)
	config, here := filepath.Join(dir, "my.yaml"), filepath.Join(dir, "gone.zip")
	for _, c := range []struct{ name, typed, next string }{
		{"no package", "deploy -c C --yes --slot 7", "deploy -c C --yes --slot 7 --package FILE"},
		{"a package that is not there", "plan -p " + here + " -c C -o json", "plan -p FILE -c C -o json"},
		{"the same with a sign between", "plan --package=" + here + " -c C", "plan --package=FILE -c C"},
		{"a package that is not pinned", "deploy -c C --package https://host/a.zip --yes", "deploy -c C --package https://host/a.zip#sha256=HEX --yes"},
		{"a file for a format", "plan -c C --package P -o plan.json", "plan -c C --package P --out plan.json"},
		{"the same with a sign between", "plan -c C --output=out/plan.json --package P", "plan -c C --out=out/plan.json --package P"},
		{"a file for the format of a report", "report -c C -o report.xml", "report -c C --out report.xml"},
		{"a format that there is not", "status -o yaml -c C", "status -o json -c C"},
		{"a format of a report that there is not", "report -c C -o yaml --force", "report -c C -o json --force"},
		{"a flag that there is not", "plan -c C --packag P --detailed-exitcode", "plan -c C --package P --detailed-exitcode"},
		{"the same with a sign between", "plan -c C --packag=P", "plan -c C --package=P"},
		{"nobody to confirm", "revert -c THERE --run 20261121-101500-ab12", "revert -c THERE --run 20261121-101500-ab12 --yes"},
		{"two packages, the first", "plan -p good.zip -c C -p bad.zip", "plan -p good.zip -c C"},
		{"two packages, the last", "plan -p good.zip -c C -p bad.zip", "plan -c C -p bad.zip"},
		{"two packages with a sign between", "deploy --package=good.zip -c C --package bad.zip --yes", "deploy --package=good.zip -c C --yes"},
		{"two configurations", "status -c C -o json -c other.yaml", "status -c C -o json"},
		{"a switch twice", "deploy --yes -c C --yes=false", "deploy --yes -c C"},
		{"a value that looks like the flag", "plan -p -c -c C -c other.yaml", "plan -p -c -c C"},
		{"twice, and words behind", "status -c C -c other.yaml plan", "status -c C plan"},
		{"a wait without its unit, in minutes", "deploy -c C --lock-wait 15 --yes", "deploy -c C --lock-wait 15m --yes"},
		{"a wait without its unit, in seconds", "deploy -c C --lock-wait=900 --yes", "deploy -c C --lock-wait=900s --yes"},
		{"a fleet of none", "simulate --dir x --servers 0", "simulate --dir x --servers 4"},
		{"a fleet with several mistakes", "simulate --servers=0 --dir x --auth none --traffic 9", "simulate --servers=4 --dir x --auth basic --traffic 9"},
		{"a fleet without a folder", "simulate --servers 3 --agent x", "simulate --servers 3 --agent model --dir practice"},
		{"a fleet with logs nowhere", "simulate --dir x --elasticsearch es", "simulate --dir x --elasticsearch URL"},
		{"a probe of no server", "doctor --probe -c C --quick", "doctor --probe -c C --quick --server NAME"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			full := strings.NewReplacer(" THERE", " "+there, " C", " "+config, " P", " "+config).Replace
			args := strings.Fields("iis-canary " + full(c.typed))
			var out, talk bytes.Buffer
			code := run(args, streams{in: strings.NewReader(""), out: &out, err: &talk, width: func() int { return 80 }, getenv: func(string) string { return "" }})
			if code != int(exitUsage) || !strings.Contains(talk.String(), "iis-canary "+full(c.next)+"\n") {
				t.Errorf("exit code %d\n%s", code, talk.String())
			}
		})
	}
}

func TestAFlagThatMayBeRepeatedIs(t *testing.T) {
	t.Parallel()
	y := inside("rehearse", "--fault", "none-such", "--fault", "none-such").must(t, 2)
	says(t, y.err, `there is no fault "none-such"`)
}

func TestAnErrorThatNobodyExpectedNamesTheConfiguration(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{"deploy -c my.yaml": "iis-canary status --config my.yaml\n", "deploy --config=my.yaml": "iis-canary status --config my.yaml\n",
		"deploy -c": "iis-canary status\n", "deploy": "iis-canary status\n"} {
		var b bytes.Buffer
		explain(&b, errTest, strings.Fields("iis-canary "+typed))
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s:\n%s", typed, b.String())
		}
	}
}

// A command that changes nothing has begun nothing, whatever becomes of its answer.
func TestAnErrorThatNobodyExpectedIsNoChangeOfACommandThatMakesNone(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"status", "plan", "validate", "runs", "report", "schema", "version", "man", "completion"} {
		var b bytes.Buffer
		explain(&b, errTest, []string{"iis-canary", command, "-c", "my.yaml"})
		says(t, b.String(), "now:   nothing was touched\n", "next:  mend that, then type the same line again\n")
		saysNot(t, b.String(), "what had begun")
	}
	for _, command := range []string{"deploy", "revert", "resume", "doctor", "rehearse"} {
		var b bytes.Buffer
		explain(&b, errTest, []string{"iis-canary", command, "-c", "my.yaml"})
		says(t, b.String(), "what had begun before that stands", "iis-canary status --config my.yaml\n")
	}
}

var errTest = usage("x").what

func TestALineThatIsSuggestedMeansTheSameInAShell(t *testing.T) {
	t.Parallel()
	words := []string{"plain", "with blanks", "", "$HOME/x", "`id`", "it's", "*", "a&b", `D:\sites`}
	out, err := exec.Command("sh", "-c", commandLine(append([]string{"printf", "%s|"}, words...)...)).Output()
	if want := strings.Join(words, "|") + "|"; err != nil || string(out) != want {
		t.Errorf("%v: %q, want %q", err, out, want)
	}
}
