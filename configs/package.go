package configs

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Package says how a package is fetched, and what it must prove before it is used.
type Package struct {
	// CA is a PEM file of authorities to trust for packages at https, relative to the configuration file; empty: the system's.
	CA string `yaml:"ca"`
	// Token is sent as a bearer token to the host that a package at https comes from, and to no other.
	Token Secret `yaml:"token"`
	// Timeout is how long fetching a package may take.
	Timeout time.Duration `yaml:"timeout" default:"15m" min:"1s" max:"6h"`
	// Pull says whether the servers fetch a package at https or S3 by themselves: never; prefer, and where one cannot, its files travel from
	// here; only, and where one cannot, the run ends. Each contents' SHA-256 is checked either way.
	Pull string `yaml:"pull" default:"never" oneof:"never prefer only"`
	// PullProxy is what the servers fetch through: http://HOST:PORT, or machine, the one that netsh winhttp shows. Empty: none.
	PullProxy string `yaml:"pull_proxy" form:"proxy"`
	// Authenticode makes signatures of files necessary, which Windows on each server looks at once the files are there.
	Authenticode Authenticode `yaml:"authenticode"`
	// Signature makes a signature necessary. It is beside the package: its name with .minisig or .sig behind it.
	Signature Signature `yaml:"signature"`
}

// Authenticode says which files must carry a signature of Windows' kind, and whose.
type Authenticode struct {
	// Files are paths in the package, or patterns such as bin/*.dll; each names one file at least.
	Files []string `yaml:"files" unique:"true" with:"allow"`
	// Allow is signers of whom any may have signed: the thumbprint of a certificate, or its subject, whole or the common name alone.
	Allow []string `yaml:"allow" unique:"true" with:"files"`
}

// Signature is the keys of which one must have signed the package. Exactly one of Minisign and PEM is given.
type Signature struct {
	// Minisign are public keys as minisign prints them; the signature is PACKAGE.minisig.
	Minisign []string `yaml:"minisign" either:"keys" unique:"true" form:"minisign"`
	// PEM are files with a public key each (RSA, ECDSA or Ed25519), relative to the configuration file; the signature is
	// PACKAGE.sig, over the SHA-256 of the package.
	PEM []string `yaml:"pem" either:"keys" unique:"true"`
}

// Required reports whether a package must be signed.
func (s Signature) Required() bool { return len(s.Minisign)+len(s.PEM) > 0 }

// Settings are values that are put into the files of the package before it is hashed: another value is another release.
type Settings struct {
	// JSON is values by file and by key, with a colon between names and list positions: Logging:LogLevel:Default.
	JSON map[string]map[string]Value `yaml:"json"`
	// Config is values for .NET configuration files such as web.config, by file.
	Config map[string]ConfigFile `yaml:"config"`
	// Tokens are replaced wherever they stand in some files: #{NAME}.
	Tokens Tokens `yaml:"tokens"`
}

// ConfigFile is values for a .NET configuration file.
type ConfigFile struct {
	// AppSettings are values by key, of the adds in appSettings.
	AppSettings map[string]Value `yaml:"app_settings"`
	// ConnectionStrings are connection strings by name, of the adds in connectionStrings.
	ConnectionStrings map[string]Value `yaml:"connection_strings"`
}

// Tokens are replaced wherever they stand in some files.
type Tokens struct {
	// Files are paths in the package, or patterns such as Scripts/*.js.
	Files []string `yaml:"files" unique:"true" with:"values"`
	// Values are what each token becomes, by name: what stands for #{NAME}. Each token in the files needs one.
	Values map[string]Value `yaml:"values" with:"files"`
}

// packageWords are about the package, where the file has anything to say of it.
func (s *Spec) packageWords() []Words {
	var out []Words
	if sig := s.Package.Signature; sig.Required() {
		text := "a package is taken only when it is signed"
		if keys := len(sig.Minisign) + len(sig.PEM); keys > 1 {
			text += fmt.Sprintf(", with any of %d keys", keys)
		}
		out = append(out, Words{"signature", "package.signature", text})
	}
	if a := s.Package.Authenticode; len(a.Files) > 0 {
		out = append(out, Words{"authenticode", "package.authenticode", fmt.Sprintf("%s must be signed for Windows by %s, which each server looks at before it leaves rotation",
			strings.Join(a.Files, ", "), strings.Join(a.Allow, ", or "))})
	}
	switch s.Package.Pull {
	case "prefer":
		out = append(out, Words{"pull", "package.pull", "servers fetch a package at https or S3 by themselves; where one cannot, its files travel from here"})
	case "only":
		out = append(out, Words{"pull", "package.pull", "servers fetch the package by themselves, from https or S3, or the run ends"})
	}
	values, secrets := 0, 0
	for _, v := range s.Settings.All() {
		values++
		if v.Kind() == SecretValue {
			secrets++
		}
	}
	if values > 0 {
		out = append(out, Words{"settings", "settings", fmt.Sprintf("%s to put into the files of the package before it is hashed, %s of them by reference; each must have a place there",
			counted(values, "value"), strconv.Itoa(secrets))})
	}
	return out
}
