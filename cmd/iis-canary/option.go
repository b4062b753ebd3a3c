package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// sheet is a command as the completion scripts and the manual show it.
type sheet struct {
	name, usage, description string
	argument                 string   // placeholder of the one word that it takes; empty: it takes none
	words                    []string // values of that word
	options                  []option
}

// option is a flag of a command.
type option struct {
	name, short string   // without dashes; short may be empty
	value       string   // placeholder of its value, such as FILE; empty: it takes none
	usage       string   // without quotes
	preset      string   // empty: none
	env         string   // environment variable that stands for it; empty: none
	choices     []string // values that it takes; empty: any
	repeats     bool
}

// sheets is every command that the app shows, in its order.
func sheets(app *cli.App) []sheet {
	var all []sheet
	for _, c := range app.VisibleCommands() {
		s := sheet{name: c.Name, usage: c.Usage, description: c.Description, argument: c.ArgsUsage, options: options(c.Flags)}
		if s.argument == shellArgument {
			s.words = shells()
		}
		all = append(all, s)
	}
	return all
}

// options is the flags that are shown, and --help behind them.
func options(flags []cli.Flag) []option {
	var all []option
	for _, f := range flags {
		doc, shown := f.(cli.DocGenerationFlag)
		if visible, is := f.(cli.VisibleFlag); !shown || is && !visible.IsVisible() || f.Names()[0] == helpOption.name {
			continue
		}
		all = append(all, optionOf(doc))
	}
	return append(all, helpOption)
}

var helpOption = option{name: "help", short: "h", usage: "show help"}

func optionOf(f cli.DocGenerationFlag) option {
	o := option{name: f.Names()[0], usage: f.GetUsage()}
	if i := slices.IndexFunc(f.Names(), func(name string) bool { return len(name) == 1 }); i >= 0 {
		o.short = f.Names()[i]
	}
	if env := f.GetEnvVars(); len(env) > 0 {
		o.env = env[0]
	}
	if !f.TakesValue() {
		return o
	}
	o.value = "VALUE"
	if _, rest, quoted := strings.Cut(o.usage, "`"); quoted {
		o.value, _, _ = strings.Cut(rest, "`")
		o.usage = strings.ReplaceAll(o.usage, "`", "")
	}
	o.preset = strings.Trim(f.GetDefaultText(), `"`)
	if many, is := f.(cli.DocGenerationSliceFlag); is {
		o.repeats = many.IsSliceFlag()
	}
	o.choices = choices(o)
	return o
}

// enumeration is the end of a usage that lists all values: "FORMAT of the answer: text or json".
var enumeration = regexp.MustCompile(`: ([a-z0-9_-]+(?:, [a-z0-9_-]+)*,? or [a-z0-9_-]+)$`)

func choices(o option) []string {
	if o.name == "fault" {
		var names []string
		for _, f := range rehearsal.Faults() {
			names = append(names, f.Name)
		}
		return names
	}
	listed := enumeration.FindStringSubmatch(o.usage)
	if listed == nil {
		return nil
	}
	return strings.FieldsFunc(strings.ReplaceAll(listed[1], " or ", ","), func(r rune) bool { return r == ',' || r == ' ' })
}

// file reports whether the value is the path of a file, or of a folder where one will do.
func (o option) file() bool { return o.value == "FILE" }

// dir reports whether the value is the path of a folder.
func (o option) dir() bool { return o.value == "DIR" }

// typed is the option as it can be typed, the long form first.
func (o option) typed() []string {
	all := []string{"--" + o.name}
	if o.short != "" {
		all = append(all, "-"+o.short)
	}
	return all
}
