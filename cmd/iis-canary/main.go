// Command iis-canary rolls a release of an IIS application through a fleet of Windows servers behind an Application Load
// Balancer, watches real users' requests while it does, and puts the whole fleet back when the release is bad.
package main

import (
	"os"
)

func main() { os.Exit(run(os.Args, system())) }
