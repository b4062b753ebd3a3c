package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"iiscanary/configs"
)

func initCommand(s streams) *cli.Command {
	flags := []cli.Flag{}
	for _, q := range questions() {
		if q.many {
			flags = append(flags, &cli.StringSliceFlag{Name: q.flag, Usage: q.usage + " (repeatable)", EnvVars: twin(q.flag)})
			continue
		}
		flags = append(flags, textFlag(q.flag, q.usage, q.preset))
	}
	flags = append(flags, outFlag("the `FILE` to write", defaultConfig), switchFlag("force", "write over a file that is there"))
	return command(&cli.Command{
		Name:  "init",
		Usage: "write a first configuration file",
		Description: "Asks for what no flag says, where there is a terminal. Secrets are not asked for: the file names\n" +
			"environment variables.",
		Flags:  flags,
		Action: func(c *cli.Context) error { return initialize(c, s) },
	})
}

func initialize(c *cli.Context, s streams) error {
	out := cmp.Or(c.String("out"), defaultConfig)
	if err := free(c, out); err != nil {
		return err
	}
	starter, open := fromFlags(c)
	ask := len(missing(open)) > 0 && s.mayAsk()
	if err := wrongFlags(c, starter, open, ask); err != nil {
		return err
	}
	if ask {
		if err := askAll(s, &starter, open); err != nil {
			return err
		}
	}
	text, err := starter.Text()
	if err != nil {
		return usage("make a configuration of the answers: %w", err)
	}
	if err := writeNew(c, out, text); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "wrote %s\n\nIt names no secrets, only environment variables. Set them where the roll will run, from your secret store:\n  %s\n\nnext: %s\n",
		out, strings.Join(starter.Variables(), "\n  "), commandLine("iis-canary validate", "--config", out))
	return err
}

// fromFlags is what the flags say, and the questions that they leave open.
func fromFlags(c *cli.Context) (configs.Starter, []question) {
	var starter configs.Starter
	var open []question
	for _, q := range questions() {
		answer := []string{c.String(q.flag)}
		if q.many {
			answer = c.StringSlice(q.flag)
		}
		if strings.Join(answer, "") == "" || !c.IsSet(q.flag) {
			open = append(open, q)
			continue
		}
		q.set(&starter, answer)
	}
	return starter, open
}

// missing are the questions without a default.
func missing(open []question) []question {
	var out []question
	for _, q := range open {
		if q.preset == "" {
			out = append(out, q)
		}
	}
	return out
}

// wrongFlags names every flag whose value is not allowed, and every one that is missing where nobody can be asked.
func wrongFlags(c *cli.Context, starter configs.Starter, open []question, ask bool) error {
	_, err := starter.Text()
	ps, _ := errors.AsType[configs.Problems](err)
	var lines, flags, line []string
	for _, q := range questions() {
		if slices.ContainsFunc(open, func(o question) bool { return o.flag == q.flag }) {
			continue
		}
		for _, p := range about(ps, q) {
			lines = append(lines, fmt.Sprintf("--%s: found %s, allowed: %s", q.flag, p.Found, p.Allowed))
		}
	}
	if !ask {
		for _, q := range missing(open) {
			flags = append(flags, "--"+q.flag)
			line = append(line, "--"+q.flag, strings.ToUpper(q.flag))
		}
	}
	if len(flags) > 0 {
		lines = append(lines, fmt.Sprintf("init needs %s, and nobody is there to be asked", strings.Join(flags, ", ")))
	}
	switch {
	case len(lines) == 0:
		return nil
	case len(flags) == 0:
		return usage("%s", strings.Join(lines, "\n")).then("correct it, then type the same line again", c.Command.HelpName+" --help")
	}
	typed := append([]string{c.App.Name}, c.Lineage()[1].Args().Slice()...)
	return usage("%s", strings.Join(lines, "\n")).then(commandLine(append(typed, line...)...), c.Command.HelpName+" --help")
}

// about are the mistakes that an answer made.
func about(ps configs.Problems, q question) configs.Problems {
	var out configs.Problems
	for _, p := range ps {
		if p.Path == q.path || strings.HasPrefix(p.Path, q.path+"[") {
			out = append(out, p)
		}
	}
	return out
}

// askAll asks what is open, each question until its answer is allowed.
func askAll(s streams, starter *configs.Starter, open []question) error {
	lines := bufio.NewScanner(s.in)
	fmt.Fprintln(s.err, "A few questions; Enter takes what stands in [brackets], and (parentheses) hold an example.")
	for _, q := range open {
		for {
			answer, err := askOne(s, lines, q)
			if err != nil {
				return err
			}
			q.set(starter, answer)
			_, err = starter.Text()
			ps, _ := errors.AsType[configs.Problems](err)
			wrong := about(ps, q)
			if len(wrong) == 0 {
				break
			}
			fmt.Fprintf(s.err, "  found %s, allowed: %s\n", wrong[0].Found, wrong[0].Allowed)
		}
	}
	return nil
}

func askOne(s streams, lines *bufio.Scanner, q question) ([]string, error) {
	prompt := q.ask
	if q.preset != "" {
		prompt += " [" + q.preset + "]"
	}
	fmt.Fprintf(s.err, "%s: ", prompt)
	if !lines.Scan() {
		fmt.Fprintln(s.err)
		return nil, usage("the answers ended before %s", q.flag).then("iis-canary init --help")
	}
	answer := cmp.Or(strings.TrimSpace(lines.Text()), q.preset)
	if !q.many {
		return []string{answer}, nil
	}
	var all []string
	for part := range strings.SplitSeq(answer, ",") {
		all = append(all, strings.TrimSpace(part))
	}
	return all, nil
}

// free refuses to write over a file, before anything is asked.
func free(c *cli.Context, out string) error {
	_, err := os.Lstat(out)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && c.Bool("force"):
		return nil
	case err != nil:
		return usage("look for %s: %w", out, err).then("iis-canary init --out FILE")
	}
	return taken(c, out)
}

// taken is the refusal to write over a file, with the line that does.
func taken(c *cli.Context, out string) error {
	typed := append([]string{c.App.Name}, c.Lineage()[1].Args().Slice()...)
	return usage("%s is there already, and is left as it is", out).
		then(commandLine(append(typed, "--force")...), c.Command.HelpName+" --out FILE")
}

func writeNew(c *cli.Context, out, text string) error {
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if c.Bool("force") {
		mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(out, mode, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return taken(c, out)
	case err != nil:
		return usage("write %s: %w", out, err).then("iis-canary init --out FILE")
	}
	_, err = io.WriteString(f, text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fail(exitUnexpected, fmt.Errorf("write %s: %w", out, err), "the file is not complete; nothing else was touched",
			"type the same line again with --force")
	}
	return nil
}
