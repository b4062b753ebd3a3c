package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// example is a command line that the help page of its command shows, and what it is typed for.
type example struct{ line, words string }

// examples is what the help page of a command shows.
func examples(command string) []example {
	return append(fleetExamples(command), otherExamples(command)...)
}

// fleetExamples is examples of the commands that are aimed at a fleet.
func fleetExamples(command string) []example {
	const canary = " --config canary.yaml"
	switch command {
	case "validate":
		return []example{{"iis-canary validate" + canary, "every mistake at once, without the network"}}
	case "plan":
		return []example{
			{"iis-canary plan" + canary + " --package app.domain.com.3457.zip", "what a deployment would do, and how long it would take"},
			{"iis-canary plan" + canary + " --package app.domain.com.3457.zip --out plan.json", "keep the plan, for deploy --plan"},
		}
	case "doctor":
		return []example{
			{"iis-canary doctor" + canary + " --package app.domain.com.3457.zip", "everything that could stop a deployment, and what to do about it"},
			{"iis-canary doctor" + canary + " --probe --server web-01 --output json > probe.json", "what one real server says to our open questions, on a throw-away site"},
		}
	case "deploy":
		return []example{
			{"iis-canary deploy" + canary + " --package app.domain.com.3457.zip", "show the plan, ask, roll"},
			{"iis-canary deploy" + canary + " --plan plan.json --yes --lock-wait 15m", "in a pipeline: just the plan that was looked at"},
		}
	case "status":
		return []example{{"iis-canary status" + canary + " --output json", "what runs where, for a script"}}
	case "revert":
		return []example{
			{"iis-canary revert" + canary, "the newest run"},
			{"iis-canary revert" + canary + " --run " + exampleRunID + " --yes", "a run by its id, without a question"},
		}
	case "resume":
		return []example{{"iis-canary resume" + canary, "the newest run, from where it ended"}}
	case "runs":
		return []example{{"iis-canary runs" + canary, "what was rolled from this machine, and how it came out"}}
	case "report":
		return []example{
			{"iis-canary report" + canary, "the story of the newest run"},
			{"iis-canary report" + canary + " --run " + exampleRunID + " --output junit --out report.xml", "for a pipeline that reads JUnit"},
		}
	}
	return nil
}

// otherExamples is examples of the commands that need no fleet, or make one up.
func otherExamples(command string) []example {
	switch command {
	case "rehearse":
		return []example{
			{"iis-canary rehearse", "a deployment of a good release"},
			{"iis-canary rehearse --fault errors --servers 3", "a bad release on three servers: exit 3"},
		}
	case "simulate":
		return []example{{"iis-canary simulate --dir fleet --servers 3", "then, in another terminal: iis-canary status --config fleet/canary.yaml"}}
	case "init":
		return []example{{"iis-canary init --out canary.yaml", "answer some questions, get a configuration that validates"}}
	case "schema":
		return []example{{"iis-canary schema > schema.json", "for an editor"}}
	case "completion":
		return []example{{"iis-canary completion bash", "print the script for bash"}}
	case "man":
		return []example{{"iis-canary man | man -l -", "read the manual"}}
	case "version":
		return []example{{"iis-canary version --output json", "for a script"}}
	}
	return nil
}

// helped gives a command the end of its help page: examples, and the exit codes that it can end with.
func helped(c *cli.Command) {
	var b strings.Builder
	b.WriteString(cli.CommandHelpTemplate)
	if shown := examples(c.Name); len(shown) > 0 {
		b.WriteString("\nEXAMPLES:\n")
		for _, e := range shown {
			b.WriteString("   " + e.line + "\n      " + e.words + "\n")
		}
	}
	b.WriteString("\nEXIT CODES:\n" + exitHelp(c.Name) + "\n")
	c.CustomHelpTemplate = b.String()
}
