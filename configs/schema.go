package configs

import (
	"bytes"
	_ "embed"
)

// schema is made from the types and tags of [Spec] by a test, which also fails when it is stale.
//
//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (draft-07, which editors support best) of a configuration file: every key with its description,
// form and default. It refuses what the pass over the shape refuses, but for the range of a time, which the description tells.
func Schema() []byte { return bytes.Clone(schema) }
