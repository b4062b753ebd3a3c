package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"iiscanary/cmd/iis-canary/rehearsal"
)

func simulateCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "simulate",
		Usage: "put a whole fleet up on this machine and leave it standing, to practise on",
		Description: "DIR gets canary.yaml, ready for plan and deploy; good.zip and bad.zip, a release each; and endpoints.json, which says\n" +
			"where the simulated AWS, WinRM, Elasticsearch and front listen. Its \"control\" is for faults and for the truth:\n\n" +
			"   curl CONTROL/state                              what really runs and what customers got\n" +
			"   curl -d '{\"name\":\"errors\"}' CONTROL/faults      switch a fault on, see rehearse --help\n" +
			"   curl -X DELETE CONTROL/faults                   all off\n\n" +
			"Ctrl-C takes the fleet down.",
		Flags: []cli.Flag{
			textFlag("dir", "the `DIR` for everything; empty, or left by an earlier simulate", ""),
			&cli.IntFlag{Name: "servers", Usage: "`NUMBER` of Windows servers", Value: practiceServers, EnvVars: twin("servers")},
			&cli.Float64Flag{Name: "speed", Usage: "divide every configured wait by this `FACTOR`", Value: practiceSpeed, EnvVars: twin("speed")},
			&cli.Float64Flag{Name: "traffic", Usage: "`NUMBER` of customers' requests per second", Value: practiceTraffic, EnvVars: twin("traffic")},
			authFlag(), agentFlag(), elasticsearchFlag(),
		},
		Action: func(c *cli.Context) error {
			o := rehearsal.Options{Servers: c.Int("servers"), Speed: c.Float64("speed"), Traffic: c.Float64("traffic"), Auth: c.String("auth"), Agent: c.String("agent"), Standing: true,
				Elasticsearch: c.String("elasticsearch"), ElasticsearchKey: os.Getenv(rehearsal.ElasticsearchKeyVariable)}
			err := o.Check()
			if c.String("dir") == "" {
				err = errors.Join(errors.New("--dir is missing"), err)
			}
			if err != nil {
				return usage("%w", err).then(commandLine(append([]string{"iis-canary simulate"}, standable(c, o)...)...))
			}
			return simulate(s, c, o)
		},
	})
}

// What a fleet to practise on is made of where nothing else is said.
const (
	practiceServers = 4
	practiceSpeed   = 20
	practiceTraffic = 50
)

// standable is the words that were typed, with what makes a fleet in the place of each value that makes none.
func standable(c *cli.Context, o rehearsal.Options) []string {
	words := typedWords(c)
	fit := rehearsal.Options{Servers: practiceServers, Speed: practiceSpeed, Traffic: practiceTraffic}
	for _, f := range []struct {
		name, value string
		only        func(*rehearsal.Options)
	}{
		{"servers", strconv.Itoa(practiceServers), func(one *rehearsal.Options) { one.Servers = o.Servers }},
		{"speed", strconv.Itoa(practiceSpeed), func(one *rehearsal.Options) { one.Speed = o.Speed }},
		{"traffic", strconv.Itoa(practiceTraffic), func(one *rehearsal.Options) { one.Traffic = o.Traffic }},
		{"auth", rehearsal.Auths()[0], func(one *rehearsal.Options) { one.Auth = o.Auth }},
		{"agent", rehearsal.AgentModel, func(one *rehearsal.Options) { one.Agent = o.Agent }},
		{"elasticsearch", "URL", func(one *rehearsal.Options) { one.Elasticsearch = o.Elasticsearch }},
	} {
		one := fit
		if f.only(&one); one.Check() != nil {
			words = replaced(c, words, f.name, f.value)
		}
	}
	if c.String("dir") == "" {
		words = replaced(c, words, "dir", "practice")
	}
	return words
}

// simulate puts the fleet up and waits for an interrupt.
func simulate(s streams, c *cli.Context, o rehearsal.Options) error {
	var err error
	if o.Dir, err = standingFolder(c.String("dir")); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Fprintln(s.err, o.Words())
	fleet, err := rehearsal.New(ctx, o)
	if err != nil {
		return orStopped(ctx, notUp(err))
	}
	defer takeDown(fleet, say(s))
	if err := stand(ctx, fleet); err != nil {
		return orStopped(ctx, notUp(err))
	}
	defer os.Remove(filepath.Join(o.Dir, rehearsal.EndpointsFile))
	if err := invite(s, c.String("dir")); err != nil {
		return err
	}
	<-ctx.Done()
	fmt.Fprintln(s.err, "taking the fleet down")
	return nil
}

// stand opens the control of a fleet whose logs have begun to arrive.
func stand(ctx context.Context, fleet *rehearsal.Fleet) error {
	if err := fleet.Settle(ctx); err != nil {
		return err
	}
	control, err := fleet.Listen()
	if err != nil {
		return err
	}
	return fleet.Stand(control)
}

// invite says what to type in another terminal.
func invite(s streams, dir string) error {
	config := filepath.Join(dir, "canary.yaml")
	lines := []string{
		commandLine("iis-canary plan", "--config", config, "--package", filepath.Join(dir, rehearsal.GoodPackage)),
		commandLine("iis-canary deploy", "--config", config, "--package", filepath.Join(dir, rehearsal.GoodPackage)),
		commandLine("iis-canary deploy", "--config", config, "--package", filepath.Join(dir, rehearsal.BadPackage)),
		commandLine("iis-canary status", "--config", config),
	}
	text := "\nThe fleet stands. In another terminal:\n\n"
	for _, line := range lines {
		text += "  " + line + "\n"
	}
	_, err := fmt.Fprintf(s.out, "%s\nFaults and the truth: %s. Ctrl-C takes the fleet down.\n", text, filepath.Join(dir, rehearsal.EndpointsFile))
	return err
}

// markFile says that everything in a folder is a standing fleet's.
const markFile = ".iis-canary-fleet"

// standingFolder makes the folder, or clears what an earlier fleet left in it. A folder with anything else in it is refused.
func standingFolder(path string) (string, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return "", usage("--dir %s: %w", path, err).then("choose another --dir DIR")
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", usage("make the folder of the fleet: %w", err).then("choose another --dir DIR")
		}
	case err != nil:
		return "", usage("look into the folder of the fleet: %w", err).then("choose another --dir DIR")
	case len(entries) > 0 && !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == markFile }):
		return "", usage("%s is not empty, and not from an earlier simulate", path).then("choose another --dir DIR")
	}
	if err := refuseTaken(dir, path); err != nil {
		return "", err
	}
	return dir, claim(dir)
}

// claim marks the folder before anything else comes into it, and clears what an earlier fleet left there: its servers and its
// journals are not this one's.
func claim(dir string) error {
	mark := "Everything in this folder belongs to iis-canary simulate. The next one clears servers, state and endpoints.json.\n"
	err := os.WriteFile(filepath.Join(dir, markFile), []byte(mark), 0o600)
	for _, name := range []string{"servers", "state", rehearsal.EndpointsFile} {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, name)))
	}
	if err != nil {
		return usage("make the folder ready for a fleet: %w", err).then("choose another --dir DIR")
	}
	return nil
}

// refuseTaken refuses a folder whose fleet still stands.
func refuseTaken(dir, path string) error {
	text, err := os.ReadFile(filepath.Join(dir, rehearsal.EndpointsFile))
	if err != nil {
		return nil // none, or none that can be read
	}
	var e rehearsal.Endpoints
	if json.Unmarshal(text, &e) != nil || e.Control == "" {
		return nil
	}
	ask := http.Client{Timeout: 2 * time.Second}
	answer, err := ask.Get(e.Control + "/faults")
	if err != nil {
		return nil
	}
	_ = answer.Body.Close()
	return usage("a fleet stands in %s already", path).then("use it, or end it with Ctrl-C in its terminal, or choose another --dir DIR")
}
