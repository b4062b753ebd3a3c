package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"iiscanary/canary/report"
)

// run is the whole program but for the exit of the process.
func run(args []string, s streams) int {
	app := newApp(s)
	app.Metadata = map[string]any{typedLine: args[min(1, len(args)):]}
	err := app.RunContext(context.Background(), args)
	if err == nil {
		return int(exitDone)
	}
	if _, library := errors.AsType[cli.ExitCoder](err); library { // --help with a word behind it
		err = usage("--help takes no word behind it").then("iis-canary --help")
	}
	if _, said := errors.AsType[quiet](err); !said {
		explain(s.err, err, args)
	}
	return int(codeOf(err))
}

// typedLine is where the app keeps the words behind its name: the flag parser has none left of a line that it refuses.
const typedLine = "typed"

// explain prints an error in its three parts. args is the command line that it came of.
func explain(w io.Writer, err error, args []string) {
	f, ok := errors.AsType[*failure](err)
	switch {
	case ok:
	case len(args) > 1 && slices.Contains(readers(), args[1]):
		f = fail(exitUnexpected, err, "nothing was touched", "mend that, then type the same line again")
	default:
		f = fail(exitUnexpected, err, "what had begun before that stands; where the fleet was to be changed, status says how it is",
			commandLine(append([]string{"iis-canary status"}, typedConfig(args)...)...))
	}
	report.Failure{What: f.what.Error(), Now: f.now, Next: f.next}.Print(w)
}

// readers is the commands that change nothing.
func readers() []string {
	return []string{"validate", "plan", "status", "runs", "report", "schema", "version", "man", "completion"}
}

func newApp(s streams) *cli.App {
	return &cli.App{
		Name:        "iis-canary",
		Usage:       "roll a release through IIS servers behind an AWS load balancer, and put the fleet back when it is bad",
		Description: "Exit codes:\n\n" + exitHelp(""),
		Version:     version(),
		HideVersion: true,
		HideHelp:    true,
		Reader:      s.in,
		Writer:      s.out,
		ErrWriter:   s.err,
		// cli would call os.Exit in the middle of things: leases and shells must be released first.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   func(c *cli.Context, err error, _ bool) error { return badFlag(c, err) },
		Flags:          []cli.Flag{&cli.BoolFlag{Name: "version", Usage: "say which build this is", DisableDefaultText: true}, helpFlag()},
		Action: func(c *cli.Context) error {
			switch {
			case c.Bool("version"):
				return built().text(s.out)
			case !c.Args().Present(), c.Args().First() == "help" && c.NArg() == 1:
				return cli.ShowAppHelp(c)
			case c.Args().First() == "help" && c.App.Command(c.Args().Get(1)) != nil:
				return cli.ShowCommandHelp(c, c.Args().Get(1))
			}
			return unknownCommand(c)
		},
		Commands: []*cli.Command{
			validateCommand(s), doctorCommand(s), planCommand(s), deployCommand(s), statusCommand(s), resumeCommand(s), revertCommand(s),
			runsCommand(s), reportCommand(s),
			rehearseCommand(s), simulateCommand(s),
			initCommand(s), schemaCommand(s), completionCommand(s), manCommand(s), versionCommand(s),
		},
	}
}

// command finishes a command: flags read the environment too, stray arguments and flags typed twice are refused, usage errors are
// ours, and the help page shows examples and exit codes.
func command(c *cli.Command) *cli.Command { return commandTaking(noArguments, c) }

// commandTaking is command for one that takes the arguments that check lets pass.
func commandTaking(check func(*cli.Context) error, c *cli.Command) *cli.Command {
	do := c.Action
	c.OnUsageError = func(c *cli.Context, err error, _ bool) error { return badFlag(c, err) }
	c.HideHelp = true
	c.Flags = append(c.Flags, helpFlag())
	c.Action = func(ctx *cli.Context) error {
		if err := once(ctx); err != nil {
			return err
		}
		if err := check(ctx); err != nil {
			return err
		}
		return do(ctx)
	}
	helped(c)
	return c
}

// twin is the environment variable of a flag.
func twin(flag string) []string {
	return []string{"IIS_CANARY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))}
}

// helpFlag is a flag of one command. The library's own is one variable for all apps of a process, and parsing writes to it.
func helpFlag() cli.Flag {
	return &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show help", DisableDefaultText: true}
}

func textFlag(name, usage string, value string, aliases ...string) cli.Flag {
	return &cli.StringFlag{Name: name, Aliases: aliases, Usage: usage, Value: value, EnvVars: twin(name)}
}

// outFlag names a file to write. It has no variable: several commands write files, and one must not write over another's.
func outFlag(usage, value string) cli.Flag {
	return &cli.StringFlag{Name: "out", Usage: usage, Value: value}
}

func switchFlag(name, usage string) cli.Flag {
	return &cli.BoolFlag{Name: name, Usage: usage, EnvVars: twin(name), DisableDefaultText: true}
}

func configFlag() cli.Flag {
	return textFlag("config", "the configuration `FILE`", defaultConfig, "c")
}

const defaultConfig = "canary.yaml"

// configPath is the value of --config. CI systems set variables to nothing: that is not given.
func configPath(c *cli.Context) string { return cmp.Or(c.String("config"), defaultConfig) }

func outputFlag() cli.Flag {
	return textFlag("output", "`FORMAT` of the answer: text or json", "text", "o")
}
func noColorFlag() cli.Flag {
	return switchFlag("no-color", "plain lines, no block that redraws itself")
}
func yesFlag() cli.Flag { return switchFlag("yes", "do not ask: for CI") }

// format is the value of --output, checked.
func format(c *cli.Context) (string, error) {
	o := cmp.Or(c.String("output"), "text")
	if o != "text" && o != "json" {
		return "", unknownFormat(c, o, "text, json")
	}
	return o, nil
}

// unknownFormat refuses a value of --output. It is often meant as the name of a file.
func unknownFormat(c *cli.Context, o, allowed string) *failure {
	writes := slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { return f.Names()[0] == "out" })
	if writes && strings.ContainsAny(o, `./\`) {
		return usage("--output is %q, which looks like a file: --out names a file, --output a format (%s)", o, allowed).
			then(renamed(c, spellings(c, "output"), "--out"))
	}
	return usage("--output is %q, allowed: %s", o, allowed).then(retyped(c, "output", "json"))
}
