package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"iiscanary/canary/report"
)

// run is the whole program but for the exit of the process.
func run(args []string, s streams) int {
	app := newApp(s)
	err := app.RunContext(context.Background(), args)
	if err == nil {
		return int(exitDone)
	}
	if _, said := errors.AsType[quiet](err); !said {
		explain(s.err, err)
	}
	return int(codeOf(err))
}

// explain prints an error in its three parts.
func explain(w io.Writer, err error) {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		f = fail(exitUsage, err, "nothing was touched", "iis-canary --help")
	}
	report.Failure{What: f.what.Error(), Now: f.now, Next: f.next}.Print(w)
}

func newApp(s streams) *cli.App {
	return &cli.App{
		Name:            "iis-canary",
		Usage:           "roll a release through IIS servers behind an AWS load balancer, and put the fleet back when it is bad",
		Description:     "Exit codes:\n\n" + exitHelp,
		Version:         version(),
		HideVersion:     true,
		HideHelpCommand: true,
		Reader:          s.in,
		Writer:          s.out,
		ErrWriter:       s.err,
		Suggest:         true,
		// cli would call os.Exit in the middle of things: leases and shells must be released first.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return badFlag(err) },
		CommandNotFound: func(c *cli.Context, name string) {
			// The action of the app, which runs next, returns the error.
			_, _ = c, name
		},
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return cli.ShowAppHelp(c)
			}
			return unknownCommand(c)
		},
		Commands: []*cli.Command{
			validateCommand(s), planCommand(s), deployCommand(s), statusCommand(s), revertCommand(s),
			resumeCommand(s), rehearseCommand(s), versionCommand(s),
		},
	}
}

func unknownCommand(c *cli.Context) error {
	name := c.Args().First()
	next := "iis-canary --help"
	if near := cli.SuggestCommand(c.App.Commands, name); near != "" {
		next = "iis-canary " + near
	}
	f := usage("there is no command %q", name)
	f.next = []string{next}
	return f
}

func badFlag(err error) error {
	f := usage("%s", strings.TrimSpace(err.Error()))
	f.next = []string{"iis-canary COMMAND --help"}
	return f
}

// command finishes a command: flags read the environment too, stray arguments are refused, and usage errors are ours.
func command(c *cli.Command) *cli.Command {
	do := c.Action
	c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return badFlag(err) }
	c.HideHelpCommand = true
	c.Action = func(ctx *cli.Context) error {
		if err := noArguments(ctx); err != nil {
			return err
		}
		return do(ctx)
	}
	return c
}

// noArguments refuses every positional argument: the flag parser stops at the first one, and would silently ignore a
// --dry-run behind it.
func noArguments(c *cli.Context) error {
	if !c.Args().Present() {
		return nil
	}
	stray := c.Args().First()
	f := usage("%s takes no arguments, found %q", c.Command.Name, stray)
	if rest := c.Args().Tail(); len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		f.what = fmt.Errorf("%w: the flags behind it would be ignored", f.what)
		f.next = []string{"iis-canary " + c.Command.Name + " " + strings.Join(rest, " ")}
	} else {
		f.next = []string{"iis-canary " + c.Command.Name + " --help"}
	}
	return f
}

// twin is the environment variable of a flag.
func twin(flag string) []string {
	return []string{"IIS_CANARY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))}
}

func textFlag(name, usage string, value string, aliases ...string) cli.Flag {
	return &cli.StringFlag{Name: name, Aliases: aliases, Usage: usage, Value: value, EnvVars: twin(name)}
}

func switchFlag(name, usage string) cli.Flag {
	return &cli.BoolFlag{Name: name, Usage: usage, EnvVars: twin(name)}
}

func configFlag() cli.Flag {
	return textFlag("config", "the configuration `FILE`", "canary.yaml", "c")
}

func outputFlag() cli.Flag {
	return textFlag("output", "`FORMAT` of the answer: text or json", "text", "o")
}
func noColorFlag() cli.Flag {
	return switchFlag("no-color", "plain lines, no block that redraws itself")
}
func yesFlag() cli.Flag { return switchFlag("yes", "do not ask: for CI") }

// format is the value of --output, checked.
func format(c *cli.Context) (string, error) {
	o := c.String("output")
	if o != "text" && o != "json" {
		return "", usage("--output is %q, allowed: text, json", o)
	}
	return o, nil
}
